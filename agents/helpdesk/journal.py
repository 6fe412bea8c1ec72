"""The task's side of a run: its state, its answer, and what the log is told of it.

Every method runs inside the transaction that records what it is told of (`agents.runtime.journal`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.conf import settings
from django.utils.timezone import now

from agents.helpdesk import news, review
from agents.models import (
    HelpdeskTask,
    Run,
    TaskFailure,
    TaskState,
    ToolExecution,
    Turn,
)
from agents.runtime import budget
from agents.runtime.budget import Used
from agents.runtime.journal import identity
from agents.runtime.rowkeeping import RowJournal
from agents.runtime.tool import ToolResult
from aura.config import Settings
from aura.kernel import rows
from governance.audit.record import record, redacted
from governance.types import EFFECT_CLASSES, SYSTEM, About, Principal

MAX_TURNS: Final = 20
LOGGED_CHARS: Final = 2000
REASON: Final = ' --reason "…"'  # what a decision in the shell must say too, where one is wanted
CATEGORIES: Final = {
    "postgres_database_agent": "database",
    "k8s_agent": "kubernetes",
    "incident_agent": "incident",
    "research_agent": "research",
}


class TaskJournal(RowJournal[HelpdeskTask]):
    """`agents.runtime.journal.Journal` for one task; `task` stays the same object."""

    shared = ("state", "version")

    def __init__(self, task: HelpdeskTask, run: Run, *, config: Settings | None = None) -> None:
        super().__init__(task, run)
        self.task = task
        self._config: Settings = config or settings.AURA
        self._direct: ToolExecution | None = None  # the only call of a task without a model

    def running(self) -> bool:
        return self.task.state in {TaskState.SUBMITTED, TaskState.WORKING}

    def position(self) -> tuple[int, str]:
        return self.task.turns + 1, "helpdesk"

    def answered(self, turn: Turn) -> None:
        self._change(turns=turn.number)

    def holds_back(self, call: ToolExecution) -> float:
        return 0.0

    def begins(self, call: ToolExecution) -> None:
        if self.task.state == TaskState.SUBMITTED and call.action_class in EFFECT_CLASSES:
            self._change(state=TaskState.WORKING)
        if call.action_class in EFFECT_CLASSES:
            self._tell("tool_invoked", call)

    def waits(self, call: ToolExecution) -> None:
        approval = call.approval
        assert approval is not None  # noqa: S101 - nothing of the helpdesk waits for anything else
        why = call.wait_detail.get("message") or "the policy asks for it"
        self._change(
            state=TaskState.INPUT_REQUIRED,
            approval=approval.key,
            text=(
                f"approval required: {call.tool} on {call.resource} waits for {approval.key}"
                f" ({why}). Decide on it in the console or with `approvals approve"
                f" {approval.key}{REASON if approval.reason_required else ''}`;"
                f" the result of task {self.task.key} can be fetched afterwards."
            ),
        )

    def ended(self, call: ToolExecution, result: ToolResult | None, *, unknown: bool) -> None:
        self._tell_called(call)
        self._direct = call if self.task.tool else None
        self._change(tool_calls=[*self.task.tool_calls, call.tool])
        if result is not None and result.data:
            self._change(artifacts=[*self.task.artifacts, _artifact(call, result)])

    def late(self, call: ToolExecution, result: ToolResult | None) -> None:
        self.task.refresh_from_db()
        self._tell_called(call, afterwards=True)

    def completed(self, turn: Turn, calls: Sequence[ToolExecution]) -> None:
        """A model that calls nothing has answered."""
        if self.running() and not calls:
            text, flags = review.flagged(self.task, self.run, turn)
            if flags:
                self._change(artifacts=[*self.task.artifacts, *flags])
            self.finish(TaskState.COMPLETED, text or "There is nothing to say.")

    def proceed(self) -> bool:
        if not self.running():
            return False
        if self._direct is not None:
            failure = _failure_of(self._direct)
            state = TaskState.FAILED if failure else TaskState.COMPLETED
            self.finish(state, self._direct.result, failure)
            return False
        if self.task.turns >= MAX_TURNS:
            self.finish(
                TaskState.FAILED,
                f"No answer was found in {MAX_TURNS} steps; ask for something narrower.",
                TaskFailure.FAILED,
            )
            return False
        if message := budget.exceeded(self._config, Used()):
            self.finish(TaskState.FAILED, message, TaskFailure.UNAVAILABLE)
            return False
        return True

    def shortened(self, cut_turns: int) -> None:
        self.save_run(cut_turns=cut_turns)

    def gave_up(self, call: ToolExecution, reason: str) -> None:
        self.finish(TaskState.FAILED, f"{call.tool}: {reason}", TaskFailure.UNAVAILABLE)

    def closed(self) -> None:
        if self._changed:
            self._change(version=self.task.version + 1)
            news.changed(self.task.key)
        super().closed()

    # --- what the methods above, and `drive`, are made of ---

    def finish(self, state: TaskState, text: str, failure: str = "") -> None:
        """The task has its answer, or will never have one."""
        self._change(state=state, text=text, failure=failure, approval="", ended_at=now())
        _tell_ended(self.task)

    def _tell_called(self, call: ToolExecution, *, afterwards: bool = False) -> None:
        said = {"name": call.tool, "args": call.arguments, "result": _shown(call)}
        more: dict[str, Any] = {"afterwards": True} if afterwards else {}
        self._tell("tool_called", call, toolCall=said, **more)

    def _tell(self, event_type: str, call: ToolExecution, **data: Any) -> None:
        record(
            event_type,
            actor=self.task.principal,
            action=call.tool,
            trace_id=self.task.trace_id,
            data={"call": identity(call), **data, "task": self.task.key},
            about=About(
                session_id=self.task.key,
                agent=self.task.agent,
                action_class=call.action_class,
            ),
        )


def move(task: HelpdeskTask, to: TaskState) -> None:
    """Change the state of a task that no worker holds; inside the transaction that locks it."""
    task.state = to
    _save(task, "state")


def end(
    task: HelpdeskTask, state: TaskState, text: str, *, actor: Principal, failure: str = ""
) -> None:
    """End a task that no worker holds; inside the transaction that locks it."""
    task.state, task.text, task.failure = state, text, failure
    task.approval, task.ended_at = "", now()
    _save(task, "state", "text", "failure", "approval", "ended_at")
    _tell_ended(task, actor=actor)


def _save(task: HelpdeskTask, *columns: str) -> None:
    task.version, task.updated_at = task.version + 1, now()
    rows.update(task, *columns, "version", "updated_at")
    news.changed(task.key)


def _tell_ended(task: HelpdeskTask, *, actor: Principal = SYSTEM) -> None:
    """One event for each question and direct call, in the document's parts (behaviour §2.2)."""
    failed = task.state != TaskState.COMPLETED
    outcome: dict[str, Any] = {
        "status": "error" if failed else "success",
        "duration_ms": round((now() - task.created_at).total_seconds() * 1000),
    }
    if failed:
        outcome["error_message"] = _short(task.text)
    told: dict[str, Any] = {
        "session": {"user_id": task.asked_by},
        "input": {"user_query": task.question or f"{task.tool} {json.dumps(task.arguments)}"},
        "output": {"response": _short(task.text)},
        "decision": {
            "agent": task.agent,
            "request_category": CATEGORIES.get(task.agent, "unknown"),
            "confidence": 1.0,
            "user_intent": task.tool or "question",
        },
        "outcome": outcome,
    }
    if task.tool:
        told["tool"] = {"name": task.tool, "agent": task.agent, "parameters": task.arguments}
    if task.purpose:
        told["purpose"] = {"name": task.purpose, "note": task.purpose_note}
    more: dict[str, Any] = {}
    if flagged := review.of(task):
        told["delegation_verification"] = review.verification(task)
        more["mismatches"] = flagged
    canceled = actor is not SYSTEM
    record(
        "gateway_request",
        actor=actor if canceled else task.principal,
        action=task.tool or "question",
        trace_id=task.trace_id,
        data={"event": told, "task": task.key, "state": task.state, **more},
        about=About(session_id=task.key, agent=task.agent, key=f"gw_{task.key[5:]}"),
    )


def _failure_of(call: ToolExecution) -> TaskFailure:
    if not call.failed:
        return TaskFailure.NONE
    return TaskFailure.DENIED if call.data.get("denied") else TaskFailure.FAILED


def _artifact(call: ToolExecution, result: ToolResult) -> dict[str, str]:
    """The structured result as the envelope has artifacts: one text each."""
    parts = json.dumps(result.data, default=str, ensure_ascii=False)
    return {"id": call.pk.hex, "name": call.tool, "parts": parts}


def _shown(call: ToolExecution) -> Mapping[str, Any]:
    # The rest is not searched: nobody is shown it, and a long text takes its time.
    text = _short(redacted(call.result[: 4 * LOGGED_CHARS]), len(call.result))
    return {"error": text} if call.failed else {"text": text}


def _short(text: str, whole: int = 0) -> str:
    """`whole`: characters of the text that this is the beginning of."""
    if len(text) <= LOGGED_CHARS:
        return text
    return f"{text[:LOGGED_CHARS]}… [{max(whole, len(text))} characters]"
