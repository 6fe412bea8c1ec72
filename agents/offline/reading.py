"""Plain language to an `Intent`. Pure; what is not understood stays empty, nothing is guessed.

The values are cut out first (`slots`), then the verbs and their objects tell the action and the
application: "Roll out | web | |" is a deployment of `web`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from agents.offline import catalogue, objects, values
from agents.offline.intent import Action, Fault, Intent, Slot
from agents.offline.objects import Wish
from agents.offline.scanning import Scan
from agents.offline.slots import VERSION, scan
from agents.offline.vocabulary import NAMED, Verb

CHANGES = frozenset({Slot.IMAGE, Slot.REPLICAS, Slot.PORT, Slot.HOST, Slot.ENV, Slot.RESOURCES})


def read(text: str, *, known: Iterable[str] = (), environments: Iterable[str] = ()) -> Intent:
    """What a ticket asks for. `known` are the names of the applications that exist."""
    return _read(text, frozenset(known), frozenset(environments)).intent


def amend(
    base: Intent, text: str, *, known: Iterable[str] = (), environments: Iterable[str] = ()
) -> Intent:
    """What an answer or a feedback adds to `base`, as a fragment for `merged`.

    It renames the application only in so many words ("call it X"): another application that it
    names is a rival, and an unknown word behind a preposition is nothing.
    """
    names = frozenset(known)
    reading = _read(text, names, frozenset(environments))
    said = reading.intent
    if not base.name or not said.name or said.name == base.name or reading.renames:
        return said
    listed = said.name in names or said.name in catalogue.SOFTWARE
    return replace(said, name=None, rivals=(said.name,) if listed else (), software=None)


@dataclass(frozen=True, slots=True)
class _Reading:
    """An intent, and whether its text names the application in so many words."""

    intent: Intent
    renames: bool


@lru_cache(maxsize=256)
def _read(text: str, known: frozenset[str], environments: frozenset[str]) -> _Reading:
    found = scan(text, known=known, environments=environments)
    wishes = objects.wishes(found.rest, known)
    intent = _named(_told(found), found, wishes, known)
    action, hint = _action(intent, wishes, known), _hint(found.rest, intent.name)
    return _Reading(replace(intent, action=action, hint=hint), _explicit(found.rest) is not None)


def _told(found: Scan) -> Intent:
    """The values of a scan as an intent without action and name."""
    return Intent(
        **found.values,
        unmet=tuple(dict.fromkeys(found.unmet)),
        without=frozenset(found.without),
        faults=tuple(dict.fromkeys(found.faults)),
    )


def _named(intent: Intent, found: Scan, wishes: list[Wish], known: frozenset[str]) -> Intent:
    """Which application is meant, and what else was named."""
    explicit = _explicit(found.rest)
    with_name = [w for w in wishes if w.name]
    strong = [w for w in with_name if w.verb is not Verb.WEAK] or with_name
    if explicit:
        return _called(intent, explicit, strong)
    if not strong:
        return _without_object(intent, found, wishes, known)
    name = strong[0].name or ""
    intent = _compared(intent, name, strong, known)
    software = intent.software or (name if name in catalogue.SOFTWARE else None)
    return replace(
        intent, name=name, software=software, version=_version(intent, found.rest, name, strong)
    )


def _version(intent: Intent, rest: str, name: str, wishes: list[Wish]) -> str | None:
    """The version in so many words, else the one that stands beside the name."""
    if intent.version or (intent.image and intent.image.pinned):
        return intent.version
    beside = next((w.version for w in wishes if w.version and w.name == name), None)
    return beside or _beside(rest, name)


def _called(intent: Intent, explicit: str, wishes: list[Wish]) -> Intent:
    """ "Deploy nginx called landing": the name is told, the object is what it is made of."""
    software = next((w.name for w in wishes if w.name in catalogue.SOFTWARE), None)
    version = next((w.version for w in wishes if w.version), None)
    intent = replace(intent, software=software, version=intent.version or version)
    if values.is_name(explicit):
        return replace(intent, name=explicit)
    return _misnamed(intent, explicit)


def _misnamed(intent: Intent, word: str) -> Intent:
    why = (
        f"{values.shown(word)!r} is no valid name: lower-case letters, digits and dashes,"
        " beginning with a letter, at most 63"
    )
    return replace(intent, faults=(*intent.faults, Fault(Slot.NAME, why)))


def _explicit(rest: str) -> str | None:
    match = NAMED.search(rest)
    if match is None:
        return None
    word = (match["v"] or match["w"]).rstrip(".:!?")
    return word.lower() if word == word.capitalize() else word


def _compared(intent: Intent, name: str, wishes: list[Wish], known: frozenset[str]) -> Intent:
    """Other objects than `name`: a second wish is a rival, a mere mention is left out."""
    rivals, unmet = [*wishes[0].others], list(intent.unmet)
    for wish in wishes[1:]:
        other = wish.name or ""
        if other == name:
            continue
        if other in known or (other in catalogue.SOFTWARE and name in catalogue.SOFTWARE):
            rivals += [other, *wish.others]
        elif other not in catalogue.SOFTWARE:
            unmet.append(f"to {wish.verb} {values.shown(other.replace('-', ' '))}")
    rivals = [rival for rival in dict.fromkeys(rivals) if rival != name]
    return replace(intent, rivals=tuple(rivals), unmet=tuple(unmet))


def _without_object(
    intent: Intent, found: Scan, wishes: list[Wish], known: frozenset[str]
) -> Intent:
    """No verb has an application as object: "set FOO=bar on web", "use ghcr.io/acme/web:2"."""
    wrong = next((w.wrong for w in wishes if w.wrong and w.verb is not Verb.WEAK), None)
    if wrong:
        return _misnamed(intent, wrong)
    related = objects.related(found.rest, known)
    if not related and re.search(r"\b(?:it|them)\b", found.rest, re.IGNORECASE):
        # "Do not delete web, scale it to 3": the name stands in what was not asked for.
        related = objects.mentioned(found.refused, known)
    if related:
        version = intent.version or _beside(found.rest, related[0])
        return replace(intent, name=related[0], rivals=tuple(related[1:]), version=version)
    if intent.image and any(w.verb in (Verb.DEPLOY, Verb.WEAK) for w in wishes):
        name = intent.image.name.replace("_", "-").replace(".", "-")
        return replace(intent, name=name if values.is_name(name) else None)
    return intent


def _beside(rest: str, name: str) -> str | None:
    """A version right after the name, e.g. "nginx 1.27"."""
    match = re.search(
        rf"(?<![\w/-]){re.escape(name)}\s+(?:version\s+)?(?P<v>{VERSION})(?![\w:/])",
        rest,
        re.IGNORECASE,
    )
    return objects.version_of(name, match["v"]) if match else None


def _hint(rest: str, name: str | None) -> values.Image | None:
    """Software with a version that the text mentions, e.g. "with nginx 1.27": worth offering."""
    names = "|".join(catalogue.SOFTWARE)
    match = re.search(
        rf"(?<![\w./-])(?P<s>{names})\s+(?P<v>{VERSION})(?![\w:/])", rest, re.IGNORECASE
    )
    if match is None or match["s"].lower() == name:
        return None
    return catalogue.SOFTWARE[match["s"].lower()].image.tagged(match["v"])


def _action(intent: Intent, wishes: list[Wish], known: frozenset[str]) -> Action | None:
    """What the verbs ask for; for an application that exists, the values tell which change."""
    about = (intent.name, intent.software, None)
    own = [w for w in wishes if not w.part and w.name in about]
    verbs = {w.verb for w in own}
    if Verb.REMOVE in verbs:
        return _removal(own)
    parts = [w for w in wishes if w.part]
    if any(w.verb is Verb.REMOVE for w in parts) and not intent.unset:
        return None
    # "Increase the timeout of web" scales nothing.
    verbs |= {w.verb for w in parts} - {Verb.SCALE}
    named = any(w.name for w in own)
    deploys = Verb.DEPLOY in verbs or (Verb.WEAK in verbs and (named or bool(intent.image)))
    if deploys and not (intent.name in known and _change(intent)):
        return Action.DEPLOY
    return _changing(intent, verbs, named=named) if verbs or parts else None


def _removal(own: list[Wish]) -> Action | None:
    """Removal of the application itself; what else was asked of it contradicts that."""
    others = any(w.name and w.verb is not Verb.REMOVE for w in own)
    meant = any(w.verb is Verb.REMOVE and (w.name or w.wrong) for w in own)
    return Action.REMOVE if meant and not others else None


def _changing(intent: Intent, verbs: set[Verb], *, named: bool) -> Action | None:
    change = _change(intent)
    if change is None and Verb.SCALE in verbs:
        return Action.SCALE
    # "Move web to namespace x" asks for no image; moving is nothing that rules do.
    if change is None and Verb.IMAGE in verbs and named and not intent.namespace:
        return Action.IMAGE
    return change


def _change(intent: Intent) -> Action | None:
    """Which change the values ask for; a value that is wrong asks for it too."""
    slots = intent.slots | {fault.slot for fault in intent.faults}
    if Slot.IMAGE in slots:
        return Action.IMAGE
    if Slot.REPLICAS in slots:
        return Action.SCALE
    return Action.CONFIGURE if slots & CHANGES else None
