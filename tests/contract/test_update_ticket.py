"""PATCH /api/tickets/:id"""

from __future__ import annotations

import pytest

from governance.audit.record import data_of
from tests.builders import IN, log_of, new_ticket, paused
from tests.contract.test_get_ticket import ADDED, DOCUMENTED
from tests.contract.wire import at, invalid, moment, ok
from tickets.models import Ticket

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("field", "value"),
    [("title", "New"), ("description", "Newer"), ("priority", "critical"), ("maxTurns", 70)],
)
def test_one_field_changes_and_the_whole_ticket_is_answered(api, field, value):
    ticket = new_ticket()
    before = ok(api.get(at(ticket)))
    body = ok(api.patch(at(ticket), {field: value}))
    assert list(body) == DOCUMENTED + ADDED
    assert body == before | {field: value, "updatedAt": body["updatedAt"]}
    assert moment(body["updatedAt"]) >= moment(before["updatedAt"])
    assert ok(api.get(at(ticket))) == body


def test_several_fields_change_at_once(api):
    ticket = new_ticket()
    body = ok(api.patch(at(ticket), {"title": " New ", "priority": "low"}))
    assert (body["title"], body["priority"]) == ("New", "low")


def test_the_log_keeps_the_old_and_the_new_value_of_each_field(api):
    ticket = new_ticket()
    ok(api.patch(at(ticket), {"title": "New", "maxTurns": 70, "priority": "medium"}))
    events = log_of(ticket, "ticket_updated")
    assert {event.actor for event in events} == {"user"}
    changes = [data_of(event.body)["data"]["stateChange"] for event in events]
    assert sorted(changes, key=lambda change: change["field"]) == [
        {"field": "maxTurns", "oldValue": 50, "newValue": 70},
        {"field": "title", "oldValue": "Deploy Redis cluster", "newValue": "New"},
    ]


@pytest.mark.parametrize("body", [{}, {"status": "resolved"}, {"title": "Deploy Redis cluster"}])
def test_a_change_of_nothing_leaves_no_trace(api, body):
    ticket = new_ticket()
    before = ok(api.get(at(ticket)))
    assert ok(api.patch(at(ticket), body)) == before
    assert log_of(ticket, "ticket_updated") == []


@pytest.mark.parametrize("status", ["executing", "resolved", "cancelled"])
def test_a_ticket_can_be_edited_even_when_it_is_over_and_keeps_its_status(api, status):
    ticket = IN[status]()
    body = ok(api.patch(at(ticket), {"title": "New", "status": "draft", "currentTurn": 0}))
    assert (body["title"], body["status"]) == ("New", status)
    assert len(log_of(ticket, "ticket_updated")) == 1


def test_more_turns_do_not_unpause(api):
    ticket = paused()
    assert ok(api.patch(at(ticket), {"maxTurns": 99}))["status"] == "paused"


def test_max_turns_cannot_be_below_the_turns_already_taken(api):
    ticket = new_ticket()
    Ticket.objects.update(current_turn=3)
    assert invalid(api.patch(at(ticket), {"maxTurns": 2}), "maxTurns") == {
        "maxTurns": ["Must be at least 3"]
    }
    assert ok(api.patch(at(ticket), {"maxTurns": 3}))["maxTurns"] == 3


def test_of_a_refused_change_nothing_is_kept(api):
    ticket = new_ticket()
    Ticket.objects.update(current_turn=3)
    invalid(api.patch(at(ticket), {"title": "New", "maxTurns": 2}), "maxTurns")
    assert ok(api.get(at(ticket)))["title"] == "Deploy Redis cluster"
    assert log_of(ticket, "ticket_updated") == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", None),
        ("title", ""),
        ("title", "  "),
        ("title", 5),
        ("title", "x" * 256),
        ("title", "\x00"),
        ("description", None),
        ("description", ""),
        ("description", ["x"]),
        ("description", "x" * 100_001),
        ("priority", None),
        ("priority", "urgent"),
        ("maxTurns", None),
        ("maxTurns", 0),
        ("maxTurns", "5"),
        ("maxTurns", 5.5),
        ("maxTurns", True),
        ("maxTurns", 10**30),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_a_value_that_does_not_fit_is_refused(api, field, value):
    invalid(api.patch(at(new_ticket()), {field: value}), field)
