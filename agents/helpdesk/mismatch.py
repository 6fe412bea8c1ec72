"""What an answer of a model says that nothing of its task shows. Pure.

Four kinds: an action that no successful call did, an id of evidence that no report has, findings
without a single citation, and names of things that nobody looked up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from agents.helpdesk.claimed import CODE, Claim, claims, prose
from aura.kernel.text import one_line
from governance.types import EFFECT_CLASSES

MOST: Final = 5  # told of one kind
SHOWN_CHARS: Final = 160
# verb -> words in the names of the tools that do it; of other verbs every tool may be meant
_ENDS: Final = frozenset({"terminate", "kill", "cancel", "end", "delete"})
_DELETES: Final = frozenset({"delete", "remove", "drop", "evict", "drain"})
_DONE_BY: Final = {
    "restart": frozenset({"restart", "delete", "rollout", "scale"}),
    "recreate": frozenset({"restart", "delete", "rollout", "scale"}),
    "delete": _DELETES,
    "remove": _DELETES,
    "drop": _DELETES,
    "evict": _DELETES,
    "drain": _DELETES,
    "terminate": _ENDS,
    "kill": _ENDS,
    "cancel": _ENDS,
    "scale": frozenset({"scale"}),
    "cordon": frozenset({"cordon"}),
    "uncordon": frozenset({"uncordon"}),
}
_KNOWN: Final = frozenset[str]().union(*_DONE_BY.values())

_ID: Final = re.compile(r"\bE[1-9]\d{0,2}\b(?!-[a-z])")
# What else is called E2 is no citation, so without a report it must look like one.
_CITED: Final = re.compile(
    r"[\[(](?:E[1-9]\d{0,2}(?:\s*(?:[,;/–-]|and)\s*)?)+[\])]|\b(?:evidence|proof) E[1-9]\d{0,2}\b"  # noqa: RUF001
)

_KIND: Final = (
    r"pods?|deployments?|deploy|statefulsets?|sts|daemonsets?|ds|replicasets?|rs|services?|svc|nodes?"
    r"|jobs?|cronjobs?|configmaps?|cm|secrets?|pvc|ingress(?:es)?|namespaces?|ns"
)
_NAME: Final = r"[a-z0-9][-a-z0-9.]*(?:/[a-z0-9][-a-z0-9.]*)?"
_IN_CODE: Final = re.compile(
    rf"\b(?P<kind>(?i:{_KIND})) `(?P<name>{_NAME})`|`(?i:{_KIND})/(?P<path>{_NAME})`"
)
_IN_PROSE: Final = re.compile(rf"(?<![\w/.`-])(?:{_KIND})/(?P<path>{_NAME})(?![\w/])")
_NAMESPACE: Final = re.compile(r"(?:namespaces?|ns)$", re.IGNORECASE)
# Without a hyphen or a digit `service selector` and `deployment/service` may be words.
_TELLING: Final = re.compile(r"[-\d]")
_PID: Final = re.compile(r"\bpid `?(?P<pid>[1-9]\d{1,8})\b", re.IGNORECASE)
_NOT_THERE: Final = re.compile(
    r"\b(?:create|add|name|call|rename|would|should|could|might|if|no|not|never|none|example|e\.g\.?"
    r"|such as|like|say|instead|expect\w*|missing|absent|placeholder|suppose|new)\b|n['’]t\b|\?$",  # noqa: RUF001
    re.IGNORECASE,
)
_ALWAYS_THERE: Final = frozenset({"default", "kube-system", "kube-public", "kubernetes"})
_MADE_UP: Final = re.compile(r"^(?:my|your|some|foo|bar|example|name|test)\b|^[a-z]$")
_IN_GENERAL: Final = re.compile(
    r"\bhow (?:do|does|can|to|would|should)\b|\bexplain\b|\bexample\b|\bwhat (?:is|are) an?\b",
    re.IGNORECASE,
)


class Kind(StrEnum):
    """What is wrong with a statement."""

    ACTION = "action"
    EVIDENCE = "evidence"
    UNCITED = "uncited"
    NAME = "name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """A tool call that ended. `found`: it is a triage that found something wrong."""

    tool: str
    action_class: str
    failed: bool
    result: str
    arguments: str = ""
    found: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked and done.

    `known`: what people said and what was answered before in the conversation. `before`: tools that
    changed something in earlier tasks of it. `names`: whether the agent speaks of things that can
    be looked up.
    """

    question: str
    calls: Sequence[Called]
    known: str = ""
    before: Sequence[str] = ()
    names: bool = True


