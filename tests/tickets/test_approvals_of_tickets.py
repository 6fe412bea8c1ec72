"""Requests of tickets: who may approve, late answers, and the other ends."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from aura.kernel.errors import Forbidden
from governance import approvals
from governance.models import Approval, AuditEvent
from tests import builders
from tests.fakes import call, git, says, whole_ticket
from tests.tickets.conftest import AUTHOR, OPS
from tickets import services, settling
from tickets.models import Status, Ticket
from tickets.tasks import sweep

pytestmark = pytest.mark.django_db

SCRIPT = whole_ticket()
PLANNED, REST = SCRIPT[:2], SCRIPT[2:]


def request_of(ticket: Ticket) -> Approval:
    return Approval.objects.filter(trace_id=str(ticket.pk)).latest("requested_at")


def overdue(approval: Approval) -> None:
    """As after days in which nobody looked."""
    Approval.objects.filter(pk=approval.pk).update(expires_at=Now() - timedelta(seconds=1))


def test_a_late_approval_resumes_the_parked_work_and_is_used_once(desk):
    ticket = desk.open()
    desk.advance(ticket, *PLANNED)
    asked = request_of(ticket)
    assert (asked.status, asked.requested_for, asked.kind) == ("pending", AUTHOR.name, "plan")
    # Another process, hours later: nothing of the ticket is in its memory.
    Approval.objects.update(requested_at=Now() - timedelta(days=3))
    approvals.approve(asked.key, by=OPS, event="plan_approved")
    settling.settle_decided()
    desk.advance(ticket, *REST)
    assert ticket.status == Status.RESOLVED, ticket.last_error
    assert "kind: ConfigMap" in git(desk.repository, "show", "main:apps/nginx/config.yaml")
    asked.refresh_from_db()
    assert (asked.status, asked.uses) == ("consumed", 1)
    story = AuditEvent.objects.filter(trace_id=str(ticket.pk), type__startswith="approval_")
    assert list(story.order_by("pk").values_list("type", flat=True)) == [
        "approval_created",
        "approval_used",
    ]


def test_the_author_approves_neither_the_plan_nor_an_action():
    ticket = builders.pending_plan_approval(actor=AUTHOR)
    with pytest.raises(Forbidden, match="ada asked for this"):
        services.approve_plan(ticket, actor=AUTHOR)
    services.approve_plan(ticket, actor=OPS)
    other = builders.pending_plan_approval(actor=OPS)
    services.reject_plan(other, feedback="not so", actor=OPS)  # a no is theirs to give


def test_four_eyes_can_be_switched_off_for_plans(desk):
    ticket = desk.open()
    desk.advance(ticket, *PLANNED, agent_four_eyes=False)
    services.approve_plan(ticket, actor=AUTHOR)
    assert ticket.status == Status.EXECUTING


def test_a_plan_that_nobody_decided_on_pauses_and_resume_asks_again(desk, monkeypatch):
    ticket = desk.open()
    desk.advance(ticket, *PLANNED)
    first = request_of(ticket)
    overdue(first)
    sweep()
    ticket.refresh_from_db()
    first.refresh_from_db()
    assert (first.status, ticket.status) == ("expired", Status.PAUSED)
    services.resume_ticket(ticket, actor=OPS)
    desk.advance(ticket)
    second = request_of(ticket)
    assert ticket.status == Status.PENDING_PLAN_APPROVAL
    assert (second.pk != first.pk, second.fingerprint) == (True, first.fingerprint)
    services.approve_plan(ticket, actor=OPS)
    desk.advance(ticket, *REST)
    assert ticket.status == Status.RESOLVED, ticket.last_error


def test_a_plan_taken_back_before_its_use_covers_nothing(desk):
    ticket = desk.open()
    desk.advance(ticket, *PLANNED)
    services.approve_plan(ticket, actor=OPS)
    approvals.revoke(request_of(ticket).pk, by=OPS, reason="a freeze began")
    model = desk.advance(ticket, REST[0], says(call("ask_question", question="What now?")))
    told = [message.content for message in model.requests[-1].messages]
    assert any("withdrawn: a freeze began" in content for content in told)
    assert any("nothing may be changed before a plan is approved" in content for content in told)
    assert (ticket.plan_approved_at, ticket.status) == (None, Status.PENDING_INPUT)


def test_a_request_that_was_withdrawn_alone_lets_the_ticket_go_on(desk):
    ticket = desk.open()
    desk.advance(ticket, *PLANNED)
    approvals.cancel(request_of(ticket).pk, by=OPS, reason="asked too early")
    settling.settle_decided()
    ticket.refresh_from_db()
    assert ticket.status == Status.PLANNING


def test_with_a_quorum_the_ticket_waits_for_the_last_yes():
    ticket = builders.pending_approval()
    Approval.objects.filter(pk=request_of(ticket).pk).update(quorum=2)
    services.decide_action(ticket, approved=True, actor=OPS)
    assert ticket.status == Status.PENDING_APPROVAL
    services.decide_action(ticket, approved=True, actor=builders.ADA)
    assert ticket.status == Status.EXECUTING


def test_cancelling_a_ticket_tells_of_each_request_it_withdraws():
    ticket = builders.pending_approval()
    services.cancel_ticket(ticket, actor=OPS)
    events = builders.log_of(ticket, "approval_cancelled")
    assert [
        (event.action, event.actor_name) for event in events if event.action != "submit_plan"
    ] == [("git_delete_file", "ops")]
