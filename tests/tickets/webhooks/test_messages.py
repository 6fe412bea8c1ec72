"""Which messages come of what happens to tickets, and what they hold."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agents.types import WaitKind
from governance.models import AuditEvent
from tests import builders
from tests.stubs.receiver import receiving
from tests.tickets.webhooks.conftest import Hook
from tickets import services
from tickets.events import AGENT, tell
from tickets.models import WebhookDelivery
from tickets.webhooks import messages

pytestmark = pytest.mark.django_db

CANARY = "ghp_" + "a1B2c3D4e5" * 4


def kinds(hook: Hook) -> list[str]:
    return [message["type"] for message in hook.verified()]


def told(hook: Hook, kind: str) -> dict[str, Any]:
    """The `data` of the one message of this kind."""
    (found,) = [message for message in hook.verified() if message["type"] == kind]
    data: dict[str, Any] = found["data"]
    return data


def test_a_ticket_is_told_from_start_to_failure_in_the_order_of_the_log(hook: Any) -> None:
    with receiving() as receiver:
        listener = hook(receiver)
        ticket = builders.failed()
        listener.pumped()
        assert kinds(listener) == [
            "ticket.status_changed",  # planning
            "ticket.status_changed",  # pending_plan_approval
            "ticket.plan_approval_requested",
            "ticket.status_changed",  # executing
            "ticket.status_changed",  # failed
            "ticket.failed",
        ]
        assert listener.ids == sorted(listener.ids)
        assert len(set(listener.ids)) == 6
        failed = told(listener, "ticket.failed")
        assert failed["error"] == "the agent gave up: no such chart"
        assert failed["ticket"] == {
            "id": str(ticket.pk),
            "title": "Deploy Redis cluster",
            "status": "failed",
            "priority": "medium",
        }
        assert failed["actor"] == {"kind": "agent", "name": "aura"}
        plan = told(listener, "ticket.plan_approval_requested")["plan"]
        assert plan["summary"] == builders.PLAN["summary"]
        first = listener.verified()[0]
        assert first["data"]["from"] == "draft"
        assert first["data"]["to"] == "planning"
        event = AuditEvent.objects.filter(type="status_changed").earliest("id")
        assert first["timestamp"] == json.loads(bytes(event.body))["timestamp"]


def test_requests_and_questions_are_told_with_what_they_ask(hook: Any) -> None:
    with receiving() as receiver:
        listener = hook(receiver, "ticket.approval_requested", "ticket.question_asked")
        builders.pending_approval()
        builders.pending_input()
        listener.pumped()
        assert kinds(listener) == ["ticket.approval_requested", "ticket.question_asked"]
        approval = told(listener, "ticket.approval_requested")["approval"]
        assert approval["tool"] == "git_delete_file"
        assert approval["args"] == {"path": "redis/old.yaml"}
        question = told(listener, "ticket.question_asked")
        assert (question["question"], question["options"]) == (
            "Which namespace?",
            ["data", "cache"],
        )


def test_a_resolution_is_told_with_its_summary(hook: Any) -> None:
    with receiving() as receiver:
        listener = hook(receiver, "ticket.resolved")
        ticket = builders.resolved()
        tell(ticket, "ticket_resolved", actor=AGENT, payload={"summary": "nginx was added"})
        listener.pumped()
        assert told(listener, "ticket.resolved")["resolution"] == {"summary": "nginx was added"}


def test_an_endpoint_hears_only_what_it_asked_for_and_nothing_from_before_it(hook: Any) -> None:
    builders.failed()
    with receiving() as receiver:
        listener = hook(receiver, "ticket.failed")
        builders.cancelled()
        listener.pumped()
        assert listener.ids == []
        builders.failed()
        listener.pumped()
        assert kinds(listener) == ["ticket.failed"]


def test_no_credential_leaves_in_a_message(hook: Any) -> None:
    with receiving() as receiver:
        listener = hook(receiver)
        ticket = builders.executing(title=f"Use {CANARY}", description=f"token: {CANARY}")
        with builders.worker(ticket) as journal:
            call = builders.says(journal, "git_write_file", path="a", content=f"key: {CANARY}")
            builders.parked(journal, call, WaitKind.APPROVAL, message=f"needs {CANARY}")
        services.cancel_ticket(ticket, actor=builders.ADA, reason=f"because of {CANARY}")
        listener.pumped()
        assert len(listener.ids) >= 6
        for got in receiver.got:
            assert CANARY.encode() not in got.body
        assert not WebhookDelivery.objects.filter(body__contains=CANARY).exists()


def test_long_texts_are_cut_and_a_message_stays_small(hook: Any) -> None:
    with receiving() as receiver:
        listener = hook(receiver, "ticket.approval_requested")
        ticket = builders.executing()
        with builders.worker(ticket) as journal:
            call = builders.says(journal, "git_write_file", path="a", content="word " * 20_000)
            builders.parked(journal, call, WaitKind.APPROVAL)
        many = {f"line {n}": "long " * 300 for n in range(90)}
        tell(ticket, "approval_requested", actor=AGENT, payload={"args": many})
        listener.pumped()
        first, second = receiver.got
        assert len(first.body) < 4000
        assert json.loads(second.body)["data"]["truncated"] is True
        assert len(second.body) < messages.BODY_BYTES


def test_an_event_that_cannot_be_read_holds_up_nothing(
    hook: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with receiving() as receiver:
        listener = hook(receiver, "ticket.failed")
        ticket = builders.failed()
        monkeypatch.setattr(
            messages, "_ticket", lambda event: {}[event["traceId"]] if event["traceId"] else {}
        )
        listener.pumped()
        assert listener.ids == []
        assert "cannot be told" in caplog.text
        monkeypatch.undo()
        services.run_ticket(ticket, actor=builders.ADA)
        assert listener.endpoint.cursor > 0
