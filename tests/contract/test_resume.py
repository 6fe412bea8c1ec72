"""POST /api/tickets/:id/resume"""

from __future__ import annotations

import pytest

from governance.audit.record import data_of
from tests.builders import (
    executing,
    log_of,
    paused,
    paused_while_planning,
    run_of,
    worker,
)
from tests.contract.wire import at, invalid, ok, woken
from tickets.models import Ticket

pytestmark = pytest.mark.django_db


def paused_by_an_error():
    """Paused with turns left: the model's server did not answer."""
    ticket = executing()
    with worker(ticket) as journal:
        journal.pause_with_error("the model's server does not answer")
    return ticket


def test_the_answer_is_the_documents_own(api, django_capture_on_commit_callbacks):
    ticket = paused()
    Ticket.objects.update(max_turns=50)
    with django_capture_on_commit_callbacks() as callbacks:
        body = ok(api.post(at(ticket, "/resume"), {"additionalTurns": 20}))
    assert list(body.items()) == [
        ("id", str(ticket.pk)),
        ("status", "executing"),
        ("maxTurns", 70),
    ]
    assert run_of(ticket).due_at is not None
    assert woken(callbacks) == [ticket.pk]
    assert ok(api.get(at(ticket)))["maxTurns"] == 70


def test_a_ticket_paused_before_its_plan_was_approved_goes_back_to_planning(api):
    ticket = paused_while_planning()
    assert ok(api.post(at(ticket, "/resume"), {"additionalTurns": 1}))["status"] == "planning"


@pytest.mark.parametrize("body", [None, {}, {"unknown": 1}])
def test_no_further_turns_are_needed_where_some_are_left(api, body):
    ticket = paused_by_an_error()
    assert ok(api.post(at(ticket, "/resume"), body))["maxTurns"] == 50


def test_the_error_of_the_pause_is_gone_afterwards(api):
    ticket = paused_by_an_error()
    assert ok(api.get(at(ticket)))["lastError"] == "the model's server does not answer"
    ok(api.post(at(ticket, "/resume")))
    assert ok(api.get(at(ticket)))["lastError"] is None


def test_the_log_says_how_many_turns_were_granted(api):
    ticket = paused()
    ok(api.post(at(ticket, "/resume"), {"additionalTurns": 20}))
    event = log_of(ticket)[-1]
    assert (event.type, event.actor) == ("status_changed", "user")
    assert data_of(event.body)["data"]["payload"] == {
        "from": "paused",
        "to": "executing",
        "reason": "resumed with 20 more turns",
    }


@pytest.mark.parametrize("body", [{}, {"additionalTurns": 4}])
def test_without_a_turn_to_run_on_the_ticket_stays_paused(api, body):
    ticket = paused()
    Ticket.objects.update(current_turn=5, max_turns=1)
    details = invalid(api.post(at(ticket, "/resume"), body), "additionalTurns")
    missing = 5 - body.get("additionalTurns", 0)  # on top of what was asked for
    assert f"grant {missing} more" in details["additionalTurns"][0]
    assert Ticket.objects.values_list("status", "max_turns").get() == ("paused", 1)
    assert ok(api.post(at(ticket, "/resume"), {"additionalTurns": 5}))["maxTurns"] == 6


@pytest.mark.parametrize(
    "value", [None, 0, -5, "20", True, [], 100_001, 10**30], ids=lambda v: repr(v)[:9]
)
def test_additional_turns_are_a_whole_number_from_one(api, value):
    ticket = paused()
    invalid(api.post(at(ticket, "/resume"), {"additionalTurns": value}), "additionalTurns")
    assert Ticket.objects.get().status == "paused"
