"""What can be done with tasks: one function a verb, for every surface that people ask through.

Every verb locks the run's row before the task's, as workers do (`claims.fenced`).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Required, TypedDict, Unpack
from uuid import UUID

from django.db import transaction
from django.utils.timezone import now

from agents.helpdesk import journal, news
from agents.models import (
    ENDED_TASK,
    CallState,
    HelpdeskTask,
    Run,
    TaskFailure,
    TaskState,
    ToolExecution,
)
from agents.runtime import claims, observed
from aura.kernel import rows
from aura.kernel.errors import Problem, ValidationFailed
from aura.kernel.secrets import redact, redact_value
from aura.kernel.telemetry import context
from governance import approvals
from governance.approvals import ApprovalNotPending
from governance.audit.canonical import storable
from governance.audit.record import recorded_together
from governance.models import Approval, ApprovalStatus
from governance.types import EFFECT_CLASSES, SYSTEM, Principal

QUESTION, DIRECT, AGENT = "tr_", "dt_", "ar_"  # whose trace it is (behaviour §1.1)
TRACE_CHARS: Final = 64
CONNECTION: Final = "connection_string"
UNANSWERED: Final = "Nobody decided in time; ask again"


class NotCancelable(Problem):
    code, status = "NOT_CANCELABLE", 409


def new_trace(origin: str) -> str:
    """A trace id for what came without one."""
    return origin + str(uuid.uuid4())[:12]


class Asked(TypedDict, total=False):
    """Who asks, and what belongs to it. `message` is what the caller's protocol carried."""

    by: Required[Principal]
    trace_id: str
    context_id: str
    message: Mapping[str, Any] | None
    purpose: str
    purpose_note: str


def ask(agent: str, question: str, **about: Unpack[Asked]) -> HelpdeskTask:
    """Put a question to an agent. What the same caller asked before in this context is remembered.

    A worker is woken once the transaction has committed. Raises `ValidationFailed`.
    """
    task = _made(HelpdeskTask(agent=agent, question=redact(storable(question))), QUESTION, about)
    begin(task)
    return task


def call(
    agent: str, tool: str, arguments: Mapping[str, Any], **about: Unpack[Asked]
) -> HelpdeskTask:
    """Call one tool of an agent, with no model in between; it passes the same door.

    Raises `ValidationFailed`.
    """
    task = direct(agent, tool, arguments, **about)
    begin(task)
    return task


def direct(
    agent: str, tool: str, arguments: Mapping[str, Any], **about: Unpack[Asked]
) -> HelpdeskTask:
    """The task of such a call, which is not written yet: `begin` does that."""
    kept = _without_passwords(_kept(arguments))
    return _made(
        HelpdeskTask(agent=agent, tool=storable(tool)[:100], arguments=kept), DIRECT, about
    )


def _kept(said: Mapping[str, Any]) -> dict[str, Any]:
    """JSON as rows take it. Raises `ValidationFailed` for numbers and depths that they do not."""
    try:
        kept: dict[str, Any] = storable(dict(said))
        json.dumps(kept, allow_nan=False)
    except (ValueError, RecursionError):
        raise ValidationFailed("numbers must be finite, and nothing nested hundreds deep") from None
    return kept


