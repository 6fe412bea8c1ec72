"""What a ticket waits for, and how it goes on once that has ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from agents.models import CallState, ToolExecution
from agents.runtime import claims
from agents.types import WaitKind
from aura.kernel import rows
from aura.kernel.ids import parse_uuid
from governance.audit.record import recorded_together
from governance.models import Approval, ApprovalStatus
from governance.types import SYSTEM, ActorKind, Principal
from tickets.lifecycle import WAITING, move, working_status
from tickets.models import Status, Ticket
from tickets.wakeups import wake

_KIND_OF = {
    Status.PENDING_PLAN_APPROVAL: WaitKind.PLAN_APPROVAL,
    Status.PENDING_APPROVAL: WaitKind.APPROVAL,
}
_SETTLED = (
    ApprovalStatus.APPROVED,
    ApprovalStatus.DENIED,
    ApprovalStatus.CANCELLED,
    ApprovalStatus.EXPIRED,
    ApprovalStatus.REVOKED,
)
_UNANSWERED = "nobody decided in time; resume asks again"


@contextmanager
def held(ticket: Ticket) -> Iterator[None]:
    """A transaction that holds the ticket, and its run's row first; `ticket` is read anew.

    What the log is told meanwhile is written at its end.
    """
    with transaction.atomic(), rows.together(), recorded_together(along=False):
        rows.read_again(ticket, after=LOCK_RUN, values=[ticket.pk])
        yield


LOCK_RUN = """
SELECT FROM agents_run
WHERE id = (SELECT run_id FROM tickets_ticket WHERE id = %s) FOR UPDATE
"""


def settle_decided() -> None:
    """Move on every ticket whose waiting call was decided elsewhere (the admin's queue, auditd)."""
    decided = ToolExecution.objects.filter(
        state=CallState.WAITING,
        approval__status__in=_SETTLED,
        run__tickets__status__in=WAITING,
    )
    for ticket in Ticket.objects.filter(run__calls__in=decided):
        with held(ticket):
            _settle_waiting(ticket)


def settle_trace(trace_id: str) -> None:
    """`settle_decided` for the ticket of one trace, if it is one and still waits."""
    key = parse_uuid(trace_id)
    ticket = rows.find(Ticket, key) if key else None
    if ticket is not None and ticket.status in _KIND_OF:
        with held(ticket):
            _settle_waiting(ticket)


def _settle_waiting(ticket: Ticket) -> None:
    """`settle` with the request that the ticket waits for, if it does."""
    if ticket.status not in _KIND_OF:
        return
    approval_id = asked(ticket, _KIND_OF[Status(ticket.status)])
    if approval_id is not None:
        wake(ticket.pk)
        settle(ticket, Approval.objects.get(pk=approval_id))


def settle(ticket: Ticket, approval: Approval) -> None:
    """The waiting call's request has ended: the ticket goes on. Does nothing otherwise."""
    if approval.status not in _SETTLED:
        return
    if approval.status == ApprovalStatus.EXPIRED:
        move(ticket, Status.PAUSED, actor=SYSTEM, reason=_UNANSWERED)
        return
    if ticket.status == Status.PENDING_PLAN_APPROVAL and approval.status == ApprovalStatus.APPROVED:
        ticket.plan_approved_at, ticket.plan_approved_by = approval.decided_at, approval.decided_by
        rows.update(ticket, "plan_approved_at", "plan_approved_by")
    go_on(ticket, actor=_decider(approval))


def _decider(approval: Approval) -> Principal:
    if approval.status == ApprovalStatus.CANCELLED:
        return SYSTEM
    return Principal(kind=ActorKind.USER, name=approval.decided_by)


def waits_for(ticket: Ticket, kind: WaitKind) -> ToolExecution | None:
    """The call that the ticket waits for, if it is of this kind."""
    if ticket.run_id is None or ticket.status not in WAITING:
        return None
    return _calls(ticket.run_id, kind).first()


def _calls(run_id: UUID, kind: WaitKind) -> QuerySet[ToolExecution]:
    return ToolExecution.objects.filter(run_id=run_id, state=CallState.WAITING, wait=kind)


def asked(ticket: Ticket, kind: WaitKind) -> UUID | None:
    """The request for approval that the waiting call made."""
    if ticket.run_id is None or ticket.status not in WAITING:
        return None
    return _calls(ticket.run_id, kind).values_list("approval_id", flat=True).first()


def go_on(ticket: Ticket, *, actor: Principal, reason: str = "") -> None:
    """Back to work: the run is due. The caller wakes a worker."""
    move(ticket, working_status(ticket), actor=actor, reason=reason)
    if ticket.run_id is not None:
        claims.queue(ticket.run_id)
