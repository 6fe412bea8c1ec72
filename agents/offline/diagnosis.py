"""A ticket that asks what is wrong: findings first; a remedy in Git becomes what is asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from agents.offline.drafting import GIVE_UP
from agents.offline.outcome import Question, Topic
from agents.offline.transcript import Exchange
from agents.runtime.llm import Task

TRIAGE: Final = "triage_namespace"
TOLD: Final = 1200  # characters of a report that a question repeats

_ASKS = re.compile(
    r"\b(?:find out (?:what|why)|what(?:'s| is) (?:wrong|broken|failing|going on)"
    r"|why (?:is|are|does|do|did|has|have|can)|diagnos\w*|investigat\w*|troubleshoot\w*"
    r"|root cause)\b",
    re.IGNORECASE,
)
_NAME = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_NAMESPACES = (
    re.compile(rf"\bnamespace[ =:]+[\"'`]?(?P<name>{_NAME})\b"),
    re.compile(
        rf"\bin (?:the )?[\"'`]?(?P<name>{_NAME})[\"'`]?(?: namespace)?(?=[?.!,;\s]*$)",
        re.MULTILINE,
    ),
)
_WORKLOAD = re.compile(
    rf"\b(?:wrong with|broken (?:in|with)|why (?:is|are|does|do|did|has|have|can)|diagnose"
    rf"|investigate|troubleshoot|cause (?:of|in)) (?:the )?[\"'`]?(?P<name>{_NAME})\b",
    re.IGNORECASE,
)
# How `tickets.alerts.wording` begins; all but the first line is what a monitoring system says.
_OF_ALERT = re.compile(r"\AFind out what is wrong with [^\n]*, and mend it\.\n\nAlert ")
_NO_WORKLOAD = frozenset({"namespace", "the", "everything", "it", "there", "nothing", "a", "an"})
_REQUEST = re.compile(r"^  as a ticket: (?P<request>.+)$", re.MULTILINE)
_ILL = re.compile(rf"\b[A-Z][A-Za-z]{{1,60}} (?P<namespace>{_NAME})/(?P<name>{_NAME})\b")
_WELL = "Nothing wrong was found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What triage said of a workload: its first line, and the change in Git that would mend it."""

    answer: str
    report: str
    request: str = ""
    workload: str = ""

    @property
    def healthy(self) -> bool:
        return self.answer.startswith(_WELL)

    @property
    def question(self) -> Question:
        """What now, where no change of a manifest is known to mend it."""
        example = f"'Set LOG_LEVEL=debug on {self.workload or 'web'}'"
        parts = (
            Topic.REMEDY.value,
            _cut(self.report),
            f"Say what to change, as in {example}, or give up.",
        )
        return Question(topic=Topic.REMEDY, text="\n\n".join(parts), options=(GIVE_UP,))


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
    namespace = _first_name(text)
    if not namespace:
        return None
    named = _WORKLOAD.search(text)
    workload = named["name"].lower() if named else ""
    arguments = {"namespace": namespace}
    if workload and workload not in _NO_WORKLOAD and workload != namespace:
        arguments["workload"] = workload
    return arguments


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


def _first_name(text: str) -> str:
    found = (match["name"] for pattern in _NAMESPACES for match in pattern.finditer(text))
    return next((name for name in found if name not in _NO_WORKLOAD), "")


def told(exchange: Exchange) -> Diagnosis:
    """What a report of triage says. Its first part is the answer, its second the likeliest root."""
    parts = exchange.result.split("\n\n")
    root = _REQUEST.search(parts[1]) if len(parts) > 1 else None
    return Diagnosis(
        answer=parts[0].strip(),
        report=exchange.result,
        request=root["request"].strip() if root else "",
        workload=str(exchange.arguments.get("workload", "")),
    )
