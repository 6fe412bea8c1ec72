"""POST /api/tickets/:id/approve-plan"""

from __future__ import annotations

import threading

import pytest
from django.contrib.auth.models import User
from django.db import connection

from agents.models import ToolExecution
from governance.audit.record import data_of
from governance.identity import principal
from governance.models import Approval
from governance.types import ActorKind, Principal, Role
from tests.builders import log_of, pending_approval, pending_plan_approval, run_of
from tests.contract.wire import at, invalid, moment, ok, refused, woken
from tests.people import headers_of, person
from tickets.models import Ticket

pytestmark = pytest.mark.django_db


def test_the_answer_is_the_documents_own(api):
    ticket = pending_plan_approval()
    body = ok(api.post(at(ticket, "/approve-plan")))
    assert list(body.items()) == [
        ("id", str(ticket.pk)),
        ("status", "executing"),
        ("planApprovedAt", body["planApprovedAt"]),
    ]
    moment(body["planApprovedAt"])
    shown = ok(api.get(at(ticket)))
    assert shown["status"] == "executing"
    assert shown["planApprovedAt"] == body["planApprovedAt"]


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"content_type": "application/json"},
        {"data": b"", "content_type": "application/x-www-form-urlencoded"},
        {"data": b"", "content_type": "text/plain"},
        {"data": b"{}", "content_type": "application/json"},
        {"data": b'{"unknown": [1]}', "content_type": "application/json; charset=utf-8"},
    ],
    ids=str,
)
def test_no_body_is_needed(api, how):
    assert ok(api.post(at(pending_plan_approval(), "/approve-plan"), **how))["planApprovedAt"]


def test_the_agent_is_queued_and_a_worker_is_woken(api, django_capture_on_commit_callbacks):
    ticket = pending_plan_approval()
    assert run_of(ticket).due_at is None
    with django_capture_on_commit_callbacks() as callbacks:
        ok(api.post(at(ticket, "/approve-plan")))
    assert run_of(ticket).due_at is not None
    assert woken(callbacks) == [ticket.pk]


def test_the_request_is_marked_approved_and_stays_with_the_call(api):
    ticket = pending_plan_approval()
    ok(api.post(at(ticket, "/approve-plan"), {"approvedBy": "grace"}))
    approval = Approval.objects.get()
    assert (approval.status, approval.decided_by) == ("approved", "grace")
    assert approval.decided_at == Ticket.objects.get().plan_approved_at
    assert ToolExecution.objects.get().approval_id == approval.pk


def test_the_log_tells_of_the_approval_and_of_the_move(api):
    ticket = pending_plan_approval()
    ok(api.post(at(ticket, "/approve-plan")))
    approved, moved = log_of(ticket)[-2:]
    assert (approved.type, approved.actor, approved.action) == (
        "plan_approved",
        "user",
        "submit_plan",
    )
    assert (moved.type, moved.actor) == ("status_changed", "user")
    assert data_of(moved.body)["data"]["payload"] == {
        "from": "pending_plan_approval",
        "to": "executing",
    }


def test_without_a_login_the_name_in_the_body_is_taken_as_a_claim(api):
    ticket = pending_plan_approval()
    ok(api.post(at(ticket, "/approve-plan"), {"approvedBy": " grace "}))
    assert ok(api.get(at(ticket)))["planApprovedBy"] == "grace"
    assert log_of(ticket, "plan_approved")[0].actor_name == "grace"


def test_without_a_login_and_a_name_the_approver_is_anonymous(api):
    ticket = pending_plan_approval()
    ok(api.post(at(ticket, "/approve-plan"), {"approvedBy": ""}))
    assert ok(api.get(at(ticket)))["planApprovedBy"] == "anonymous"


def test_the_name_in_the_body_never_overrides_the_login(api):
    ticket = pending_plan_approval()
    api.force_authenticate(User.objects.create_user("ada"))
    ok(api.post(at(ticket, "/approve-plan"), {"approvedBy": "grace"}))
    assert ok(api.get(at(ticket)))["planApprovedBy"] == "ada"
    (event,) = log_of(ticket, "plan_approved")
    assert event.actor_name == "ada"
    assert data_of(event.body)["data"]["reasoning"] == "approvedBy: grace"


@pytest.mark.parametrize("value", [None, 5, True, ["grace"], "x" * 151], ids=lambda v: repr(v)[:9])
def test_the_name_is_a_text(api, value):
    ticket = pending_plan_approval()
    invalid(api.post(at(ticket, "/approve-plan"), {"approvedBy": value}), "approvedBy")
    assert Approval.objects.get().status == "pending"


