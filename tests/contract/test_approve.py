"""POST /api/tickets/:id/approve"""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from agents.models import ToolExecution
from agents.types import WaitKind
from governance.audit.record import data_of
from governance.models import Approval
from tests.builders import (
    log_of,
    parked,
    pending_approval,
    pending_input,
    planning,
    run_of,
    says,
    worker,
)
from tests.contract.wire import at, invalid, ok, refused, woken
from tickets.models import Ticket

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("approved", [True, False])
def test_both_answers_let_the_agent_go_on(api, approved, django_capture_on_commit_callbacks):
    ticket = pending_approval()
    with django_capture_on_commit_callbacks() as callbacks:
        body = ok(api.post(at(ticket, "/approve"), {"approved": approved}))
    assert list(body.items()) == [
        ("id", str(ticket.pk)),
        ("status", "executing"),
        ("pendingApproval", None),
    ]
    assert run_of(ticket).due_at is not None
    assert woken(callbacks) == [ticket.pk]
    shown = ok(api.get(at(ticket)))
    assert (shown["status"], shown["pendingApproval"]) == ("executing", None)


@pytest.mark.parametrize(
    ("approved", "status", "event_type"),
    [(True, "approved", "approval_granted"), (False, "denied", "approval_denied")],
)
def test_the_decision_is_kept_with_its_reason_and_logged(api, approved, status, event_type):
    ticket = pending_approval()
    api.force_authenticate(User.objects.create_user("ada"))
    ok(api.post(at(ticket, "/approve"), {"approved": approved, "reason": " Because "}))
    approval = Approval.objects.get(tool_name="git_delete_file")
    assert (approval.status, approval.decided_by, approval.decision_reason) == (
        status,
        "ada",
        "Because",
    )
    assert approval.decided_at is not None
    decided, moved = log_of(ticket)[-2:]
    assert (decided.type, decided.actor, decided.actor_name) == (event_type, "user", "ada")
    data = data_of(decided.body)["data"]
    assert data["reasoning"] == "Because"
    assert data["payload"]["approvalId"] == str(approval.pk)
    assert data["payload"]["fingerprint"] == approval.fingerprint
    assert moved.type == "status_changed"


def test_the_call_keeps_waiting_until_a_worker_takes_the_decision_up(api):
    ticket = pending_approval()
    ok(api.post(at(ticket, "/approve"), {"approved": True}))
    call = ToolExecution.objects.get(tool="git_delete_file")
    assert (call.state, call.result) == ("waiting", "")


def test_an_approval_asked_for_while_planning_leads_back_to_planning(api):
    ticket = planning()
    with worker(ticket) as journal:
        wish = says(journal, "request_approval", description="Restart the pods?")
        parked(journal, wish, WaitKind.APPROVAL)
    pending = ok(api.get(at(ticket)))["pendingApproval"]
    assert pending["action"] == "Restart the pods?"
    assert ok(api.post(at(ticket, "/approve"), {"approved": True}))["status"] == "planning"


def test_a_second_decision_is_refused(api):
    ticket = pending_approval()
    ok(api.post(at(ticket, "/approve"), {"approved": False}))
    refused(api.post(at(ticket, "/approve"), {"approved": True}), 400, "APPROVAL_NOT_PENDING")
    assert Approval.objects.get(tool_name="git_delete_file").status == "denied"
    assert log_of(ticket, "approval_granted") == []


def test_a_question_is_not_answered_by_an_approval(api):
    ticket = pending_input()
    refused(api.post(at(ticket, "/approve"), {"approved": True}), 400, "APPROVAL_NOT_PENDING")
    assert ToolExecution.objects.get(tool="ask_question").state == "waiting"


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"data": b"", "content_type": "application/json"},
        {"data": b"", "content_type": "application/x-www-form-urlencoded"},
        {"data": b"{}", "content_type": "application/json"},
        {"data": b'{"reason": "no"}', "content_type": "application/json"},
    ],
    ids=str,
)
def test_silence_is_neither_a_yes_nor_a_no(api, how):
    ticket = pending_approval()
    invalid(api.post(at(ticket, "/approve"), **how), "approved")
    assert Approval.objects.get(tool_name="git_delete_file").status == "pending"
    assert Ticket.objects.get().status == "pending_approval"


@pytest.mark.parametrize("value", [None, "true", "false", "yes", 1, 0, [], {}, ""], ids=repr)
def test_approved_is_true_or_false_and_nothing_else(api, value):
    ticket = pending_approval()
    invalid(api.post(at(ticket, "/approve"), {"approved": value}), "approved")
    assert Approval.objects.get(tool_name="git_delete_file").status == "pending"


@pytest.mark.parametrize("value", [None, 5, ["x"], "x" * 10_001], ids=lambda v: repr(v)[:9])
def test_a_reason_is_a_text(api, value):
    body = {"approved": True, "reason": value}
    invalid(api.post(at(pending_approval(), "/approve"), body), "reason")


def test_a_request_other_than_the_one_that_was_read_is_not_decided(api):
    ticket = pending_approval()
    body = {"approved": True, "approvalId": "0f8fad5b-d9cb-469f-a165-70867728950e"}
    refused(api.post(at(ticket, "/approve"), body), 409, "SHOWN_IS_STALE")
    shown = ok(api.get(at(ticket)))["pendingApproval"]
    decided = api.post(at(ticket, "/approve"), {"approved": True, "approvalId": shown["id"]})
    assert ok(decided)["status"] == "executing"
