"""The ticket's side of a run: counts turns, moves the status, and tells the log.

Every method runs inside the transaction that records what it is told of (`agents.runtime.journal`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, assert_never

from django.conf import settings
from django.utils.timezone import now

from agents.models import Run, ToolExecution, Turn
from agents.runtime import progress
from agents.runtime.journal import identity
from agents.runtime.rowkeeping import RowJournal
from agents.runtime.tool import Fact, ToolResult
from agents.types import WaitKind
from aura.config import Settings
from aura.kernel.telemetry import metrics
from governance.audit.record import redacted
from governance.types import EFFECT_CLASSES, SYSTEM, About
from tickets import plan as plans
from tickets import steps, telling
from tickets.account import Account
from tickets.events import AGENT, tell, usage, usage_of
from tickets.lifecycle import ENDED, WORKING, move, working_status
from tickets.models import Status, Ticket
from tickets.plan import SUBMIT_PLAN

MAX_FAILURES = 4  # turns in a row in which nothing worked or nothing new was tried
MAX_BAD_PLANS = 2  # one plan may be unusable; a second one ends the ticket
LOGGED_CHARS = 2000
OBSERVED = "observed"  # in Run.context: what the streams were told of the cluster last
EFFECTS = frozenset(
    {
        "worktree_created",
        "commit_created",
        "push_executed",
        "merge_completed",
        "rollback_completed",
        "preview_started",
    }
)


class TicketJournal(RowJournal[Ticket]):
    """`agents.runtime.journal.Journal` for one ticket; `ticket` stays the same object."""

    shared = ("status", "title", "priority", "max_turns", "run")

    def __init__(
        self,
        ticket: Ticket,
        run: Run,
        *,
        config: Settings | None = None,
        polling: frozenset[str] = frozenset(),
    ) -> None:
        """`polling`: names of the tools that are there to be called again and again."""
        super().__init__(ticket, run)
        self.ticket = ticket
        self.account = Account(ticket, run, config or settings.AURA)
        self._polling = polling
        self._steps = steps.Carried(ticket)

    def running(self) -> bool:
        return self.ticket.status in WORKING and self.ticket.run_id == self.run.pk

    def position(self) -> tuple[int, str]:
        return self.ticket.current_turn + 1, self.ticket.status

    def answered(self, turn: Turn) -> None:
        self._change(current_turn=turn.number)
        self.account.answered(turn)
        self.count(turn.prompt_tokens, turn.completion_tokens, turn.cost)

    def count(self, prompt: int, completion: int, cost: Decimal | None) -> None:
        """Add tokens and, where a price is known, money."""
        ticket = self.ticket
        self._change(
            prompt_tokens=ticket.prompt_tokens + prompt,
            completion_tokens=ticket.completion_tokens + completion,
        )
        if cost is not None:
            self._change(estimated_cost=(ticket.estimated_cost or Decimal(0)) + cost)

    def holds_back(self, call: ToolExecution) -> float:
        if call.action_class not in EFFECT_CLASSES:
            return 0.0
        if message := self.account.exceeded():
            metrics.BUDGETS.labels("write").inc()
            self.pause_with_error(message)
            return 0.0
        return self.account.pace_s()

    def begins(self, call: ToolExecution) -> None:
        if call.action_class in EFFECT_CLASSES:
            self.account.begins()
            self._tell_invoked(call)
        self._steps.begin(call)

    def waits(self, call: ToolExecution) -> None:
        match WaitKind(call.wait):
            case WaitKind.PLAN_APPROVAL:
                self._plan(call)
                self.move(Status.PENDING_PLAN_APPROVAL)
            case WaitKind.APPROVAL:
                self._tell_approval_needed(call)
                self.move(Status.PENDING_APPROVAL)
            case WaitKind.QUESTION:
                self._tell_question(call)
                self.move(Status.PENDING_INPUT)
            case WaitKind.SYNC:
                self._observe(call)
            case _ as never:
                assert_never(never)

    def ended(self, call: ToolExecution, result: ToolResult | None, *, unknown: bool) -> None:
        if self.ticket.status == Status.OBSERVING:
            self.move(Status.EXECUTING)
        self._tell_called(call)
        if unknown:
            self.error(f"{call.tool}: {call.result}", recoverable=True)
        if call.tool == SUBMIT_PLAN:
            self._plan_ended(call)
        for fact in result.facts if result else ():
            self._fact(call, fact)
        if self.running():
            self._step_ended(call)

    def late(self, call: ToolExecution, result: ToolResult | None) -> None:
        """What took effect is told, even though the ticket has gone on without it."""
        self.ticket.refresh_from_db()
        self._tell_called(call, afterwards=True)
        for fact in result.facts if result else ():
            if fact.type in EFFECTS:
                tell(self.ticket, fact.type, actor=AGENT, action=call.tool, payload=fact.payload)
        if result and result.facts:
            message = f"{call.tool} took effect after the ticket was taken from its worker"
            payload = {"message": message, "recoverable": False}
            tell(self.ticket, "error_occurred", actor=SYSTEM, payload=payload, reasoning=message)

    def completed(self, turn: Turn, calls: Sequence[ToolExecution]) -> None:
        tell(
            self.ticket,
            "turn_completed",
            actor=AGENT,
            payload={"turn": turn.number, "tokenUsage": usage_of(turn)},
            tokenUsage=usage_of(turn),
        )
        self._judge_progress(turn, calls)

    def proceed(self) -> bool:
        ticket = self.ticket
        if self.run.failures >= MAX_FAILURES:
            self.stuck("the agent makes no progress: nothing it tried in its last turns worked")
            return False
        if ticket.current_turn >= ticket.max_turns:
            self.move(Status.PAUSED, reason="max_turns")
            return False
        if message := self.account.exceeded():
            metrics.BUDGETS.labels("turn").inc()
            self.pause_with_error(message)
            return False
        upcoming = ticket.current_turn + 1
        if self.run.announced_turn < upcoming:
            self.save_run(announced_turn=upcoming)
            payload = {"turn": upcoming, "maxTurns": ticket.max_turns}
            tell(ticket, "turn_started", actor=AGENT, payload=payload)
        return True

    def shortened(self, cut_turns: int) -> None:
        self.save_run(cut_turns=cut_turns)
        message = (
            f"The conversation has grown longer than the model reads: of the first {cut_turns}"
            " turns it is told the outline from now on. Everything is kept in the log."
        )
        payload = {"message": message, "cutTurns": cut_turns}
        tell(self.ticket, "conversation_cut", actor=SYSTEM, payload=payload, reasoning=message)

    def gave_up(self, call: ToolExecution, reason: str) -> None:
        self.pause_with_error(f"{call.tool}: {reason} Resume the ticket when it is mended.")

    # --- what the methods above, and `drive`, are made of ---

    def move(self, to: Status, *, reason: str = "") -> None:
        """Move the ticket's status; ends close the steps nobody carried out."""
        move(self.ticket, to, actor=AGENT, reason=reason)
        if to in ENDED:
            steps.close(self.ticket)

    def error(self, message: str, *, recoverable: bool) -> None:
        """Tell people that something went wrong; `recoverable` means resuming may help."""
        self._change(last_error=message)
        payload = {"message": message, "recoverable": recoverable}
        tell(self.ticket, "error_occurred", actor=SYSTEM, payload=payload, reasoning=message)

    def pause_with_error(self, message: str) -> None:
        """Something outside must be mended before the ticket can go on."""
        self.error(message, recoverable=True)
        self.move(Status.PAUSED, reason="error")

    def fail(self, message: str) -> None:
        """This attempt is over; running the ticket again makes a new one."""
        self.error(message, recoverable=False)
        self.move(Status.FAILED, reason="error")

    def stuck(self, message: str) -> None:
        """Planning that leads nowhere has failed; execution is paused, since work was done."""
        if working_status(self.ticket) is Status.PLANNING:
            self.fail(message)
        else:
            self.pause_with_error(message)

    def _plan(self, call: ToolExecution) -> None:
        plan = plans.stored(plans.Plan.model_validate(call.arguments))
        ticket = self.ticket
        self._change(
            plan=plan,
            plan_version=ticket.plan_version + 1,
            plan_approved_at=None,
            plan_approved_by="",
        )
        steps.replace(ticket, plan)
        tell(ticket, "plan_generated", actor=AGENT, payload={"plan": plan})

    def _plan_ended(self, call: ToolExecution) -> None:
        if call.failed and call.approval_id is None:
            self._bad_plan(call)
        elif call.failed:  # rejected, or its approval was taken back before it was used
            self._change(plan_approved_at=None, plan_approved_by="")
        elif call.approval_id is None:
            self._accept_plan(call)

    def _bad_plan(self, call: ToolExecution) -> None:
        tell(
            self.ticket,
            "validation_failed",
            actor=SYSTEM,
            action=SUBMIT_PLAN,
            payload={"message": call.result},
        )
        bad = self.run.calls.filter(tool=SUBMIT_PLAN, failed=True, approval__isnull=True)
        if bad.count() >= MAX_BAD_PLANS:
            self.fail(f"the agent made no usable plan: {call.result}")

    def _accept_plan(self, call: ToolExecution) -> None:
        """Plan approval is switched off: the plan counts as approved by the system."""
        self._plan(call)
        ticket = self.ticket
        self._change(plan_approved_at=now(), plan_approved_by=SYSTEM.name)
        tell(ticket, "plan_approved", actor=SYSTEM, payload={"approvedBy": SYSTEM.name})
        if ticket.status == Status.PLANNING:
            self.move(Status.EXECUTING, reason="plan approval is switched off")

    def _tell_approval_needed(self, call: ToolExecution) -> None:
        pending = pending_approval(call)
        tell(
            self.ticket,
            "approval_requested",
            actor=AGENT,
            action=call.tool,
            reasoning=call.turn.text,
            payload=pending,
        )

    def _tell_question(self, call: ToolExecution) -> None:
        detail = call.wait_detail
        payload = {"question": detail.get("question", ""), "options": detail.get("options", [])}
        event = tell(self.ticket, "question_asked", actor=AGENT, payload=payload)
        telling.question(self.ticket, str(payload["question"]), event=str(event.key))

    def _observe(self, call: ToolExecution) -> None:
        """The cluster is watched; told once, and again whenever it looks different."""
        seen = call.wait_detail
        if self.ticket.status != Status.OBSERVING:
            self.move(Status.OBSERVING)
        if self.run.context.get(OBSERVED) == seen:
            return
        started = {name: seen.get(name, "") for name in ("app", "revision")}
        if self.run.context.get(OBSERVED, {}).get("revision") != seen.get("revision"):
            tell(self.ticket, "argo_sync_started", actor=AGENT, action=call.tool, payload=started)
        health = {name: seen.get(name, "") for name in ("app", "health", "status")}
        tell(
            self.ticket,
            "argo_health_checked",
            actor=AGENT,
            action=call.tool,
            reasoning=str(seen.get("why", "")),
            payload=health,
        )
        self.save_run(context={**self.run.context, OBSERVED: seen})

    def _tell_invoked(self, call: ToolExecution) -> None:
        """The intent: in the log, and signed, before the effect may begin."""
        tell(
            self.ticket,
            "tool_invoked",
            actor=AGENT,
            action=call.tool,
            about=_about(call),
            call=identity(call),
        )

    def _tell_called(self, call: ToolExecution, *, afterwards: bool = False) -> None:
        result = _shown_result(call)
        arguments = _shortened(redacted(call.arguments or {"raw": call.raw_arguments}))
        payload: dict[str, Any] = {"tool": call.tool, "args": arguments, "result": result}
        if afterwards:
            payload["note"] = "the ticket was taken from this worker while the call ran"
        tell(
            self.ticket,
            "tool_called",
            actor=AGENT,
            action=call.tool,
            reasoning=call.turn.text,
            toolCall={"name": call.tool, "args": arguments, "result": result},
            tokenUsage=usage_of(call.turn),
            payload=payload,
            about=_about(call),
            call=identity(call),
        )

    def _fact(self, call: ToolExecution, fact: Fact) -> None:
        ticket, payload = self.ticket, dict(fact.payload)
        match fact.type:
            case "gave_up":
                self.fail(f"the agent gave up: {payload['reason']}")
                return
            case "ticket_resolved":
                self._resolve(payload)
                return
            case "worktree_created":
                self._change(working_branch=payload["branch"])
            case "commit_created":
                self._change(commits=[*ticket.commits, payload["sha"]])
        tell(ticket, fact.type, actor=AGENT, action=call.tool, payload=payload)

    def _resolve(self, payload: Mapping[str, Any]) -> None:
        ticket = self.ticket
        self.move(Status.RESOLVED)
        total = usage(ticket.prompt_tokens, ticket.completion_tokens)
        told = {**payload, "tokenUsage": total}
        tell(ticket, "ticket_resolved", actor=AGENT, payload=told, tokenUsage=total)

    def _step_ended(self, call: ToolExecution) -> None:
        lost = self._steps.end(call)
        if lost is not None:
            self.pause_with_error(
                f"step {lost.index + 1} ({lost.description}) failed {lost.retry_count} times:"
                f" {lost.error}"
            )

    def _judge_progress(self, turn: Turn, calls: Sequence[ToolExecution]) -> None:
        did = [
            progress.Did(
                tool=call.tool,
                arguments=call.raw_arguments,
                result=call.result,
                failed=call.failed,
                effect=call.action_class in EFFECT_CLASSES,
                polls=call.tool in self._polling,
            )
            for call in calls
        ]
        verdict, recent = progress.judge(turn.text, did, self.run.recent)
        failures = {"forward": 0, "polling": self.run.failures, "nowhere": self.run.failures + 1}
        self.save_run(failures=failures[verdict], recent=recent)