def _without_passwords(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments as rows keep them: a database is only reached as it is registered."""
    said = arguments.get(CONNECTION)
    return {**arguments, CONNECTION: redact(said)} if isinstance(said, str) else arguments


def _made(task: HelpdeskTask, origin: str, about: Asked) -> HelpdeskTask:
    key, by = uuid.uuid4().hex, about["by"]
    task.key = f"task-{key[:12]}"
    task.trace_id = storable(about.get("trace_id", ""))[:TRACE_CHARS] or new_trace(origin)
    task.context_id = storable(about.get("context_id", ""))[:128] or f"ctx-{key[12:24]}"
    task.message = redact_value(_kept(about.get("message") or {}))
    task.purpose = storable(about.get("purpose", ""))[:200]
    task.purpose_note = redact(storable(about.get("purpose_note", "")))
    task.asked_kind, task.asked_by, task.roles = by.kind, by.name[:150], sorted(by.roles)
    task.created_at = task.updated_at = now()
    task.run = Run(
        agent=task.agent,
        trace_id=task.trace_id,
        context=observed.carried(),
        due_at=task.created_at,
        created_at=task.created_at,
    )
    context.about_ticket(task.key)
    return task


def begin(task: HelpdeskTask) -> None:
    """Write a task that was just made; a worker is woken once that has committed."""
    with rows.one_message():
        rows.insert([task.run])
        rows.insert([task])
        news.wake(task.run_id)


def find(key: str) -> HelpdeskTask | None:
    """The task of this key."""
    return rows.find_by(HelpdeskTask, "key", storable(key))


@contextmanager
def held(task: HelpdeskTask) -> Iterator[None]:
    """A transaction that holds the task, and its run's row first; `task` is read anew."""
    with transaction.atomic(), rows.together(), recorded_together(along=False):
        rows.read_again(task, after=LOCK_RUN, values=[task.pk])
        yield


LOCK_RUN: Final = """
SELECT FROM agents_run
WHERE id = (SELECT run_id FROM agents_helpdesktask WHERE id = %s) FOR UPDATE
"""


def cancel(key: str, *, by: Principal) -> HelpdeskTask | None:
    """Stop a task for good: the worker loses the run at once, an open request is withdrawn.

    None: there is none. Raises `NotCancelable` when it has ended.
    """
    task = find(key)
    if task is None:
        return None
    with held(task):
        if task.state in ENDED_TASK:
            raise NotCancelable(f"task {task.key} has ended: {task.state}")
        claims.revoke(task.run_id)
        _withdraw(task, by=by)
        journal.end(task, TaskState.CANCELED, _canceled(task, by=by), actor=by)
    return task


def _canceled(task: HelpdeskTask, *, by: Principal) -> str:
    """What whoever looks is told: an effect that had begun may be there."""
    begun = ToolExecution.objects.filter(
        run_id=task.run_id, state=CallState.BEGUN, action_class__in=EFFECT_CLASSES
    )
    tools = ", ".join(begun.values_list("tool", flat=True))
    said = f"canceled by {by.name}"
    if not tools:
        return said
    return f"{said}; {tools} had begun and may have taken effect: the log tells what came of it"


def _withdraw(task: HelpdeskTask, *, by: Principal) -> None:
    waiting = ToolExecution.objects.filter(run_id=task.run_id, state=CallState.WAITING)
    for approval in Approval.objects.filter(calls__in=waiting):
        try:
            approvals.cancel(approval.pk, by=by, reason="the task was canceled")
        except ApprovalNotPending:
            continue  # decided, and never to be used
    waiting.update(
        state=CallState.DONE, failed=True, result="The task was canceled", ended_at=now()
    )


def settle(task: HelpdeskTask) -> None:
    """The request that the task waits for was decided: it goes on. Nothing otherwise."""
    with held(task):
        if task.state != TaskState.INPUT_REQUIRED:
            return
        approval = Approval.objects.filter(
            calls__run_id=task.run_id, calls__state=CallState.WAITING
        ).first()
        if approval is None or approval.status == ApprovalStatus.PENDING:
            return
        if approval.status == ApprovalStatus.EXPIRED:
            journal.end(
                task, TaskState.FAILED, UNANSWERED, actor=SYSTEM, failure=TaskFailure.DENIED
            )
            return
        journal.move(task, TaskState.WORKING)
        claims.queue(task.run_id)
        news.wake(task.run_id)


def settle_decided() -> None:
    """Move on every task whose request was decided while nobody listened."""
    decided = Approval.objects.exclude(status=ApprovalStatus.PENDING)
    for task in HelpdeskTask.objects.filter(
        state=TaskState.INPUT_REQUIRED,
        run__calls__state=CallState.WAITING,
        run__calls__approval__in=decided,
    ):
        settle(task)


def due_runs() -> list[UUID]:
    """Runs of the tasks that some worker should look at now."""
    return list(claims.due().filter(task__isnull=False).values_list("pk", flat=True))
