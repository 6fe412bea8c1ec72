"""The status machine. `move()` is the only place that assigns a ticket's status."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from django.utils.timezone import now

from aura.kernel.errors import Problem
from governance.types import Principal
from tickets import telling
from tickets.events import tell
from tickets.models import Status, Ticket

S = Status

MOVES: Final[Mapping[Status, frozenset[Status]]] = {
    S.DRAFT: frozenset({S.PLANNING, S.CANCELLED}),
    S.PLANNING: frozenset(
        {
            S.PENDING_PLAN_APPROVAL,
            S.EXECUTING,
            S.PENDING_APPROVAL,  # request_approval works before there is a plan too
            S.PENDING_INPUT,
            S.PAUSED,
            S.RESOLVED,  # nothing to change: there is no plan to approve
            S.FAILED,
            S.CANCELLED,
        }
    ),
    # Paused: nobody decided in time.
    S.PENDING_PLAN_APPROVAL: frozenset({S.EXECUTING, S.PLANNING, S.PAUSED, S.CANCELLED}),
    S.EXECUTING: frozenset(
        {
            S.PENDING_APPROVAL,
            S.PENDING_INPUT,
            S.PENDING_PLAN_APPROVAL,  # a changed plan is a new request
            S.OBSERVING,
            S.PAUSED,
            S.RESOLVED,
            S.FAILED,
            S.CANCELLED,
        }
    ),
    S.PENDING_APPROVAL: frozenset({S.EXECUTING, S.PLANNING, S.PAUSED, S.CANCELLED}),
    S.PENDING_INPUT: frozenset({S.EXECUTING, S.PLANNING, S.CANCELLED}),
    S.OBSERVING: frozenset({S.EXECUTING, S.RESOLVED, S.FAILED, S.PAUSED, S.CANCELLED}),
    S.PAUSED: frozenset({S.EXECUTING, S.PLANNING, S.PENDING_PLAN_APPROVAL, S.CANCELLED}),
    S.FAILED: frozenset({S.PLANNING}),
    S.RESOLVED: frozenset(),
    S.CANCELLED: frozenset(),
}

WORKING: Final = frozenset({S.PLANNING, S.EXECUTING, S.OBSERVING})
WAITING: Final = frozenset({S.PENDING_PLAN_APPROVAL, S.PENDING_APPROVAL, S.PENDING_INPUT})
ENDED: Final = frozenset({S.RESOLVED, S.FAILED, S.CANCELLED})


class InvalidTransition(Problem):
    """The ticket is not in a status from which this is possible."""

    code, status = "INVALID_TRANSITION", 400

    def __init__(
        self, origin: str, to: str, *, hint: str = "", allowed_from: Iterable[Status] = ()
    ) -> None:
        """`allowed_from`: where the verb is possible, when that is less than the table allows."""
        sources = [s.value for s in allowed_from or (s for s in Status if to in MOVES[s])]
        super().__init__(
            f"Status transition from {origin} to {to} is not allowed"
            + (f"; {hint}" if hint else ""),
            details={"from": origin, "to": to, "allowedFrom": sources},
        )


def move(ticket: Ticket, to: Status, *, actor: Principal, reason: str = "") -> None:
    """Move a ticket and log it. Of two who move it at once, exactly one wins.

    Raises `InvalidTransition` when the table does not allow it, or when the row has moved on.
    """
    origin = Status(ticket.status)
    if to not in MOVES[origin]:
        raise InvalidTransition(origin, to)
    moment = now()
    changes: dict[str, object] = {"status": to, "updated_at": moment}
    if to in ENDED or origin in ENDED:
        changes["resolved_at"] = moment if to in ENDED else None
    moved = Ticket.objects.filter(pk=ticket.pk, status=origin).update(**changes)
    if not moved:
        current = Ticket.objects.values_list("status", flat=True).get(pk=ticket.pk)
        raise InvalidTransition(current, to)
    for name, value in changes.items():
        setattr(ticket, name, value)
    payload = {"from": origin.value, "to": to.value} | ({"reason": reason} if reason else {})
    event = tell(
        ticket,
        "status_changed",
        actor=actor,
        payload=payload,
        stateChange={"field": "status", "oldValue": origin.value, "newValue": to.value},
        reasoning=reason,
    )
    telling.stopped(ticket, reason, event=str(event.key))


def working_status(ticket: Ticket) -> Status:
    """Where a ticket goes on: executing once its plan is approved, planning before."""
    return Status.EXECUTING if ticket.plan_approved_at else Status.PLANNING
