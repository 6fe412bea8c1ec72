"""What agents did each day, as beat counts it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils.timezone import now

from agents.models import ToolExecution, Turn
from tests import builders
from tickets import daily
from tickets.models import DailyUse


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


@pytest.mark.django_db
@pytest.mark.usefixtures("one_day")
def test_a_day_is_counted_again_until_nobody_can_say_no_any_more():
    builders.resolved()
    today = now().date()
    days = [today - timedelta(days=back) for back in range(4)]
    Turn.objects.update(answered_at=noon(days[3]))
    daily.count()
    assert set(DailyUse.objects.values_list("day", flat=True)) == set(days)
    ToolExecution.objects.update(tool="another")
    DailyUse.objects.filter(day=days[3]).update(counted_at=noon(days[2]))  # might still change
    daily.count()
    assert tools_of(days[3]) == ["another"]
    ToolExecution.objects.update(tool="a third")
    daily.count()
    assert tools_of(days[3]) == ["another"], "it was counted after its last change"


def tools_of(day: date) -> list[str]:
    return [used["tool"] for used in DailyUse.objects.get(day=day).tools]


@pytest.mark.django_db
@pytest.mark.usefixtures("one_day")
def test_days_that_nobody_is_shown_are_forgotten_and_empty_ones_before_the_first_not_made():
    today = now().date()
    DailyUse.objects.create(day=today - timedelta(days=daily.KEPT), counted_at=now())
    daily.count()
    assert list(DailyUse.objects.values_list("day", flat=True)) == [today]