@dataclass(frozen=True, slots=True)
class Mismatch:
    """`said`: the sentence, the id or the name that nothing shows."""

    kind: Kind
    said: str


def mismatches(answer: str, asked: Asked) -> list[Mismatch]:
    """Everything in the answer that has no record, in the order of the kinds; usually nothing."""
    shown = "\n".join((asked.question, asked.known, *map(_shows, asked.calls)))
    return [
        *_actions(answer, asked),
        *_evidence(answer, asked, shown),
        *_names(answer, asked, shown),
    ]


def note(found: Sequence[Mismatch]) -> str:
    """The line for whoever reads the answer."""
    said = {kind: [it.said for it in found if it.kind is kind] for kind in Kind}
    parts = []
    if actions := said[Kind.ACTION]:
        parts.append("no call that succeeded did what is said here: " + " ".join(actions))
    if ids := said[Kind.EVIDENCE]:
        parts.append(f"no report of this task has {', '.join(ids)}")
    if said[Kind.UNCITED]:
        parts.append("there are findings, and the answer cites none of their evidence")
    if names := said[Kind.NAME]:
        parts.append(f"nothing that was looked up shows {', '.join(names)}")
    return f"Not verified: {'; '.join(parts)}"


def _shows(call: Called) -> str:
    """What a call proves to be there: of a failed one its message, and not what was asked for."""
    return call.result if call.failed else f"{call.result}\n{call.arguments}"


def _actions(answer: str, asked: Asked) -> list[Mismatch]:
    done = [it.tool for it in asked.calls if it.action_class in EFFECT_CLASSES and not it.failed]
    tools = [*done, *asked.before]
    unproven = (it for it in claims(answer, asked.question) if not _did(it, tools))
    said = dict.fromkeys(_short(it.sentence) for it in unproven)
    return [Mismatch(Kind.ACTION, it) for it in [*said][:MOST]]


def _did(claim: Claim, tools: Sequence[str]) -> bool:
    wanted = _DONE_BY.get(claim.verb)
    if wanted is None:
        return bool(tools)
    words = (frozenset(name.lower().split("_")) for name in tools)
    return any(it & wanted or not it & _KNOWN for it in words)


def _evidence(answer: str, asked: Asked, shown: str) -> list[Mismatch]:
    found = any(it.found for it in asked.calls)
    cited = _ID.findall(answer if found else " ".join(_CITED.findall(answer)))
    if found and not cited and not answer.rstrip().endswith("?"):
        return [Mismatch(Kind.UNCITED, "")]
    there = set(_ID.findall(shown))
    return [Mismatch(Kind.EVIDENCE, it) for it in dict.fromkeys(cited) if it not in there][:MOST]


def _names(answer: str, asked: Asked, shown: str) -> list[Mismatch]:
    if not asked.names or _IN_GENERAL.search(asked.question):
        return []
    lower = shown.lower()
    missing = (it for it in dict.fromkeys(_named(answer)) if not _is_there(it, lower))
    return [Mismatch(Kind.NAME, it) for it in missing][:MOST]


def _named(answer: str) -> Iterator[str]:
    """Names and pids that are told as facts."""
    for line in prose(answer).splitlines():
        if _NOT_THERE.search(line):
            continue
        for match in _IN_CODE.finditer(line):
            name = match["path"] or match["name"]
            if match["path"] or _NAMESPACE.match(match["kind"]) or _TELLING.search(name):
                yield name.rstrip(".-/")
        for match in _IN_PROSE.finditer(CODE.sub("", line)):
            if _TELLING.search(match["path"]):
                yield match["path"].rstrip(".-/")
        yield from (match["pid"] for match in _PID.finditer(line))


def _is_there(name: str, shown: str) -> bool:
    if name.isdigit():
        return re.search(rf"(?<!\d){name}(?!\d)", shown) is not None
    last = name.rpartition("/")[2]
    return last in _ALWAYS_THERE or bool(_MADE_UP.search(last)) or last in shown


def _short(sentence: str) -> str:
    return f"“{one_line(sentence, SHOWN_CHARS)}”"
