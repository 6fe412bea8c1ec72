"""Tickets in every status, as the product makes them: its own verbs and journal, with no agent.

A ticket that waits has the rows a worker would have left: a run, a turn, an open call.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from django.utils.timezone import now

from agents.models import CallState, Run, ToolExecution, Turn
from agents.runtime import claims
from agents.runtime.tool import ToolResult
from agents.types import WaitKind
from governance import approvals
from governance.models import AuditEvent
from governance.types import SYSTEM, Action, ActionClass, ActorKind, Principal, Resource
from tickets import services
from tickets.agent import author
from tickets.events import AGENT
from tickets.journal import TicketJournal
from tickets.models import Status, Ticket

ADA = Principal(kind=ActorKind.USER, name="ada", roles=frozenset({"approver"}))

PLAN: dict[str, Any] = {
    "summary": "Create Redis StatefulSet with Sentinel",
    "steps": [
        {
            "description": "Write the StatefulSet",
            "tool": "git_write_file",
            "path": "redis/set.yaml",
        },
        {"description": "Commit it", "tool": "git_commit", "path": ""},
    ],
    "estimatedTools": ["git_write_file", "git_commit", "git_push", "argo_sync"],
    "risks": ["Data namespace may already exist"],
}


def new_ticket(**fields: Any) -> Ticket:
    """A draft."""
    usual: dict[str, Any] = {
        "title": "Deploy Redis cluster",
        "description": "Three nodes",
        "actor": SYSTEM,
    }
    return services.create_ticket(**(usual | fields))


def run_of(ticket: Ticket) -> Run:
    """The ticket's run as the database has it now."""
    assert ticket.run_id is not None
    return Run.objects.get(pk=ticket.run_id)


@contextmanager
def worker(ticket: Ticket) -> Iterator[TicketJournal]:
    """One commit of a worker that holds the run and lets it go again."""
    assert ticket.run_id is not None
    run = claims.claim(ticket.run_id)
    assert run is not None, "the run is not due"
    journal = TicketJournal(ticket, run)
    with claims.fenced(run):
        journal.opened()
        yield journal
        journal.closed()
        claims.release(run)


def says(
    journal: TicketJournal,
    tool: str,
    *,
    tokens: tuple[int, int] = (10, 5),
    cost: Decimal | None = None,
    text: str = "",
    **arguments: Any,
) -> ToolExecution:
    """A turn in which the model called one tool; nothing has come of the call yet."""
    number, phase = journal.position()
    turn = Turn.objects.create(
        run=journal.run,
        number=number,
        phase=phase,
        text=text,
        prompt_tokens=tokens[0],
        completion_tokens=tokens[1],
        cost=cost,
        started_at=now(),
        answered_at=now(),
    )
    call = ToolExecution.objects.create(
        run=journal.run,
        turn=turn,
        position=0,
        call_id=f"call_{number}",
        tool=tool,
        raw_arguments=json.dumps(arguments),
        arguments=arguments,
        action_class=ActionClass.READ,
        resource=f"ticket:{journal.ticket.pk}",
    )
    journal.answered(turn)
    return call


def done(journal: TicketJournal, call: ToolExecution, content: str = "ok", **data: Any) -> None:
    """The call has its result."""
    call.state, call.result, call.data, call.ended_at = CallState.DONE, content, data, now()
    call.save()
    journal.ended(call, ToolResult(content=content, data=data), unknown=False)
    journal.completed(call.turn, [call])


def parked(journal: TicketJournal, call: ToolExecution, kind: WaitKind, **detail: Any) -> None:
    """The call waits for a person."""
    if kind is not WaitKind.QUESTION:
        of, _, name = call.resource.partition(":")
        call.approval = approvals.request(
            Action(
                tool=call.tool,
                arguments=call.arguments,
                action_class=ActionClass.DESTRUCTIVE,
                resource=Resource(type=of, name=name),
                principal=AGENT,
                trace_id=str(journal.ticket.pk),
                reason=call.turn.text,
            ),
            policy="destructive-needs-approval",
            kind="plan" if kind is WaitKind.PLAN_APPROVAL else "",
            on_behalf_of=author(journal.ticket),
        )
    call.state, call.wait, call.wait_detail = CallState.WAITING, kind, detail
    call.waiting_since = now()
    call.save()
    journal.waits(call)
    journal.completed(call.turn, [call])


