"""What can be done with tickets: one function a verb. The API and the admin call the same ones.

Every verb locks the run's row before the ticket's, as workers do (`claims.fenced`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.timezone import now

from agents.gitops.sealed.vault import DECLINE, SecretName
from agents.models import NO_FAILURES, CallState, Run, ToolExecution
from agents.runtime import claims, observed
from agents.types import WaitKind
from aura.kernel import rows
from aura.kernel.database.lines import Lines
from aura.kernel.errors import Problem, ValidationFailed
from governance import approvals
from governance.approvals import UNSEEN, ApprovalNotPending, Seen, ShownIsStale
from governance.audit.background import sequence_soon
from governance.audit.record import recorded_apart, recorded_together
from governance.types import SYSTEM, Principal
from tickets import secretvalues, steps
from tickets.account import marks
from tickets.events import tell
from tickets.lifecycle import ENDED, WAITING, WORKING, InvalidTransition, move, working_status
from tickets.models import Priority, Status, Ticket
from tickets.settling import asked, go_on, held, settle, waits_for
from tickets.wakeups import tidy_up, wake

AGENT_NAME = "ticket"
DECLINED = "a person declined to enter the values; do without them, or say why they are needed"
UNSAID = "(no reason given)"  # the document lets an action be denied without one


class QuestionNotPending(Problem):
    code, status = "QUESTION_NOT_PENDING", 400


class AgentBusy(Problem):
    code, status = "AGENT_BUSY", 409


def create_ticket(
    *,
    title: str,
    description: str,
    actor: Principal,
    priority: str = Priority.MEDIUM,
    max_turns: int | None = None,
) -> Ticket:
    """Open a ticket. Nothing runs before `run_ticket`."""
    with rows.one_message(), recorded_together(along=False):
        ticket = _opened(title, description, actor, priority, max_turns)
        rows.insert([ticket])
    return ticket


async def create_ticket_here(
    lines: Lines,
    *,
    title: str,
    description: str,
    actor: Principal,
    priority: str = Priority.MEDIUM,
    max_turns: int | None = None,
) -> Ticket:
    """The same in an event loop. Raises `OperationalError` when it is not known to be written."""
    with recorded_apart() as events:
        ticket = _opened(title, description, actor, priority, max_turns)
    await lines.insert(ticket, *events)
    sequence_soon()
    return ticket


def _opened(
    title: str, description: str, actor: Principal, priority: str, max_turns: int | None
) -> Ticket:
    """A new ticket that the log is told of, unwritten."""
    ticket = Ticket(
        title=title,
        description=description,
        priority=priority,
        max_turns=max_turns or settings.AURA.agent_max_turns,
        created_by=opened_by(actor),
    )
    ticket.created_at = ticket.updated_at = now()
    tell(ticket, "ticket_created", actor=actor, payload={"title": title, "priority": priority})
    return ticket


def opened_by(actor: Principal) -> str:
    """Whose ticket it is, as its row says; "" where nobody is known."""
    return actor.name if actor != SYSTEM else ""


def update_ticket(ticket: Ticket, *, changes: Mapping[str, Any], actor: Principal) -> Ticket:
    """Change title, description, priority or max_turns. Nothing given: nothing happens."""
    with held(ticket):
        changed = {k: v for k, v in changes.items() if getattr(ticket, k) != v}
        if changes.get("max_turns", ticket.max_turns) < ticket.current_turn:
            raise ValidationFailed(
                "maxTurns is below the turns already taken",
                details={"maxTurns": [f"Must be at least {ticket.current_turn}"]},
            )
        if not changed:
            return ticket
        old = {name: getattr(ticket, name) for name in changed}
        for name, value in changed.items():
            setattr(ticket, name, value)
        ticket.updated_at = now()
        ticket.save(update_fields=[*changed, "updated_at"])
        for name, value in changed.items():
            change = {"field": _wire(name), "oldValue": old[name], "newValue": value}
            tell(ticket, "ticket_updated", actor=actor, action=_wire(name), stateChange=change)
    return ticket


def run_ticket(ticket: Ticket, *, actor: Principal) -> Ticket:
    """Start the agent, or go on after its worker was lost. Raises AgentBusy, InvalidTransition."""
    with held(ticket):
        if ticket.status in {Status.DRAFT, Status.FAILED}:
            _begin_run(ticket, actor=actor)
        elif ticket.status in WORKING and ticket.run_id is not None:
            if claims.busy(ticket.run_id):
                raise AgentBusy(f"Agent is already processing ticket {ticket.pk}")
            claims.queue(ticket.run_id)
        else:
            raise InvalidTransition(
                ticket.status,
                Status.PLANNING,
                hint=_RUN_HINTS[Status(ticket.status)],
                allowed_from=RUNNABLE,
            )
        wake(ticket.pk)
    return ticket


RUNNABLE = (Status.DRAFT, Status.FAILED, Status.PLANNING, Status.EXECUTING, Status.OBSERVING)
_RUN_HINTS = {
    Status.PENDING_PLAN_APPROVAL: "decide on the plan with approve-plan or reject-plan",
    Status.PENDING_APPROVAL: "decide on the action with approve",
    Status.PENDING_INPUT: "answer the question with answer",
    Status.PAUSED: "use resume",
    Status.RESOLVED: "the ticket is resolved; open a new one",
    Status.CANCELLED: "the ticket is cancelled; open a new one",
}


def _begin_run(ticket: Ticket, *, actor: Principal) -> None:
    """A new conversation; one that failed keeps its branch and its log, not its plan."""
    ticket.run = Run.objects.create(
        agent=AGENT_NAME,
        trace_id=str(ticket.pk),
        context=observed.carried(),
        budget_from=marks(ticket, None),
    )
    ticket.plan, ticket.plan_approved_at, ticket.plan_approved_by = None, None, ""
    ticket.last_error = ""
    ticket.save(update_fields=["run", "plan", "plan_approved_at", "plan_approved_by", "last_error"])
    claims.queue(ticket.run.pk)
    move(ticket, Status.PLANNING, actor=actor)


def cancel_ticket(ticket: Ticket, *, actor: Principal, reason: str = "") -> Ticket:
    """Stop for good: the worker loses the run at once, open requests are withdrawn."""
    with held(ticket):
        move(ticket, Status.CANCELLED, actor=actor, reason=reason)
        if ticket.run_id is not None:
            claims.revoke(ticket.run_id)
            waiting = ToolExecution.objects.filter(run_id=ticket.run_id, state=CallState.WAITING)
            waiting.update(
                state=CallState.DONE, failed=True, result="The ticket was cancelled", ended_at=now()
            )
        approvals.cancel_all(str(ticket.pk), by=actor, reason="the ticket was cancelled")
        steps.close(ticket)
        tidy_up(ticket.pk)
    return ticket


def approve_plan(
    ticket: Ticket, *, actor: Principal, note: str = "", seen: Seen = UNSEEN
) -> Ticket:
    """Release the plan that waits. `note`: who the body says approved, when that is not `actor`.

    `seen`: the request that was read, so that another plan made meanwhile is not approved.
    """
    with held(ticket):
        approval_id = asked(ticket, WaitKind.PLAN_APPROVAL)
        if approval_id is None:
            raise _no_plan(ticket, Status.EXECUTING)
        wake(ticket.pk)  # before everything else that follows the commit
        settle(
            ticket,
            approvals.approve(approval_id, by=actor, reason=note, seen=seen, event="plan_approved"),
        )
    return ticket


def reject_plan(ticket: Ticket, *, feedback: str, actor: Principal, seen: Seen = UNSEEN) -> Ticket:
    """Send the plan back; the agent makes another one from the feedback."""
    with held(ticket):
        approval_id = asked(ticket, WaitKind.PLAN_APPROVAL)
        if approval_id is None:
            raise _no_plan(ticket, Status.PLANNING)
        wake(ticket.pk)
        settle(
            ticket,
            approvals.deny(
                approval_id, by=actor, reason=feedback, seen=seen, event="plan_rejected"
            ),
        )
    return ticket


def _no_plan(ticket: Ticket, to: Status) -> InvalidTransition:
    first = _RUN_HINTS.get(Status(ticket.status), "") if ticket.status in WAITING else ""
    hint = first or ("no plan waits for approval" if ticket.plan is None else "it is decided")
    return InvalidTransition(
        ticket.status, to, hint=hint, allowed_from=[Status.PENDING_PLAN_APPROVAL]
    )


def decide_action(
    ticket: Ticket, *, approved: bool, actor: Principal, reason: str = "", seen: Seen = UNSEEN
) -> Ticket:
    """Release or refuse the action that waits; a refusal is told to the agent, who goes on.

    `seen`: the request that was read, so that another one put meanwhile is not decided.
    """
    with held(ticket):
        approval_id = asked(ticket, WaitKind.APPROVAL)
        if approval_id is None:
            raise ApprovalNotPending("There is no pending approval to respond to")
        wake(ticket.pk)
        if approved:
            approval = approvals.approve(approval_id, by=actor, reason=reason, seen=seen)
        else:
            approval = approvals.deny(approval_id, by=actor, reason=reason or UNSAID, seen=seen)
        settle(ticket, approval)
    return ticket


def answer_question(ticket: Ticket, *, answer: str, actor: Principal, question: str = "") -> Ticket:
    """Answer the question that waits; the answer is the result of the call that asked it.

    `question`: the id of the one that was read, so that another one is not answered.
    """
    with held(ticket):
        call = waits_for(ticket, WaitKind.QUESTION)
        if call is None:
            raise QuestionNotPending("There is no pending question to answer")
        if question and question.lower() != str(call.pk):
            raise ShownIsStale("Another question waits by now; look at it first")
        declined = _declines(call, answer)
        ToolExecution.objects.filter(pk=call.pk, state=CallState.WAITING).update(
            state=CallState.DONE,
            result=DECLINED if declined else answer,
            failed=declined,
            ended_at=now(),
            data={} if declined else {"answer": answer},
        )
        payload = {"question": call.wait_detail.get("question", ""), "answer": answer}
        tell(ticket, "question_answered", actor=actor, payload=payload)
        go_on(ticket, actor=actor)
        wake(ticket.pk)
    return ticket


def _declines(call: ToolExecution, answer: str) -> bool:
    """Whether a person does not want to enter the values that the call waits for.

    Any other answer to it may be a value, and answers are told to the model: it is refused.
    """
    if "secret" not in call.wait_detail:
        return False
    if answer.strip().lower() != DECLINE:
        sentence = f"Values are not answers; enter them where the question says, or say {DECLINE}"
        raise ValidationFailed(sentence, details={"answer": [sentence]})
    return True


def give_secret_values(
    ticket: Ticket, *, secret: SecretName, values: Mapping[str, str], actor: Principal
) -> datetime:
    """Keep values that a person entered for a Secret; the call that waits for them goes on.

    Returns until when they are kept. The log is told the keys.
    """
    with held(ticket):
        if ticket.status in ENDED:
            raise InvalidTransition(ticket.status, Status.EXECUTING, hint="the ticket is over")
        expires_at = secretvalues.keep(ticket, secret, values, given_by=actor.name)
        told = {"namespace": secret.namespace, "name": secret.name, "keys": sorted(values)}
        tell(ticket, "secret_values_given", actor=actor, payload=told)
        if _has_its_values(ticket, waits_for(ticket, WaitKind.QUESTION), secret):
            go_on(ticket, actor=actor)
            wake(ticket.pk)
    return expires_at


def _has_its_values(ticket: Ticket, call: ToolExecution | None, secret: SecretName) -> bool:
    """Whether the call waits for values of this Secret, and all are there."""
    wanted = call.wait_detail.get("secret") if call else None
    if not wanted or SecretName(wanted["namespace"], wanted["name"]) != secret:
        return False
    return secretvalues.held(ticket, secret) >= set(wanted["keys"])


def resume_ticket(ticket: Ticket, *, actor: Principal, additional_turns: int = 0) -> Ticket:
    """Go on after a pause, with more turns if granted."""
    with held(ticket):
        if ticket.status != Status.PAUSED:
            raise InvalidTransition(
                ticket.status,
                working_status(ticket),
                hint="it is not paused",
                allowed_from=[Status.PAUSED],
            )
        granted = ticket.max_turns + additional_turns
        if ticket.current_turn >= granted:
            missing = ticket.current_turn - granted + 1
            sentence = f"{ticket.current_turn} of {granted} turns are used; grant {missing} more"
            raise ValidationFailed(
                "There are no turns left to run on", details={"additionalTurns": [sentence]}
            )
        ticket.max_turns, ticket.last_error = granted, ""
        ticket.save(update_fields=["max_turns", "last_error"])
        steps.reopen(ticket)
        Run.objects.filter(tickets=ticket).update(
            failures=0,
            **NO_FAILURES,
            budget_from=marks(ticket, Run.objects.filter(tickets=ticket).first()),
        )
        reason = f"resumed with {additional_turns} more turns" if additional_turns else "resumed"
        go_on(ticket, actor=actor, reason=reason)
        wake(ticket.pk)
    return ticket


def _wire(name: str) -> str:
    return "maxTurns" if name == "max_turns" else name
