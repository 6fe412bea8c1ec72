"""POST /api/tickets/:id/cancel"""

from __future__ import annotations

import pytest

from agents.models import ToolExecution
from agents.runtime import claims
from governance.audit.record import data_of
from governance.models import Approval
from tests.builders import (
    ADA,
    IN,
    executing,
    log_of,
    pending_approval,
    pending_input,
    pending_plan_approval,
    planning,
    run_of,
)
from tests.contract.wire import at, invalid, moment, ok, refused
from tickets import services
from tickets.lifecycle import ENDED
from tickets.models import Status, Ticket

pytestmark = pytest.mark.django_db

OPEN = [status for status in Status if status not in ENDED]


@pytest.mark.parametrize("status", OPEN)
def test_a_ticket_can_be_cancelled_from_every_status_that_is_no_end(api, status):
    ticket = IN[status]()
    body = ok(api.post(at(ticket, "/cancel")))
    assert list(body.items()) == [("id", str(ticket.pk)), ("status", "cancelled")]
    shown = ok(api.get(at(ticket)))
    assert shown["status"] == "cancelled"
    assert shown["pendingApproval"] is None
    assert shown["pendingQuestion"] is None
    moment(shown["resolvedAt"])


def test_the_log_says_who_and_why(api):
    ticket = executing()
    ok(api.post(at(ticket, "/cancel"), {"reason": " not needed "}))
    event = log_of(ticket, "status_changed")[-1]
    data = data_of(event.body)["data"]
    assert event.actor == "user"
    assert data["reasoning"] == "not needed"
    assert data["stateChange"] == {
        "field": "status",
        "oldValue": "executing",
        "newValue": "cancelled",
    }


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"anything": [1]}])
def test_no_reason_is_needed(api, body):
    assert ok(api.post(at(executing(), "/cancel"), body))["status"] == "cancelled"


@pytest.mark.parametrize("reason", [None, 5, ["x"], "x" * 10_001])
def test_a_reason_is_a_text(api, reason):
    ticket = executing()
    invalid(api.post(at(ticket, "/cancel"), {"reason": reason}), "reason")
    assert Ticket.objects.get().status == "executing"


def test_the_worker_loses_the_run_at_once(api):
    ticket = planning()
    held = claims.claim(run_of(ticket).pk)
    assert held is not None
    ok(api.post(at(ticket, "/cancel")))
    with pytest.raises(claims.LeaseLost), claims.fenced(held):
        pass
    assert claims.claim(held.pk) is None


@pytest.mark.parametrize("build", [pending_plan_approval, pending_approval])
def test_what_waits_for_approval_is_withdrawn(api, build):
    ticket = build()
    waiting = ToolExecution.objects.get(state="waiting")
    ok(api.post(at(ticket, "/cancel")))
    waiting.refresh_from_db()
    assert (waiting.state, waiting.failed) == ("done", True)
    approval = Approval.objects.get(pk=waiting.approval_id)
    assert (approval.status, approval.decided_by) == ("cancelled", "anonymous")
    refused(api.post(at(ticket, "/approve"), {"approved": True}), 400, "APPROVAL_NOT_PENDING")
    refused(api.post(at(ticket, "/approve-plan")), 400, "INVALID_TRANSITION")


def test_an_approval_that_was_given_and_not_used_is_withdrawn_too(api):
    ticket = pending_approval()
    services.decide_action(ticket, approved=True, actor=ADA)
    ok(api.post(at(ticket, "/cancel")))
    assert Approval.objects.get(tool_name="git_delete_file").status == "cancelled"


def test_a_question_can_no_longer_be_answered(api):
    ticket = pending_input()
    ok(api.post(at(ticket, "/cancel")))
    refused(api.post(at(ticket, "/answer"), {"answer": "data"}), 400, "QUESTION_NOT_PENDING")
    assert not ToolExecution.objects.filter(state="waiting").exists()


def test_steps_that_nobody_carried_out_are_skipped(api):
    ticket = executing()
    ok(api.post(at(ticket, "/cancel")))
    steps = ok(api.get(at(ticket)))["plan"]["steps"]
    assert {step["status"] for step in steps} == {"skipped"}
