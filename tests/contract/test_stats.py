"""GET /api/stats"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils.timezone import now

from agents.models import Turn
from agents.runtime import claims
from tests.builders import (
    cancelled,
    done,
    executing,
    new_ticket,
    pending_plan_approval,
    planning,
    run_of,
    says,
    worker,
)
from tests.contract.wire import ok

pytestmark = pytest.mark.django_db


def turns(ticket, *usages, **options):
    """The agent takes turns; each calls a tool that has a result."""
    for tokens in usages:
        claims.queue(run_of(ticket).pk)
        with worker(ticket) as journal:
            done(journal, says(journal, "git_commit", tokens=tokens, **options))


def test_the_keys_are_the_documents_in_its_order(api):
    turns(planning(), (1, 2), cost=Decimal("0.5"))
    body = ok(api.get("/api/stats"))
    assert list(body) == ["tickets", "tokenUsage", "agent"]
    assert list(body["tickets"]) == ["total", "byStatus"]
    assert list(body["tokenUsage"]) == ["total", "estimatedCost", "last24h", "last7d"]
    assert list(body["agent"]) == ["totalTurns", "averageTurnsPerTicket", "toolCalls"]


def test_without_tickets_everything_is_zero(api):
    assert ok(api.get("/api/stats")) == {
        "tickets": {"total": 0, "byStatus": {}},
        "tokenUsage": {"total": 0, "last24h": 0, "last7d": 0},
        "agent": {"totalTurns": 0, "averageTurnsPerTicket": 0, "toolCalls": {}},
    }


def test_only_statuses_that_occur_are_counted(api):
    for build in (new_ticket, new_ticket, executing, cancelled):
        build()
    tickets = ok(api.get("/api/stats"))["tickets"]
    assert tickets["total"] == 4
    assert list(tickets["byStatus"].items()) == [("draft", 2), ("executing", 1), ("cancelled", 1)]


def test_tokens_are_those_of_all_turns(api):
    turns(planning(), (100, 10), (200, 20))
    turns(planning(), (1000, 0))
    usage = ok(api.get("/api/stats"))["tokenUsage"]
    assert usage == {"total": 1330, "last24h": 1330, "last7d": 1330}


@pytest.mark.parametrize(
    ("age", "day", "week"),
    [
        (timedelta(hours=23, minutes=59), 110, 110),
        (timedelta(hours=24, minutes=1), 0, 110),
        (timedelta(days=6, hours=23), 0, 110),
        (timedelta(days=7, minutes=1), 0, 0),
    ],
)
def test_tokens_of_the_last_day_and_week_go_by_the_time_of_the_answer(api, age, day, week):
    turns(planning(), (100, 10))
    Turn.objects.update(answered_at=now() - age, started_at=now())
    usage = ok(api.get("/api/stats"))["tokenUsage"]
    assert (usage["total"], usage["last24h"], usage["last7d"]) == (110, day, week)


def test_cost_is_the_sum_of_what_is_known_and_absent_when_nothing_is(api):
    turns(planning(), (1, 1))
    assert "estimatedCost" not in ok(api.get("/api/stats"))["tokenUsage"]
    turns(planning(), (1, 1), (1, 1), cost=Decimal("0.25"))
    turns(planning(), (1, 1), cost=Decimal(75))
    assert ok(api.get("/api/stats"))["tokenUsage"]["estimatedCost"] == 75.5


def test_the_average_is_a_whole_number_over_all_tickets(api):
    turns(planning(), (1, 1), (1, 1), (1, 1))
    turns(planning(), (1, 1), (1, 1))
    new_ticket()
    agent = ok(api.get("/api/stats"))["agent"]
    assert agent["totalTurns"] == 5
    assert agent["averageTurnsPerTicket"] == 1
    assert type(agent["averageTurnsPerTicket"]) is int


def test_tool_calls_are_counted_by_tool_once_they_have_a_result(api):
    executing()  # one submit_plan that was approved
    pending_plan_approval()  # one that still waits
    turns(planning(), (1, 1), (1, 1))
    assert ok(api.get("/api/stats"))["agent"]["toolCalls"] == {"submit_plan": 1, "git_commit": 2}


def test_statistics_cost_a_fixed_number_of_queries(api, django_assert_max_num_queries):
    for _ in range(3):
        turns(planning(), (1, 1), (1, 1))
    with django_assert_max_num_queries(8):
        ok(api.get("/api/stats"))
