"""Budgets: what pauses a ticket, what it says, and how it goes on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils.timezone import now

from agents.models import CallState, Run, ToolExecution, Turn
from agents.runtime import budget
from agents.runtime.llm import FailureKind, ModelFailure, Usage
from aura.config import ConfigError, load
from governance.audit.record import data_of
from governance.models import AuditEvent
from tests.fakes import call, plan, says, whole_ticket
from tests.tickets.conftest import OPS, Desk
from tickets import services
from tickets.models import Status, Ticket

pytestmark = pytest.mark.django_db

LOOK = says(call("git_list_files"), tokens=(600, 400))


@pytest.fixture(autouse=True)
def fresh_day(monkeypatch):
    """The figures of the day are read at every question."""
    monkeypatch.setattr(budget, "DAY_READ_EVERY_S", -1.0)


def last_error(ticket: Ticket) -> dict[str, Any]:
    event = AuditEvent.objects.filter(trace_id=str(ticket.pk), type="error_occurred").latest("id")
    payload: dict[str, Any] = data_of(event.body)["data"]["payload"]
    return payload


def priced(cost: str | None) -> Any:
    """A turn that cost so much."""
    usage = Usage(prompt_tokens=10, completion_tokens=5, cost=Decimal(cost) if cost else None)
    return replace(LOOK, usage=usage)


def executing(desk: Desk) -> tuple[Ticket, list[Any]]:
    ticket, script = desk.open(), whole_ticket()
    desk.advance(ticket, *script[:2])
    services.approve_plan(ticket, actor=OPS)
    return ticket, script[2:]


def test_tokens_that_are_used_up_pause_before_the_next_request_and_resume_grants_as_much(desk):
    ticket = desk.open()
    model = desk.advance(ticket, LOOK, LOOK, says(plan()), budget_ticket_tokens=1000)
    assert (ticket.status, len(model.requests)) == (Status.PAUSED, 1)
    message = last_error(ticket)["message"]
    assert last_error(ticket)["recoverable"] is True
    for part in ("AURA_BUDGET_TICKET_TOKENS", "1,000 tokens of 1,000 tokens", "Resume the ticket"):
        assert part in message
    services.resume_ticket(ticket, actor=OPS)
    desk.advance(ticket, says(plan()), budget_ticket_tokens=1000)
    assert ticket.status == Status.PENDING_PLAN_APPROVAL


def test_tokens_of_failed_requests_count(desk):
    ticket = desk.open()
    spent = Usage(prompt_tokens=2000)
    desk.advance(ticket, ModelFailure(FailureKind.BAD_REPLY, "nonsense", usage=spent))
    Run.objects.filter(pk=ticket.run_id).update(due_at=now())
    model = desk.advance(ticket, says(plan()), budget_ticket_tokens=1000)
    assert (ticket.status, len(model.requests)) == (Status.PAUSED, 0)


def test_money_that_is_used_up_pauses_and_names_the_amount(desk):
    ticket = desk.open()
    model = desk.advance(ticket, priced("0.30"), LOOK, budget_ticket_cost="0.25")
    assert (ticket.status, len(model.requests)) == (Status.PAUSED, 1)
    assert "0.3 USD of 0.25 USD" in ticket.last_error


def test_with_a_budget_of_money_an_unknown_price_pauses_and_says_what_to_set(desk):
    ticket = desk.open()
    model = desk.advance(ticket, priced(None), LOOK, budget_ticket_cost=5)
    assert (ticket.status, len(model.requests)) == (Status.PAUSED, 1)
    assert "AURA_COST_PROMPT_PRICE" in ticket.last_error
    assert ticket.estimated_cost is None  # unknown, not 0


def test_an_unknown_price_is_remembered_by_the_next_worker(desk):
    ticket = desk.open()
    question = replace(priced(None), tool_calls=says(call("ask_question", question="?")).tool_calls)
    desk.advance(ticket, question, budget_day_cost=5)
    services.answer_question(ticket, answer="yes", actor=OPS)
    model = desk.advance(ticket, LOOK, budget_day_cost=5)
    assert (ticket.status, model.requests) == (Status.PAUSED, [])


def test_without_a_budget_of_money_an_unknown_price_is_no_matter(desk):
    ticket = desk.open()
    desk.advance(ticket, priced(None), says(plan()))
    assert ticket.status == Status.PENDING_PLAN_APPROVAL


def test_working_time_counts_and_waiting_for_people_does_not(desk):
    ticket = desk.open()
    desk.advance(ticket, says(plan()))
    worked_ms = Run.objects.get(pk=ticket.run_id).worked_ms
    assert 0 < worked_ms < 60_000
    Turn.objects.update(answered_at=now() - timedelta(days=3))
    services.approve_plan(ticket, actor=OPS)
    Run.objects.filter(pk=ticket.run_id).update(worked_ms=3_600_000)
    model = desk.advance(ticket, LOOK, budget_ticket_time_s=3600)
    assert (ticket.status, model.requests) == (Status.PAUSED, [])
    assert "budget AURA_BUDGET_TICKET_TIME_S is used up: 1 h of 1 h since" in ticket.last_error
    services.resume_ticket(ticket, actor=OPS)
    desk.advance(ticket, says(call("ask_question", question="?")), budget_ticket_time_s=3600)
    assert ticket.status == Status.PENDING_INPUT


@pytest.mark.parametrize(
    ("limits", "setting"),
    [
        ({"budget_day_tokens": 1000}, "AURA_BUDGET_DAY_TOKENS"),
        ({"budget_day_turns": 1}, "AURA_BUDGET_DAY_TURNS"),
        ({"budget_day_cost": "0.001"}, "AURA_BUDGET_DAY_COST"),
    ],
)
def test_a_days_budget_is_that_of_all_tickets_and_says_when_it_starts_anew(desk, limits, setting):
    desk.advance(desk.open(), LOOK, says(plan()))
    other = desk.open()
    model = desk.advance(other, LOOK, **limits)
    assert (other.status, model.requests) == (Status.PAUSED, [])
    assert setting in other.last_error
    assert "midnight UTC" in other.last_error


def test_what_was_used_up_yesterday_does_not_count_today(desk):
    desk.advance(desk.open(), LOOK, says(plan()))
    Turn.objects.update(answered_at=budget.midnight() - timedelta(seconds=1))
    other = desk.open()
    desk.advance(other, says(plan()), budget_day_turns=1)
    assert other.status == Status.PENDING_PLAN_APPROVAL


def test_a_budget_is_checked_before_an_effect_too(desk):
    ticket, rest = executing(desk)
    expensive = replace(rest[0], usage=Usage(prompt_tokens=5000))
    desk.advance(ticket, expensive, budget_ticket_tokens=1000)
    assert ticket.status == Status.PAUSED
    write = ToolExecution.objects.get(run=ticket.run, tool="git_write_file")
    assert write.state == CallState.PROPOSED
    services.resume_ticket(ticket, actor=OPS)
    desk.advance(ticket, *rest[1:])
    assert ticket.status == Status.RESOLVED


def test_writes_beyond_the_pace_are_delayed_and_never_pause(desk):
    ticket, rest = executing(desk)
    desk.advance(ticket, *rest[:3], budget_writes_per_minute=2)
    assert ticket.status == Status.EXECUTING
    run = Run.objects.get(pk=ticket.run_id)
    assert run.due_at is not None
    assert now() + timedelta(seconds=40) < run.due_at < now() + timedelta(seconds=61)
    assert run.lease_until is None
    begun = ToolExecution.objects.filter(run=run, begun_at__isnull=False).order_by("begun_at")
    assert [c.tool for c in begun][-2:] == ["git_write_file", "git_stage"]
    # A minute later, for another worker:
    ToolExecution.objects.filter(run=run).update(begun_at=now() - timedelta(seconds=61))
    Run.objects.filter(pk=run.pk).update(due_at=now())
    desk.advance(ticket, *rest[3:], budget_writes_per_minute=3)
    assert ticket.status == Status.RESOLVED


def test_the_pace_is_kept_across_workers(desk):
    ticket, rest = executing(desk)
    question = says(call("ask_question", question="?"))
    desk.advance(ticket, rest[0], question, budget_writes_per_minute=1)
    services.answer_question(ticket, answer="go", actor=OPS)
    desk.advance(ticket, rest[1], budget_writes_per_minute=1)
    assert ToolExecution.objects.get(run=ticket.run, tool="git_stage").state == CallState.PROPOSED


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AURA_BUDGET_TICKET_TOKENS", "0"),
        ("AURA_BUDGET_TICKET_TOKENS", "many"),
        ("AURA_BUDGET_TICKET_COST", "-1"),
        ("AURA_BUDGET_TICKET_TIME_S", "0"),
        ("AURA_BUDGET_DAY_TURNS", "1.5"),
        ("AURA_BUDGET_DAY_COST", "free"),
        ("AURA_BUDGET_WRITES_PER_MINUTE", "none"),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused_at_the_start(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=name):
        load()


def test_money_cannot_be_kept_without_counting_it(monkeypatch):
    monkeypatch.setenv("AURA_BUDGET_DAY_COST", "5")
    monkeypatch.setenv("AURA_COST_TRACKING_ENABLED", "false")
    with pytest.raises(ConfigError, match="AURA_BUDGET_DAY_COST: cannot be kept"):
        load()


def test_none_lifts_a_limit(monkeypatch):
    monkeypatch.setenv("AURA_BUDGET_TICKET_TOKENS", "none")
    assert load().budget_ticket_tokens is None


def test_the_tickets_page_shows_what_is_used_up(desk, admin_client):
    ticket = desk.open()
    desk.advance(ticket, LOOK, replace(says(plan()), usage=Usage(prompt_tokens=5)))
    page = admin_client.get(f"/admin/tickets/ticket/{ticket.pk}/change/", SERVER_PORT="3000")
    text = " ".join(page.content.decode().split())
    assert "1,005 tokens" in text
    assert "of 5,000,000 tokens" in text
    assert "and 1 turn of unknown price" in text