def pending_approval(call: ToolExecution) -> dict[str, Any]:
    """A call that waits for approval, as the API shows it."""
    wish = call.arguments.get("description") if call.tool == "request_approval" else None
    return {
        "id": str(call.approval_id),
        "action": wish or f"{call.tool} on {call.resource}",
        "reason": call.wait_detail.get("message") or call.turn.text,
        "tool": call.tool,
        "args": call.arguments,
        "resources": [call.resource] if call.resource else [],
    }


def _about(call: ToolExecution) -> About:
    """What the log is asked for calls by."""
    return About(session_id=call.run_id.hex, agent=AGENT.name, action_class=call.action_class)


def _shown_result(call: ToolExecution) -> dict[str, Any]:
    if call.failed:
        return {"error": _short(redacted(call.result))}
    if call.data:
        shown: dict[str, Any] = _shortened(redacted(call.data))
        return shown
    return {"text": _short(redacted(call.result))}


def _shortened(value: Any) -> Any:
    """`value` with every long text cut; the whole of it is kept with the call."""
    if isinstance(value, str):
        return _short(value)
    if isinstance(value, dict):
        return {key: _shortened(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_shortened(item) for item in value]
    return value


def _short(text: str) -> str:
    if len(text) <= LOGGED_CHARS:
        return text
    digest = hashlib.sha256(text.encode(errors="replace")).hexdigest()
    return f"{text[:LOGGED_CHARS]}… [{len(text)} characters, sha256 {digest}]"
