"""Each form of a ticket's page does what the API's verb does, in the name of who is logged in."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.contrib.auth.models import User

from agents.models import ToolExecution
from agents.types import WaitKind
from governance.audit.record import data_of
from governance.models import Approval, ApprovalStatus, AuditEvent
from tests import builders
from tests.admin.pages import (
    APPROVALS,
    OPEN,
    act,
    approval_page,
    decide_url,
    forms_on,
    messages,
    page_of,
    submit,
    text,
    url_of,
)
from tests.conftest import ApiClient
from tickets.models import Status, Ticket

pytestmark = pytest.mark.django_db

NAMES_OF_ROWS = re.compile(r"apr_[0-9a-f]{12}|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Move:
    """The same thing, done in the console and by the API."""

    ticket: Callable[[], Ticket]
    verb: str
    filled: dict[str, Any] = field(default_factory=dict)
    route: str
    body: dict[str, Any] = field(default_factory=dict)
    to: Status


MOVES = {
    "run": Move(ticket=builders.new_ticket, verb="run", route="run", to=Status.PLANNING),
    "run again": Move(ticket=builders.failed, verb="run", route="run", to=Status.PLANNING),
    "approve the plan": Move(
        ticket=builders.pending_plan_approval,
        verb="decide",
        filled={"decision": "approve"},
        route="approve-plan",
        to=Status.EXECUTING,
    ),
    "reject the plan": Move(
        ticket=builders.pending_plan_approval,
        verb="decide",
        filled={"decision": "deny", "reason": "Use the chart"},
        route="reject-plan",
        body={"feedback": "Use the chart"},
        to=Status.PLANNING,
    ),
    "approve the action": Move(
        ticket=builders.pending_approval,
        verb="decide",
        filled={"decision": "approve", "reason": "it is old"},
        route="approve",
        body={"approved": True, "reason": "it is old"},
        to=Status.EXECUTING,
    ),
    "deny the action": Move(
        ticket=builders.pending_approval,
        verb="decide",
        filled={"decision": "deny", "reason": "use the read replica"},
        route="approve",
        body={"approved": False, "reason": "use the read replica"},
        to=Status.EXECUTING,
    ),
    "answer with an option": Move(
        ticket=builders.pending_input,
        verb="answer",
        filled={"choice": "1"},
        route="answer",
        body={"answer": "cache"},
        to=Status.EXECUTING,
    ),
    "answer in own words": Move(
        ticket=builders.asked_while_planning,
        verb="answer",
        filled={"choice": "own", "answer": "the third"},
        route="answer",
        body={"answer": "the third"},
        to=Status.PLANNING,
    ),
    "resume": Move(
        ticket=builders.paused,
        verb="resume",
        filled={"additional_turns": "20"},
        route="resume",
        body={"additionalTurns": 20},
        to=Status.EXECUTING,
    ),
    "cancel": Move(
        ticket=builders.executing,
        verb="cancel",
        filled={"reason": "not needed"},
        route="cancel",
        body={"reason": "not needed"},
        to=Status.CANCELLED,
    ),
}


def told(since: int, ticket: Ticket) -> list[Any]:
    """The ticket's events after `since`, without what is another at every run."""
    events = AuditEvent.objects.filter(trace_id=str(ticket.pk), pk__gt=since).order_by("pk")
    bodies = [data_of(event.body) for event in events]
    return [
        (b["type"], b["actor"], b["action"], NAMES_OF_ROWS.sub("…", str(b["data"]))) for b in bodies
    ]


def newest() -> int:
    return AuditEvent.objects.latest("pk").pk


AGENT_DOES = re.compile(r"the agent (?:goes|carries|makes)", re.IGNORECASE)


@pytest.mark.parametrize("name", MOVES)
def test_the_console_moves_a_ticket_as_the_api_does(admin_browser, grace, name):
    move = MOVES[name]
    here, there = move.ticket(), move.ticket()

    before = newest()
    response = act(admin_browser, here, move.verb, **move.filled)
    assert response.status_code == 302, messages(admin_browser, response)
    assert response["Location"] == f"{page_of(here)}?follow=1"
    # It is still there when the ticket has ended: it does not say what the agent does.
    assert not AGENT_DOES.search(messages(admin_browser, response))
    in_the_console = told(before, here)

    before = newest()
    api = ApiClient(HTTP_HOST="localhost:3000")
    api.force_login(grace)
    answer = api.post(f"/api/tickets/{there.pk}/{move.route}", move.body, format="json")
    assert answer.status_code < 300, answer.content

    assert in_the_console == told(before, there)
    assert {actor["name"] for _, actor, _, _ in in_the_console} == {"grace"}
    here.refresh_from_db()
    assert here.status == move.to


def test_opening_a_ticket_leads_to_its_page_and_starts_nothing(admin_browser, grace: User):
    words = {"title": "Deploy nginx", "description": "Two replicas", "priority": "high"}
    response = submit(admin_browser, OPEN, "", max_turns="9", **words)
    ticket = Ticket.objects.get()
    assert response["Location"] == page_of(ticket)
    assert (ticket.title, ticket.description, ticket.priority) == tuple(words.values())
    assert (ticket.max_turns, ticket.status, ticket.created_by) == (9, Status.DRAFT, grace.username)
    (event,) = builders.log_of(ticket)
    assert (event.type, event.actor, event.actor_name) == ("ticket_created", "user", "grace")
    assert 'name="max_turns" value="50"' in text(admin_browser.get(OPEN))


