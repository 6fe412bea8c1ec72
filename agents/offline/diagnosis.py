"""A ticket that asks what is wrong: findings first; a remedy in Git becomes what is asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from agents.kubernetes import suspects
from agents.offline.drafting import GIVE_UP
from agents.offline.outcome import PLACE, Question, Topic
from agents.offline.transcript import Exchange
from agents.runtime.llm import Task
from agents.triage.report import NOTHING, TOO_LITTLE

TRIAGE: Final = "triage_namespace"
TOLD: Final = 1200  # characters of a report that a question repeats

_ASKS = re.compile(
    r"\b(?:find out (?:what|why)|what(?:'s| is) (?:wrong|broken|failing|going on)"
    r"|why (?:is|are|does|do|did|has|have|can)|diagnos\w*|investigat\w*|troubleshoot\w*"
    r"|root cause)\b",
    re.IGNORECASE,
)
_NAME = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
# How `tickets.alerts.wording` begins; all but the first line is what a monitoring system says.
_OF_ALERT = re.compile(r"\AFind out what is wrong with [^\n]*, and mend it\.\n\nAlert ")
_REQUEST = re.compile(r"^  as a ticket: (?P<request>.+)$", re.MULTILINE)
_ILL = re.compile(rf"\b[A-Z][A-Za-z]{{1,60}} (?P<namespace>{_NAME})/(?P<name>{_NAME})\b")
# The likeliest root, where its cause is a variable that has no value; and the lines that prove it.
_UNSET = re.compile(rf"^\w+: application/missing-environment at [\w/.-]+/(?P<workload>{_NAME}) \(")
_PROOF = re.compile(r"^  E\d+ \[[^\]\n]*\] (?P<line>.*)$", re.MULTILINE)
_VARIABLE = re.compile(r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b|(?<=KeyError: ')[A-Z][A-Z0-9]+(?=')")


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What triage said of a workload: its first line, and the change in Git that would mend it.

    `wanting`: the same change where a person has to put a value for `PLACE`.
    """

    answer: str
    report: str
    request: str = ""
    wanting: str = ""
    workload: str = ""

    @property
    def healthy(self) -> bool:
        return self.answer.startswith(NOTHING)

    @property
    def question(self) -> Question:
        """What now, where a person has to say what mends it."""
        topic, report = Topic.REMEDY, self.report
        example = f"'Set LOG_LEVEL=debug on {self.workload or 'web'}'"
        wanted = f"Say what to change, as in {example}, or give up."
        if self.wanting:
            topic, wanted = Topic.VARIABLE, f"Answer `{self.wanting}`, or give up."
        elif self.answer.startswith(TOO_LITTLE):
            # The opening says what the first line and the heading after it say.
            topic, report = Topic.TOO_LITTLE, report.partition(f"\n{TOO_LITTLE}:\n")[2]
        parts = (topic.value, _cut(report), wanted)
        return Question(topic=topic, text="\n\n".join(parts), options=(GIVE_UP,))


def _cut(report: str) -> str:
    """Its first lines, whole."""
    lines: list[str] = []
    for line in report.splitlines():
        if sum(map(len, lines)) + len(line) > TOLD:
            return "\n".join([*lines, "…"])
        lines.append(line)
    return "\n".join(lines)


def wish(task: Task) -> Mapping[str, str] | None:
    """The arguments of triage for a ticket that asks what is wrong; None for all others."""
    # What was asked comes before the words of an alert, which may name other places.
    text = f"{task.description}\n{task.title}" if _of_alert(task) else _text(task)
    if not _ASKS.search(text):
        return None
    namespace = suspects.namespace_of(text)
    if not namespace:
        return None
    workload = suspects.named(text, but={namespace})
    return {"namespace": namespace} | ({"workload": workload} if workload else {})


def without_alerts(task: Task) -> Task:
    """The task, and no words of a monitoring system: they ask for no change."""
    return replace(task, title="", description="") if _of_alert(task) else task


def _of_alert(task: Task) -> bool:
    return _OF_ALERT.match(task.description) is not None


def _text(task: Task) -> str:
    return f"{task.title}\n{task.description}"


def of_ailing(waited: str) -> Mapping[str, str] | None:
    """The arguments of triage for what Argo CD calls ill; None where it names no such object."""
    found = _ILL.search(waited)
    return {"namespace": found["namespace"], "workload": found["name"]} if found else None


def told(exchange: Exchange) -> Diagnosis:
    """What a report of triage says. Its first part is the answer, its second the likeliest root."""
    parts = exchange.result.split("\n\n")
    root = parts[1] if len(parts) > 1 else ""
    request = _REQUEST.search(root)
    return Diagnosis(
        answer=parts[0].strip(),
        report=exchange.result,
        request=request["request"].strip() if request else "",
        wanting=_wanting(root),
        workload=str(exchange.arguments.get("workload", "")),
    )


def _wanting(root: str) -> str:
    """What sets the variable that a root lacks; empty where the proof names none or several."""
    unset = _UNSET.match(root)
    proof = "\n".join(found["line"] for found in _PROOF.finditer(root))
    names = set(_VARIABLE.findall(proof))
    return f"Set {names.pop()}={PLACE} on {unset['workload']}" if unset and len(names) == 1 else ""
