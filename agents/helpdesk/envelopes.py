"""Tasks as the gateway answers them (aiHelpDesk behaviour §1.1)."""

from __future__ import annotations

from typing import Any, Final

from agents.helpdesk import review
from agents.models import HelpdeskTask, TaskFailure, TaskState

DENIED, FAILED, AWAY = 403, 422, 502
_STATUS: Final = {TaskFailure.DENIED: DENIED, TaskFailure.FAILED: FAILED}


def envelope(task: HelpdeskTask) -> dict[str, Any]:
    """The five keys of every agent's answer; the approval that is waited for, where one is."""
    said: dict[str, Any] = {
        "agent": task.agent,
        "task_id": task.key,
        "state": task.state,
        "text": task.text,
        "artifacts": task.artifacts,
    }
    if task.approval:
        said["approval_id"] = task.approval
    return said


def headers(task: HelpdeskTask) -> dict[str, str]:
    """`X-Audit-Mismatch: true` where the answer says what no record shows (behaviour §1.1)."""
    return {"X-Audit-Mismatch": "true"} if review.of(task) else {}


def answered(task: HelpdeskTask) -> tuple[int, dict[str, Any]]:
    """(status, body) for whoever asked and waited."""
    if task.state != TaskState.FAILED:
        return 200, envelope(task)
    if task.tool:
        status = _STATUS.get(TaskFailure(task.failure), AWAY)
        return status, {"error": task.text}
    status = DENIED if task.failure == TaskFailure.DENIED else AWAY
    return status, {"error": f"agent task failed: {task.text}"}
