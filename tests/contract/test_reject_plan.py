"""POST /api/tickets/:id/reject-plan, an addition to the document."""

from __future__ import annotations

import pytest

from governance.audit.record import data_of
from governance.models import Approval
from tests.builders import log_of, pending_plan_approval, run_of
from tests.contract.wire import at, invalid, ok, woken
from tickets.models import Ticket

pytestmark = pytest.mark.django_db

FEEDBACK = {"feedback": "Use the data namespace"}


def test_the_ticket_is_planned_anew(api, django_capture_on_commit_callbacks):
    ticket = pending_plan_approval()
    with django_capture_on_commit_callbacks() as callbacks:
        body = ok(api.post(at(ticket, "/reject-plan"), FEEDBACK))
    assert list(body.items()) == [("id", str(ticket.pk)), ("status", "planning")]
    assert run_of(ticket).due_at is not None
    assert woken(callbacks) == [ticket.pk]


def test_the_request_is_denied_with_the_feedback(api):
    ticket = pending_plan_approval()
    ok(api.post(at(ticket, "/reject-plan"), FEEDBACK))
    approval = Approval.objects.get()
    assert (approval.status, approval.decision_reason) == ("denied", FEEDBACK["feedback"])
    shown = ok(api.get(at(ticket)))
    assert (shown["planApprovedAt"], shown["planApprovedBy"]) == (None, None)


def test_the_log_holds_the_feedback(api):
    ticket = pending_plan_approval()
    ok(api.post(at(ticket, "/reject-plan"), FEEDBACK))
    rejected, moved = log_of(ticket)[-2:]
    assert (rejected.type, rejected.actor) == ("plan_rejected", "user")
    assert data_of(rejected.body)["data"]["reasoning"] == FEEDBACK["feedback"]
    assert data_of(moved.body)["data"]["payload"]["to"] == "planning"


@pytest.mark.parametrize(
    "value", [None, "", "  ", 5, ["x"], "x" * 10_001], ids=lambda v: repr(v)[:9]
)
def test_feedback_is_a_text_with_something_in_it(api, value):
    invalid(api.post(at(pending_plan_approval(), "/reject-plan"), {"feedback": value}), "feedback")


def test_feedback_is_required(api):
    ticket = pending_plan_approval()
    invalid(api.post(at(ticket, "/reject-plan")), "feedback")
    assert Ticket.objects.get().status == "pending_plan_approval"
