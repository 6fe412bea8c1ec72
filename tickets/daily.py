"""What agents did each day, counted by beat: calls of tools, and what models used.

The dashboard and the pages of tools show months of it, which nobody could count while a page loads.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from django.db.models import Aggregate, Count, DurationField, F, Q, Sum
from django.utils.timezone import now

from agents.models import ToolExecution, Turn
from governance.models import ApprovalStatus
from governance.policy.types import Effect
from tickets.models import DailyUse

KEPT: Final = 90  # days that are shown at most
AT_ONCE: Final = 10  # days that one look counts at most; it comes again in a minute
SETTLED: Final = timedelta(days=1)  # a person may say no to a call of yesterday
AGAIN: Final = timedelta(hours=1)  # how often a day that is over is counted until then


class Median(Aggregate):
    function = "PERCENTILE_CONT"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = DurationField()


def count() -> None:
    """Count today, and of the days before those that are not counted for good; forget old ones."""
    moment = now()
    for day in _wanted(moment):
        begin, end = midnight(day), midnight(day + timedelta(days=1))
        DailyUse.objects.update_or_create(
            day=day,
            defaults={
                "counted_at": moment,
                "tools": list(_tools(begin, end)),
                "usage": list(_usage(begin, end)),
            },
        )
    DailyUse.objects.filter(day__lte=moment.date() - timedelta(days=KEPT)).delete()


def midnight(day: date) -> datetime:
    """When a day begins, UTC."""
    return datetime.combine(day, time.min, UTC)


def _wanted(moment: datetime) -> list[date]:
    """The newest days that must be counted; today is one of them."""
    counted = dict(DailyUse.objects.values_list("day", "counted_at"))
    today = moment.date()
    first = Turn.objects.order_by("answered_at").values_list("answered_at", flat=True).first()
    back_to = first.date() if first else today
    age = min((today - back_to).days + 1, KEPT)
    days = (today - timedelta(days=back) for back in range(max(1, age)))
    wanted = [day for day in days if day == today or _is_due(day, counted.get(day), moment)]
    return wanted[:AT_ONCE]


def _is_due(day: date, counted_at: datetime | None, moment: datetime) -> bool:
    if counted_at is None:
        return True
    settled_at = midnight(day + timedelta(days=1)) + SETTLED
    return counted_at < min(settled_at, moment - AGAIN)


def _tools(begin: datetime, end: datetime) -> Iterator[dict[str, Any]]:
    refused = Q(decision__effect=Effect.DENY) | Q(approval__status=ApprovalStatus.DENIED)
    found = (
        ToolExecution.objects.filter(turn__answered_at__gte=begin, turn__answered_at__lt=end)
        .order_by()
        .values_list("run__agent", "tool")
        .annotate(
            calls=Count("pk"),
            denied=Count("pk", filter=refused),
            failed=Count("pk", filter=Q(failed=True)),
            took=Median(F("ended_at") - F("begun_at")),
        )
        .order_by("-calls", "run__agent", "tool")
    )
    for agent, tool, calls, denied, failed, took in found:
        yield {
            "agent": agent,
            "tool": tool,
            "calls": calls,
            "denied": denied,
            "failed": failed,
            "median_ms": None if took is None else round(took.total_seconds() * 1000),
        }


def _usage(begin: datetime, end: datetime) -> Iterator[dict[str, Any]]:
    """Of models alone: a direct call and a rule use no tokens."""
    found = (
        Turn.objects.filter(answered_at__gte=begin, answered_at__lt=end)
        .order_by()
        .values_list("model")
        .annotate(
            prompt=Sum("prompt_tokens"), completion=Sum("completion_tokens"), paid=Sum("cost")
        )
        .order_by("model")
    )
    for model, prompt, completion, paid in found:
        if prompt + completion or paid:
            yield {"model": model, "tokens": prompt + completion, "cost": float(paid or 0)}
