"""A model's answer beside the records of its task: what nothing shows is flagged.

What was found stands as an artifact of the task, which people are shown, and from which the header
`X-Audit-Mismatch` and the event of the task's end are made.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from agents.helpdesk import catalogue
from agents.helpdesk.answering import Listing
from agents.helpdesk.mismatch import Asked, Called, Mismatch, mismatches, note
from agents.models import CallState, HelpdeskTask, Run, ToolExecution, Turn
from aura.kernel.telemetry import metrics
from governance.types import EFFECT_CLASSES

ARTIFACT: Final = "audit_mismatch"
TRIAGE: Final = "triage"  # the tag of tools whose results are reports of findings
HARMLESS: Final = "info"  # a severity: worth knowing, and no need to be cited


def flagged(task: HelpdeskTask, run: Run, turn: Turn) -> tuple[str, list[dict[str, str]]]:
    """The answer as it is given, and the artifacts for what it says without a record.

    Rules without a model answer with the tools' own results, where there is nothing to compare.
    """
    if turn.model == Listing.name or not turn.text:
        return turn.text, []
    found = mismatches(turn.text, _asked(task, run))
    if not found:
        return turn.text, []
    for kind in {it.kind for it in found}:
        metrics.UNVERIFIED.labels(task.agent, kind).inc()
    return f"{turn.text}\n\n{note(found)}", [_artifact(task, found)]


def of(task: HelpdeskTask) -> list[dict[str, str]]:
    """`{"kind", "said"}` of everything that was flagged in the answer of a task."""
    name = _artifact_id(task)
    for artifact in task.artifacts:
        if artifact["id"] == name:
            found: list[dict[str, str]] = json.loads(artifact["parts"])["mismatches"]
            return found
    return []


def verification(task: HelpdeskTask) -> dict[str, Any]:
    """The part of the event of the task's end: which calls are on record (behaviour §2.2)."""
    done = ToolExecution.objects.filter(run_id=task.run_id, state=CallState.DONE, failed=False)
    called = list(done.values_list("tool", "action_class").order_by("turn__number", "position"))
    return {
        "delegation_event_id": f"gw_{task.key[5:]}",
        "agent": task.agent,
        "tools_confirmed": [tool for tool, _ in called],
        "destructive_confirmed": [tool for tool, kind in called if kind == "destructive"],
        "mismatch": True,
    }


def _asked(task: HelpdeskTask, run: Run) -> Asked:
    agent = catalogue.agent(task.agent)
    calls = ToolExecution.objects.filter(run=run, state=CallState.DONE)
    said = (message["content"] for message in run.prompt if message["role"] != "system")
    return Asked(
        question=task.question,
        calls=[_called(call, task.agent) for call in calls.order_by("turn__number", "position")],
        known="\n".join(said),
        before=_before(task),
        names=agent is not None and agent.targets is not None,
    )


def _called(call: ToolExecution, agent: str) -> Called:
    tool = catalogue.working_toolset(agent).get(call.tool)
    return Called(
        tool=call.tool,
        action_class=call.action_class,
        failed=call.failed,
        result=call.result,
        arguments=json.dumps(call.arguments, ensure_ascii=False),
        found=tool is not None and TRIAGE in tool.tags and _is_ill(call.data.get("roots", ())),
    )


def _is_ill(roots: Iterable[dict[str, Any]]) -> bool:
    return any(root.get("severity") != HARMLESS for root in roots)


def _before(task: HelpdeskTask) -> list[str]:
    """Tools that changed something in earlier tasks of the same conversation."""
    earlier = ToolExecution.objects.filter(
        run__task__context_id=task.context_id,
        run__task__agent=task.agent,
        run__task__asked_kind=task.asked_kind,
        run__task__asked_by=task.asked_by,
        run__task__created_at__lt=task.created_at,
        state=CallState.DONE,
        failed=False,
        action_class__in=EFFECT_CLASSES,
    )
    return list(earlier.values_list("tool", flat=True).distinct())


def _artifact(task: HelpdeskTask, found: list[Mismatch]) -> dict[str, str]:
    said = [{"kind": it.kind.value, "said": it.said} for it in found]
    parts = json.dumps({"mismatches": said}, ensure_ascii=False)
    return {"id": _artifact_id(task), "name": ARTIFACT, "parts": parts}


def _artifact_id(task: HelpdeskTask) -> str:
    return f"{task.key}-mismatch"