def test_a_second_approval_is_refused(api):
    ticket = pending_plan_approval()
    first = ok(api.post(at(ticket, "/approve-plan")))
    refused(api.post(at(ticket, "/approve-plan")), 400, "INVALID_TRANSITION")
    assert ok(api.get(at(ticket)))["planApprovedAt"] == first["planApprovedAt"]
    assert len(log_of(ticket, "plan_approved")) == 1


def test_the_plan_is_approved_here_and_not_as_an_action(api):
    ticket = pending_plan_approval()
    refused(api.post(at(ticket, "/approve"), {"approved": True}), 400, "APPROVAL_NOT_PENDING")
    assert Approval.objects.get().status == "pending"


def test_a_pending_action_is_not_approved_here(api):
    ticket = pending_approval()
    refused(api.post(at(ticket, "/approve-plan")), 400, "INVALID_TRANSITION")
    assert Approval.objects.get(tool_name="git_delete_file").status == "pending"


def read(api, ticket):
    return ok(api.get(at(ticket)))["pendingPlanApproval"]


@pytest.mark.parametrize("stale", [True, False])
@pytest.mark.parametrize("how", ["approvalId", "fingerprint", "If-Match"])
def test_a_plan_that_was_not_read_is_not_approved(api, how, stale):
    ticket = pending_plan_approval()
    seen = read(api, ticket)
    value = seen["id" if how == "approvalId" else "fingerprint"]
    value = value.replace(value[0], "f" if value[0] == "0" else "0") if stale else value
    sent = {"HTTP_IF_MATCH": f'"{value}"'} if how == "If-Match" else {}
    response = api.post(at(ticket, "/approve-plan"), {} if sent else {how: value}, **sent)
    if stale:
        refused(response, 409, "SHOWN_IS_STALE")
        assert read(api, ticket) == seen
    else:
        assert ok(response)["status"] == "executing"
        assert read(api, ticket) is None


def test_a_plan_that_takes_two_waits_for_the_second(api):
    ticket = pending_plan_approval()
    Approval.objects.update(quorum=2)
    first = ok(api.post(at(ticket, "/approve-plan"), {"approvedBy": "ada"}))
    assert (first["status"], first["planApprovedAt"]) == ("pending_plan_approval", None)
    assert read(api, ticket)["approvedBy"] == ["ada"]
    refused(api.post(at(ticket, "/approve-plan"), {"approvedBy": "Ada"}), 409, "ALREADY_VOTED")
    second = ok(api.post(at(ticket, "/approve-plan"), {"approvedBy": "grace"}))
    assert second["status"] == "executing"


def test_who_opened_the_ticket_does_not_approve_it_and_is_told_who_may(api, login_required):
    ada, grace = person("ada", Role.APPROVER), person("grace", Role.APPROVER)
    ticket = pending_plan_approval(actor=principal(ada))
    error = refused(api.post(at(ticket, "/approve-plan"), **headers_of(ada)), 403, "FORBIDDEN")
    assert "ada asked for this" in error["message"]
    assert "(grace)" in error["message"]
    ok(api.post(at(ticket, "/approve-plan"), **headers_of(grace)))


def test_without_a_login_a_claimed_name_cannot_approve_its_own_ticket(api):
    ticket = pending_plan_approval(actor=Principal(kind=ActorKind.USER, name="ada"))
    refused(api.post(at(ticket, "/approve-plan"), {"approvedBy": "ada"}), 403, "FORBIDDEN")
    ok(api.post(at(ticket, "/approve-plan")))


def test_a_token_decides_with_its_own_role_and_not_its_owners(api, login_required):
    ticket = pending_plan_approval()
    Approval.objects.update(approver_role=Role.ADMIN)
    root = person("root", Role.ADMIN)
    sent = headers_of(root, Role.APPROVER)
    refused(api.post(at(ticket, "/approve-plan"), **sent), 403, "FORBIDDEN")
    ok(api.post(at(ticket, "/approve-plan"), **headers_of(root)))


@pytest.mark.django_db(transaction=True)
def test_of_two_who_approve_at_once_exactly_one_wins(api):
    ticket = pending_plan_approval()
    answers = []

    def approve():
        answers.append(api.post(at(ticket, "/approve-plan")).status_code)
        connection.close()

    threads = [threading.Thread(target=approve) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 400, 400, 400]
    assert len(log_of(ticket, "plan_approved")) == 1
