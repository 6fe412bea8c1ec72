"""What a person's answer to a question, or their feedback on a plan, makes of an intent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from agents.offline import catalogue, values
from agents.offline.intent import Action, Intent, Slot, merged
from agents.offline.outcome import PLACE, Topic
from agents.offline.reading import amend, read
from agents.offline.slots import CANONICAL

_GIVES_UP = re.compile(
    r"\s*(?:please\s+)?(?:give up|cancel|stop|abort|never ?mind|forget it"
    r"|close (?:it|this|the ticket))\b",
    re.IGNORECASE,
)
_AGREES = re.compile(
    r"\s*(?:yes|y|yep|ok(?:ay)?|sure|go (?:on|ahead)|continue|proceed|please do"
    r"|do (?:it|so|that))\b",
    re.IGNORECASE,
)
_LEAVES_OUT = re.compile(
    r"\s*(?:no|none|skip(?: it)?|without(?: it)?|leave (?:it|that) out|not needed|nothing)\b"
    r"[.! ]*$",
    re.IGNORECASE,
)
_RETRIES = re.compile(
    r"\s*(?:please\s+)?(?:re-?try|try (?:it )?(?:once )?(?:again|more)|again|repeat)\b",
    re.IGNORECASE,
)
# What is asked where the ticket asked for no change: its values may belong to something else.
_AFRESH = frozenset({Topic.ACTION, Topic.REMEDY, Topic.VARIABLE, Topic.TOO_LITTLE})
_TOPIC_SLOTS = {
    Topic.NAME: Slot.NAME,
    Topic.IMAGE: Slot.IMAGE,
    Topic.REPLICAS: Slot.REPLICAS,
    Topic.ENVIRONMENT: Slot.ENVIRONMENT,
    Topic.CONTAINER: Slot.CONTAINER,
}


def gives_up(text: str) -> bool:
    """The person wants the work to end."""
    return _GIVES_UP.match(text) is not None


def retries(text: str) -> bool:
    """The person wants the failed step to be tried again."""
    return _RETRIES.match(text) is not None or _AGREES.fullmatch(text.strip(" .!")) is not None


def topic_of(question: str) -> tuple[Topic, Slot | None] | None:
    """What one of our questions was about, told from its opening."""
    for topic in Topic:
        if question.startswith(topic.value):
            slot = re.match(r"\((\w+)\):", question[len(topic.value) :].strip())
            return topic, Slot(slot[1]) if slot else None
    return None


def answered(
    base: Intent,
    topic: Topic,
    slot: Slot | None,
    text: str,
    *,
    known: Iterable[str] = (),
    environments: Iterable[str] = (),
) -> Intent:
    """`base` with the answer in it; unchanged when the answer says nothing that fits."""
    names, places = frozenset(known), frozenset(environments)
    if topic is Topic.VARIABLE and PLACE in text:
        return base
    if topic in _AFRESH:
        fresh = read(text, known=names, environments=places)
        return fresh if fresh.name else replace(fresh, name=base.name)
    agreed = _agreement(base, topic, slot, text)
    if agreed is not None:
        return merged(base, agreed)
    if topic is Topic.SECRET:
        return base
    wanted = slot or _TOPIC_SLOTS.get(topic)
    said = _bare(wanted, text, base, places)
    if said is None and wanted is Slot.NAME:
        said = _object(base, text, names, places) or read(text, known=names, environments=places)
    return merged(base, said or amend(base, text, known=names, environments=places))


def _agreement(base: Intent, topic: Topic, slot: Slot | None, text: str) -> Intent | None:
    """A yes or "leave it out" to a question that takes one."""
    agrees, leaves_out = _AGREES.match(text), _LEAVES_OUT.match(text)
    if topic is Topic.IMAGE and agrees and base.hint:
        return Intent(image=base.hint)
    if topic is Topic.SECRET and (agrees or leaves_out):
        return Intent(accepted=frozenset({Slot.SECRET}))
    if topic is Topic.NAMESPACE and agrees:
        return Intent(accepted=frozenset({Slot.NAMESPACE}))
    if topic is Topic.VALUE and slot and leaves_out:
        return Intent(without=frozenset({slot}))
    return None


def _bare(
    slot: Slot | None, text: str, base: Intent, environments: frozenset[str]
) -> Intent | None:
    """A bare value, e.g. "nginx:1.27" or "three", as the answer for a slot."""
    word = text.strip().strip("\"'`").rstrip(".,;!")
    readers: dict[Slot | None, Callable[[], Intent | None]] = {
        Slot.NAME: lambda: _name(word.lower()),
        Slot.IMAGE: lambda: _image(word, base),
        Slot.VERSION: lambda: _image(word, base),
        Slot.REPLICAS: lambda: _replicas(word),
        Slot.PORT: lambda: _port(word),
        Slot.NAMESPACE: lambda: Intent(namespace=word) if values.is_namespace(word) else None,
        Slot.HOST: lambda: Intent(host=word.lower()) if values.is_host(word.lower()) else None,
        Slot.CONTAINER: lambda: Intent(container=word) if values.is_namespace(word) else None,
        Slot.ENVIRONMENT: lambda: _environments(text, environments),
    }
    return readers.get(slot, lambda: None)()


def _name(word: str) -> Intent | None:
    if not values.is_name(word) or _AGREES.fullmatch(word) or word in ("no", "none"):
        return None
    return Intent(name=word, software=word if word in catalogue.SOFTWARE else None)


def _object(
    base: Intent, text: str, known: frozenset[str], environments: frozenset[str]
) -> Intent | None:
    """ "nginx 1.27, please", read as what is to be deployed. What it names must be software that we
    know or come with an image: "no idea" is no name.
    """
    if base.action is not Action.DEPLOY or _LEAVES_OUT.match(text):
        return None
    said = read(f"Deploy {text.strip()}", known=known, environments=environments)
    return said if said.name and (said.software or said.image) else None


def _image(word: str, base: Intent) -> Intent | None:
    image = values.parse_image(word)
    if image and (image.pinned or "/" in word or word in catalogue.SOFTWARE):
        return Intent(image=image)
    # "1.27" is a version only where it is clear of what.
    known = base.image or base.software or base.action is not Action.DEPLOY
    tag = values.is_tag(word) and (any(c.isdigit() for c in word) or word == "latest")
    return Intent(version=word) if known and tag else None


def _replicas(word: str) -> Intent | None:
    count = values.number(word)
    fits = count is not None and count <= values.MAX_REPLICAS
    return Intent(replicas=count) if fits else None


def _port(word: str) -> Intent | None:
    port = values.number(word)
    return Intent(port=port) if port is not None and values.is_port(port) else None


def _environments(text: str, known: frozenset[str]) -> Intent | None:
    words = re.findall(r"[\w-]+", text)
    if {"all", "every", "both", "each"} & {word.lower() for word in words}:
        return Intent(environments=("all",))
    listed = [w for w in words if w in known or w.lower() in CANONICAL]
    named = tuple(w if w in known else CANONICAL[w.lower()] for w in listed)
    return Intent(environments=tuple(dict.fromkeys(named))) if named else None


def fed_back(
    base: Intent, feedback: str, *, known: Iterable[str] = (), environments: Iterable[str] = ()
) -> Intent:
    """`base` as the feedback on a rejected plan amends it."""
    return merged(base, amend(base, feedback, known=known, environments=environments))