def planning(**fields: Any) -> Ticket:
    """Started a moment ago; no worker has it yet."""
    return services.run_ticket(new_ticket(**fields), actor=ADA)


def pending_plan_approval(**fields: Any) -> Ticket:
    """The agent submitted a plan."""
    ticket = planning(**fields)
    with worker(ticket) as journal:
        call = says(journal, "submit_plan", text="A plan", **PLAN)
        parked(journal, call, WaitKind.PLAN_APPROVAL)
    return ticket


def executing(**fields: Any) -> Ticket:
    """Ada approved the plan, and a worker took the approval up."""
    ticket = pending_plan_approval(**fields)
    services.approve_plan(ticket, actor=ADA)
    call = ToolExecution.objects.get(run=ticket.run, tool="submit_plan")
    with worker(ticket) as journal:
        done(journal, call, "Plan approved.", approved=True)
    claims.queue(run_of(ticket).pk)
    return ticket


def pending_approval(**fields: Any) -> Ticket:
    """The agent wants to delete a file."""
    ticket = executing(**fields)
    with worker(ticket) as journal:
        call = says(journal, "git_delete_file", text="It is not used", path="redis/old.yaml")
        call.resource = "file:redis/old.yaml"
        message = "git_delete_file is destructive and needs an approval of its own"
        parked(journal, call, WaitKind.APPROVAL, message=message)
    return ticket


def asked_while_planning(**fields: Any) -> Ticket:
    """The agent asked a question before it had a plan."""
    return _asks(planning(**fields))


def pending_input(**fields: Any) -> Ticket:
    """The agent asked a question while it carried its plan out."""
    return _asks(executing(**fields))


def _asks(ticket: Ticket) -> Ticket:
    with worker(ticket) as journal:
        question: dict[str, Any] = {"question": "Which namespace?", "options": ["data", "cache"]}
        parked(journal, says(journal, "ask_question", **question), WaitKind.QUESTION, **question)
    return ticket


def observing(**fields: Any) -> Ticket:
    ticket = executing(**fields)
    with worker(ticket) as journal:
        journal.move(Status.OBSERVING)
    claims.queue(run_of(ticket).pk)
    return ticket


def paused(**fields: Any) -> Ticket:
    """Its plan is approved and its turns are used up."""
    ticket = executing(max_turns=1, **fields)
    with worker(ticket) as journal:
        assert journal.proceed() is False
    return ticket


def paused_while_planning(**fields: Any) -> Ticket:
    """Its turns were used up before it had a plan."""
    ticket = planning(max_turns=1, **fields)
    with worker(ticket) as journal:
        done(journal, says(journal, "git_list_files"))
        assert journal.proceed() is False
    return ticket


def resolved(**fields: Any) -> Ticket:
    ticket = executing(**fields)
    with worker(ticket) as journal:
        journal.move(Status.RESOLVED)
    return ticket


def failed(**fields: Any) -> Ticket:
    ticket = executing(**fields)
    with worker(ticket) as journal:
        journal.fail("the agent gave up: no such chart")
    return ticket


def cancelled(**fields: Any) -> Ticket:
    return services.cancel_ticket(executing(**fields), actor=ADA)


IN: dict[str, Callable[..., Ticket]] = {
    Status.DRAFT: new_ticket,
    Status.PLANNING: planning,
    Status.PENDING_PLAN_APPROVAL: pending_plan_approval,
    Status.EXECUTING: executing,
    Status.PENDING_APPROVAL: pending_approval,
    Status.PENDING_INPUT: pending_input,
    Status.OBSERVING: observing,
    Status.PAUSED: paused,
    Status.RESOLVED: resolved,
    Status.FAILED: failed,
    Status.CANCELLED: cancelled,
}


def in_status(status: str, **fields: Any) -> Ticket:
    """A ticket that came to `status` the usual way."""
    ticket = IN[status](**fields)
    assert ticket.status == status
    return ticket


def log_of(ticket: Ticket, *types: str) -> list[AuditEvent]:
    """The ticket's events of these types, oldest first."""
    events = AuditEvent.objects.filter(trace_id=str(ticket.pk)).order_by("id")
    return list(events.filter(type__in=types) if types else events)