def test_an_edit_changes_what_was_changed_and_tells_the_log_of_nothing_else(admin_browser):
    ticket = builders.new_ticket(description="one\ntwo")
    response = act(admin_browser, ticket, "edit", title="Renamed", priority="critical")
    assert messages(admin_browser, response) == "Saved."
    ticket.refresh_from_db()
    assert (ticket.title, ticket.priority) == ("Renamed", "critical")
    changed = [data_of(e.body)["data"]["stateChange"] for e in builders.log_of(ticket)[1:]]
    assert changed == [
        {"field": "title", "oldValue": "Deploy Redis cluster", "newValue": "Renamed"},
        {"field": "priority", "oldValue": "medium", "newValue": "critical"},
    ]


def test_saving_an_edit_without_a_change_tells_the_log_nothing(admin_browser):
    ticket = builders.new_ticket(description="one\ntwo")
    assert act(admin_browser, ticket, "edit", priority="medium").status_code == 302
    assert len(builders.log_of(ticket)) == 1


def test_an_answer_is_the_option_as_the_agent_put_it(admin_browser):
    ticket = builders.pending_input()
    act(admin_browser, ticket, "answer", choice="0")
    call = ToolExecution.objects.get(run=ticket.run, tool="ask_question")
    assert call.result == "data"


def test_an_open_question_takes_own_words(admin_browser):
    ticket = builders.planning()
    with builders.worker(ticket) as journal:
        call = builders.says(journal, "ask_question", question="Which image?")
        builders.parked(journal, call, WaitKind.QUESTION, question="Which image?", options=[])
    assert "choice" not in forms_on(admin_browser, page_of(ticket))[url_of(ticket, "answer")]
    act(admin_browser, ticket, "answer", answer="nginx:1.27\r\nor newer")
    call.refresh_from_db()
    assert call.result == "nginx:1.27\nor newer"


def test_only_what_is_possible_is_offered(admin_browser):
    offered = {
        status: {
            url.rstrip("/").rsplit("/", 1)[1]
            for url in forms_on(admin_browser, page_of(builders.in_status(status)))
            if "/do/" in url
        }
        for status in Status
    }
    assert offered == {
        Status.DRAFT: {"run", "edit", "cancel"},
        Status.PLANNING: {"edit", "cancel"},
        Status.PENDING_PLAN_APPROVAL: {"decide", "edit", "cancel"},
        Status.EXECUTING: {"edit", "cancel"},
        Status.PENDING_APPROVAL: {"decide", "edit", "cancel"},
        Status.PENDING_INPUT: {"answer", "edit", "cancel"},
        Status.OBSERVING: {"edit", "cancel"},
        Status.PAUSED: {"resume", "edit", "cancel"},
        Status.RESOLVED: {"edit"},
        Status.FAILED: {"run", "edit"},
        Status.CANCELLED: {"edit"},
    }


def test_a_ticket_whose_worker_was_lost_can_be_told_to_go_on(admin_browser):
    ticket = builders.executing()
    run = builders.run_of(ticket)
    run.due_at = None
    run.save()
    assert "Go on now" in text(admin_browser.get(page_of(ticket)))
    assert act(admin_browser, ticket, "run").status_code == 302
    run.refresh_from_db()
    assert run.due_at is not None


# --- a request's own page ---


@pytest.mark.parametrize(
    ("builder", "decision", "status", "event"),
    [
        (builders.pending_plan_approval, "approve", Status.EXECUTING, "plan_approved"),
        (builders.pending_plan_approval, "deny", Status.PLANNING, "plan_rejected"),
        (builders.pending_approval, "approve", Status.EXECUTING, "approval_granted"),
        (builders.pending_approval, "deny", Status.EXECUTING, "approval_denied"),
    ],
)
def test_a_decision_on_the_requests_page_moves_the_ticket(
    admin_browser, django_capture_on_commit_callbacks, builder, decision, status, event
):
    ticket = builder()
    approval = Approval.objects.get(trace_id=str(ticket.pk), status=ApprovalStatus.PENDING)
    assert str(ticket.pk) in text(admin_browser.get(approval_page(approval)))
    before = newest()
    with django_capture_on_commit_callbacks(execute=True):
        response = submit(
            admin_browser,
            approval_page(approval),
            decide_url(approval),
            decision=decision,
            reason="because",
        )
    assert response["Location"] == approval_page(approval)
    ticket.refresh_from_db()
    assert ticket.status == status
    assert [(e[0], e[1]["name"]) for e in told(before, ticket)] == [
        (event, "grace"),
        ("status_changed", "grace"),
    ]
    assert ticket.plan_approved_by == (
        "grace" if event == "plan_approved" else ticket.plan_approved_by
    )
    shown = text(admin_browser.get(approval_page(approval)))
    assert "because" in shown
    assert decide_url(approval) not in shown


def test_a_request_of_something_that_is_no_ticket_is_decided_as_well(admin_browser):
    approval = Approval.objects.create(
        fingerprint="a" * 64,
        tool_name="restart",
        arguments={"name": "db"},
        action_class="destructive",
        resource_type="database",
        resource_name="orders",
        requested_by="agent:dba",
        trace_id="tr_gateway_1",
        policy_name="p",
    )
    assert "tr_gatew" in text(admin_browser.get(APPROVALS))
    submit(admin_browser, approval_page(approval), decide_url(approval), decision="approve")
    approval.refresh_from_db()
    assert (approval.status, approval.decided_by) == (ApprovalStatus.APPROVED, "grace")
