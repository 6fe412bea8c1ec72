"""The status machine: every move of the table, and no other."""

from __future__ import annotations

from itertools import product

import pytest

from governance.audit.record import data_of
from governance.types import SYSTEM
from tests.builders import ADA, log_of, new_ticket
from tickets.events import AGENT
from tickets.lifecycle import ENDED, MOVES, WAITING, WORKING, InvalidTransition, move
from tickets.lifecycle import working_status as goes_on_in
from tickets.models import Status, Ticket

S = Status

DOCUMENTED = {
    (S.DRAFT, S.PLANNING),
    (S.PLANNING, S.PENDING_PLAN_APPROVAL),
    (S.PLANNING, S.EXECUTING),
    (S.PLANNING, S.PENDING_INPUT),
    (S.PLANNING, S.PAUSED),
    (S.PLANNING, S.FAILED),
    (S.PENDING_PLAN_APPROVAL, S.EXECUTING),
    (S.PENDING_PLAN_APPROVAL, S.PLANNING),
    (S.EXECUTING, S.PENDING_APPROVAL),
    (S.EXECUTING, S.PENDING_INPUT),
    (S.EXECUTING, S.OBSERVING),
    (S.EXECUTING, S.PAUSED),
    (S.EXECUTING, S.RESOLVED),
    (S.EXECUTING, S.FAILED),
    (S.PENDING_APPROVAL, S.EXECUTING),
    (S.PENDING_INPUT, S.EXECUTING),
    (S.PENDING_INPUT, S.PLANNING),
    (S.OBSERVING, S.EXECUTING),
    (S.OBSERVING, S.RESOLVED),
    (S.OBSERVING, S.FAILED),
    (S.OBSERVING, S.PAUSED),
    (S.PAUSED, S.EXECUTING),
    (S.PAUSED, S.PLANNING),
    (S.PAUSED, S.PENDING_PLAN_APPROVAL),
    (S.FAILED, S.PLANNING),
    *((status, S.CANCELLED) for status in S if status not in {S.RESOLVED, S.FAILED, S.CANCELLED}),
}
# Beyond the document, each with its reason.
ADDED = {
    (S.PLANNING, S.RESOLVED),  # the planner finds that nothing is to be changed
    (S.PLANNING, S.PENDING_APPROVAL),  # request_approval, before there is a plan
    (S.EXECUTING, S.PENDING_PLAN_APPROVAL),  # a changed plan is a new request
    (S.PENDING_APPROVAL, S.PLANNING),  # an approval asked for while planning
    (S.PENDING_PLAN_APPROVAL, S.PAUSED),  # nobody decided in time
    (S.PENDING_APPROVAL, S.PAUSED),  # likewise
}
ALLOWED = DOCUMENTED | ADDED
PAIRS = list(product(S, S))


def ticket_in(status):
    ticket = new_ticket()
    Ticket.objects.filter(pk=ticket.pk).update(status=status)
    ticket.refresh_from_db()
    return ticket


@pytest.mark.parametrize(("origin", "to"), PAIRS)
def test_the_table_is_the_documents(origin, to):
    assert (to in MOVES[origin]) == ((origin, to) in ALLOWED)


def test_the_kinds_of_status_are_apart_and_leave_only_the_start_and_the_pause():
    assert sorted([*WORKING, *WAITING, *ENDED, S.DRAFT, S.PAUSED]) == sorted(S)


@pytest.mark.django_db
@pytest.mark.parametrize(("origin", "to"), sorted(ALLOWED))
def test_an_allowed_move_is_made_and_logged(origin, to):
    ticket = ticket_in(origin)
    before = ticket.updated_at
    move(ticket, to, actor=ADA, reason="because")
    assert ticket.status == to
    ticket.refresh_from_db()
    assert ticket.status == to
    assert ticket.updated_at > before
    assert (ticket.resolved_at is not None) == (to in ENDED)
    (event,) = log_of(ticket, "status_changed")
    data = data_of(event.body)["data"]
    assert (event.actor, event.actor_name) == ("user", "ada")
    assert data["payload"] == {"from": origin, "to": to, "reason": "because"}
    assert data["stateChange"] == {"field": "status", "oldValue": origin, "newValue": to}
    assert data["ticket"]["status"] == to


@pytest.mark.django_db
@pytest.mark.parametrize(("origin", "to"), [pair for pair in PAIRS if pair not in ALLOWED])
def test_any_other_move_is_refused_and_leaves_no_trace(origin, to):
    ticket = ticket_in(origin)
    before = Ticket.objects.values().get()
    with pytest.raises(InvalidTransition) as refusal:
        move(ticket, to, actor=ADA)
    assert refusal.value.details == {
        "from": origin,
        "to": to,
        "allowedFrom": [status for status in S if (status, to) in ALLOWED],
    }
    assert Ticket.objects.values().get() == before
    assert log_of(ticket, "status_changed") == []


@pytest.mark.django_db
def test_who_works_from_an_old_row_loses():
    ticket = ticket_in(S.PENDING_PLAN_APPROVAL)
    stale = Ticket.objects.get()
    move(ticket, S.CANCELLED, actor=ADA)
    with pytest.raises(InvalidTransition) as refusal:
        move(stale, S.EXECUTING, actor=AGENT)
    assert refusal.value.details["from"] == "cancelled"
    assert Ticket.objects.get().status == "cancelled"
    assert len(log_of(ticket, "status_changed")) == 1


@pytest.mark.django_db
def test_a_failed_ticket_that_begins_anew_is_no_longer_over():
    ticket = ticket_in(S.PLANNING)
    move(ticket, S.FAILED, actor=SYSTEM)
    assert ticket.resolved_at is not None
    move(ticket, S.PLANNING, actor=ADA)
    ticket.refresh_from_db()
    assert ticket.resolved_at is None


@pytest.mark.django_db
def test_without_a_reason_the_log_has_none():
    ticket = ticket_in(S.DRAFT)
    move(ticket, S.PLANNING, actor=ADA)
    (event,) = log_of(ticket, "status_changed")
    assert data_of(event.body)["data"]["payload"] == {"from": "draft", "to": "planning"}


def test_a_ticket_goes_on_executing_once_its_plan_is_approved_and_planning_before():
    ticket = Ticket()
    assert goes_on_in(ticket) is S.PLANNING
    ticket.plan_approved_at = "2026-01-15"
    assert goes_on_in(ticket) is S.EXECUTING
