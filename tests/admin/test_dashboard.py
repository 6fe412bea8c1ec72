"""The dashboard: what it counts, what it says of nothing, and what it costs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from agents.models import Probe, StopSwitch, ToolExecution, Turn
from governance.models import Approval, SecbotCursor
from governance.types import Role
from tests import builders
from tests.admin.conftest import browser_of, person
from tests.admin.pages import text
from tests.admin.screen import NEEDS_BROWSER, screen
from tests.people import person as somebody
from tickets import daily
from tickets.admin import words
from tickets.admin.dashboard import facts
from tickets.admin.dashboard.charts import NAME_CHARS, PLOT, TOP, WIDTH, Value, bars, columns
from tickets.admin.dashboard.panels import bucketed
from tickets.admin.dashboard.shapes import Took
from tickets.admin.dashboard.wording import share, span
from tickets.models import DailyUse, Status, Ticket

DASHBOARD = "/admin/dashboard/"
LEFT_TO_RIGHT_OVERRIDE = "\u202e"


def count_all() -> None:
    """As beat has after a while."""
    for _ in range(-(-daily.KEPT // daily.AT_ONCE)):
        daily.count()


def minutes(number: int) -> timedelta:
    return timedelta(minutes=number)


# --- pure ---


def test_a_time_is_worded_in_the_unit_that_says_most():
    assert [span(s) for s in (0, 59, 60, 3599, 3600, 86_399, 86_400 * 3)] == [
        "0 s",
        "59 s",
        "1 min",
        "60 min",
        "1.0 h",
        "24.0 h",
        "3.0 d",
    ]


def test_a_share_of_nothing_is_nothing():
    assert share(0, 0) == "-"
    assert share(1, 3) == "33 %"


def test_every_bucket_is_named_and_its_lower_edge_is_in_it():
    assert list(bucketed([]).values()) == [0] * 6
    assert list(bucketed([0, 59.9, 60, 900, 3600, 8 * 3600, 10**9]).values()) == [2, 1, 0, 1, 1, 2]


def test_charts_of_nothing_and_of_zeros_divide_by_nothing():
    assert columns([]).bars == []
    assert [bar.width for bar in bars([Value(name="a", number=0, shown="0")]).bars] == [0]


def test_the_highest_column_fills_the_height_and_all_stay_inside():
    drawn = columns([Value(name=str(n), number=n, shown="", part=n / 2) for n in range(30)]).bars
    assert (drawn[-1].height, drawn[-1].y, drawn[-1].part) == (PLOT, TOP, PLOT / 2)
    assert all(bar.x >= 0 and bar.x + bar.width <= WIDTH for bar in drawn)
    assert all(bar.part_y + bar.part == bar.y + bar.height for bar in drawn)


# --- facts ---


def seconds(times: list[Took]) -> list[float]:
    return [took.seconds for took in times]


@pytest.mark.django_db
def test_medians_are_of_what_happened_to_tickets():
    opened = now() - timedelta(days=2)
    ticket = builders.resolved()
    ended = opened + minutes(90)
    Ticket.objects.filter(pk=ticket.pk).update(created_at=opened, resolved_at=ended)
    Approval.objects.filter(trace_id=str(ticket.pk)).update(
        requested_at=opened + minutes(3), decided_at=opened + minutes(10)
    )
    found = facts.read()
    assert seconds(found.to_plan) == [180]
    assert seconds(found.to_decide) == [420]
    assert seconds(found.to_resolve) == [5400]
    assert found.opened == {(opened.date(), Status.RESOLVED): 1}


@pytest.mark.django_db
@pytest.mark.parametrize(("approved", "denied"), [(5, 2), (2, 5)])
def test_a_ticket_that_was_planned_twice_counts_with_its_first_plan(approved, denied):
    opened = now() - timedelta(hours=3)
    ticket = builders.resolved()
    Ticket.objects.filter(pk=ticket.pk).update(created_at=opened)
    plan = Approval.objects.get(trace_id=str(ticket.pk))
    Approval.objects.filter(pk=plan.pk).update(requested_at=opened + minutes(approved))
    plan.pk, plan.key, plan.status = None, "apr_ffffffffffff", "denied"
    plan.save()
    Approval.objects.filter(pk=plan.pk).update(requested_at=opened + minutes(denied))
    assert seconds(facts.read().to_plan) == [120]


@pytest.mark.django_db
def test_a_request_outside_of_tickets_is_no_plan_of_one():
    ticket = builders.resolved()
    Approval.objects.filter(trace_id=str(ticket.pk)).update(trace_id="tr_of_nobody")
    found = facts.read()
    assert found.to_plan == []
    assert len(found.to_decide) == 1


@pytest.mark.django_db
@pytest.mark.usefixtures("one_day")
def test_tokens_and_cost_are_summed_by_day_and_model_and_old_ones_left_out():
    builders.resolved()
    today = now().date()
    days = [today, today - timedelta(days=1), today - timedelta(days=30)]
    turn = Turn.objects.get()
    for number, day in enumerate(days, start=2):
        Turn.objects.create(
            run=turn.run,
            number=number,
            phase="p",
            model="gpt",
            prompt_tokens=100,
            completion_tokens=number,
            cost=Decimal("0.5"),
            started_at=noon(day),
            answered_at=noon(day),
        )
    count_all()
    found = facts.read()
    used = {(u.day, u.model): (u.tokens, u.cost) for u in found.counted.usage}
    assert used[today, "gpt"] == (102, 0.5)
    assert used[today - timedelta(days=1), "gpt"] == (103, 0.5)
    assert used[today, ""] == (15, 0.0), "the turn of the plan, which has no price"
    assert len(used) == 4
    assert len(found.within(30).counted.usage) == 3, "the oldest is of another month"


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


@pytest.mark.django_db
def test_a_call_is_denied_by_the_policy_or_by_a_person():
    builders.resolved()
    builders.resolved()
    by_policy, by_person = ToolExecution.objects.order_by("pk")
    ToolExecution.objects.filter(pk=by_policy.pk).update(decision={"effect": "deny"}, failed=True)
    Approval.objects.filter(pk=by_person.approval_id).update(status="denied")
    ended = now()
    ToolExecution.objects.update(begun_at=ended - timedelta(seconds=3), ended_at=ended)
    daily.count()
    (tool,) = facts.read().counted.tools
    assert (tool.tool, tool.calls, tool.denied, tool.failed) == ("submit_plan", 2, 2, 1)
    assert tool.agent == "ticket"
    assert tool.median_ms is not None
    assert 2900 < tool.median_ms < 3100


# --- the page ---


def test_an_empty_desk_says_that_there_is_nothing_yet(admin_browser):
    page = text(admin_browser.get(DASHBOARD))
    assert "No ticket has been opened yet." in page
    assert "No agent called a tool in these days." in page
    assert "No model is configured, so nothing is spent" in page
    assert "No worker has looked yet: is one running?" in page
    assert "<svg class=" not in page


def test_who_may_not_see_tickets_may_not_see_their_numbers(db):
    assert browser_of(person("lou", "governance.view_auditevent")).get(DASHBOARD).status_code == 403
    assert browser_of(None).get(DASHBOARD).status_code == 302
    assert browser_of(somebody("vic", Role.VIEWER)).get(DASHBOARD).status_code == 200


def test_what_comes_from_outside_is_shown_and_does_nothing(admin_browser):
    builders.resolved()
    hostile = f"<script>alert(1)</script>{LEFT_TO_RIGHT_OVERRIDE}gpt"
    Turn.objects.update(model=hostile)
    ToolExecution.objects.update(tool=hostile)
    daily.count()
    Probe.objects.create(name="git", available=False, detail=hostile, checked_at=now())
    page = text(admin_browser.get(DASHBOARD))
    assert "<script>alert" not in page
    assert LEFT_TO_RIGHT_OVERRIDE not in page


def test_what_is_wrong_is_said(admin_browser):
    Probe.objects.create(name="llm", available=False, detail="no key", checked_at=now())
    Probe.objects.create(name="git", available=True, checked_at=now() - timedelta(hours=1))
    SecbotCursor.objects.update_or_create(
        pk=1, defaults={"verified_at": now(), "broken": "place 7 was changed"}
    )
    page = text(admin_browser.get(DASHBOARD))
    assert "not available: no key" in page
    assert "unknown: no worker has looked lately" in page
    assert "BROKEN: place 7 was changed" in page
    assert "Something needs you" in page
    assert "The log is broken: place 7 was changed." in page


def test_a_desk_that_works_says_so_in_one_sentence(admin_browser):
    Probe.objects.create(name="git", available=True, checked_at=now())
    Probe.objects.create(name="llm", available=True, checked_at=now())
    builders.pending_plan_approval()
    page = text(admin_browser.get(DASHBOARD))
    assert "The desk works" in page
    assert "0 tickets at work, 1 with people." in page
    assert "none is configured: rules answer" in page


def test_the_stop_switch_is_the_first_thing_that_is_said(admin_browser):
    Probe.objects.create(name="git", available=True, checked_at=now())
    StopSwitch.objects.create(reason="an incident", stopped_by="ada")
    assert "The stop switch is on: no agent does anything." in text(admin_browser.get(DASHBOARD))


@pytest.mark.parametrize(
    ("asked", "shown"), [("7", 7), ("30", 30), ("90", 90), ("", 30), ("91", 30), ("<b>", 30)]
)
def test_how_many_days_are_shown_can_be_chosen(admin_browser, asked, shown):
    page = admin_browser.get(DASHBOARD, {"days": asked})
    assert f'href="?days={shown}" aria-current="true"' in text(page)
    assert page.context["length"] == shown


def test_what_is_older_than_the_days_that_are_shown_is_left_out(admin_browser):
    ticket = builders.resolved()
    opened = now() - timedelta(days=40)
    Ticket.objects.filter(pk=ticket.pk).update(created_at=opened, resolved_at=opened + minutes(5))
    Turn.objects.update(answered_at=opened)
    count_all()
    month = text(admin_browser.get(DASHBOARD))
    assert "No ticket was opened in these days." in month
    assert "No agent called a tool in these days." in month
    quarter = text(admin_browser.get(f"{DASHBOARD}?days=90"))
    assert "1 resolved of 1 ended" in quarter
    assert "1 calls, 0 denied" in quarter


def test_nothing_but_looking_is_done_with_it(admin_browser):
    before = DailyUse.objects.count()
    admin_browser.get(DASHBOARD)
    assert DailyUse.objects.count() == before


@pytest.mark.django_db
def test_statuses_are_told_in_the_words_of_the_ticket_page_and_none_is_cut(admin_browser):
    for status in Status:
        builders.in_status(status)
    count_all()
    shown = text(admin_browser.get(DASHBOARD))
    for status in Status:
        assert words.short(status) in shown
        assert len(words.short(status)) <= NAME_CHARS
        assert words.status(status) in shown
    assert "pending plan approval" not in shown


def test_it_costs_at_most_25_queries_and_fewer_when_it_was_just_read(admin_browser, monkeypatch):
    monkeypatch.setattr(facts, "FRESH_S", 3600)
    for status in (Status.RESOLVED, Status.FAILED, Status.PENDING_APPROVAL):
        builders.in_status(status)
    first, second = queries_of(admin_browser), queries_of(admin_browser)
    assert first <= 25
    assert second <= first - 9


def queries_of(browser: Any) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(DASHBOARD).status_code == 200
    return len(captured)


@NEEDS_BROWSER
@pytest.mark.django_db(transaction=True)
def test_a_busy_month_is_whole_on_a_phone(browser: Any, base: str, grace: Any) -> None:
    a_busy_month()
    with screen(browser, base, grace, size="phone") as shown:
        shown.open(DASHBOARD)
        for scheme in ("light", "dark"):
            shown.page.emulate_media(color_scheme=scheme)
            shown.picture(f"dashboard-busy-phone-{scheme}")
            assert shown.faults() == []
        shown.page.locator("#table-status summary").click()
        shown.page.get_by_role("rowheader", name="resolved").wait_for()


def a_busy_month() -> None:
    """Tickets in all statuses over the month, turns of two models, probes of three things."""
    for number, status in enumerate([*Status, *[Status.RESOLVED] * 6]):
        ticket = builders.in_status(status)
        opened = now() - timedelta(days=2 * number)
        ended = opened + minutes(30 + 40 * number)
        Ticket.objects.filter(pk=ticket.pk).update(created_at=opened)
        Ticket.objects.filter(pk=ticket.pk, status="resolved").update(resolved_at=ended)
        Approval.objects.filter(trace_id=str(ticket.pk)).update(requested_at=opened + minutes(4))
        Approval.objects.filter(trace_id=str(ticket.pk), decided_at__isnull=False).update(
            decided_at=opened + minutes(5 + 7 * number)
        )
        Turn.objects.filter(run__trace_id=str(ticket.pk)).update(
            answered_at=opened,
            model=("openai/gpt-5-mini", "anthropic/claude-sonnet-4-5")[number % 2],
            prompt_tokens=9000 + 700 * number,
            cost=Decimal("0.03") * number,
        )
    for name, available in (("beat", True), ("git", True), ("llm", False)):
        detail = "" if available else "AURA_LLM_API_KEY is not set"
        Probe.objects.create(name=name, available=available, detail=detail, checked_at=now())
    count_all()
