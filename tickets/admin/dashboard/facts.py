"""The numbers of the dashboard, by queries that stay small on a large desk.

Each reads an index range, a bounded sample of the newest rows, or what beat has counted
(`tickets.daily`); the page says which. What was read is kept for `FRESH_S`, so that a page on every
wall costs no more than one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import Any, Final, TypeVar, cast

from django.conf import settings
from django.core.cache import cache
from django.db.models import Count, Min, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils.timezone import now

from agents import probes
from agents.models import Probe, Run, StopSwitch
from agents.runtime import claims
from aura.kernel.ids import parse_uuid
from governance.audit import standing
from governance.models import (
    Approval,
    ApprovalStatus,
    SecbotCursor,
)
from tickets import daily
from tickets.admin.dashboard.shapes import (
    AgentHealth,
    Counted,
    Facts,
    LogHealth,
    Queue,
    Seen,
    Took,
    ToolUse,
    Usage,
)
from tickets.models import DailyUse, DeliveryState, Status, Ticket, TicketCount, WebhookDelivery
from tickets.plan import SUBMIT_PLAN

SAMPLE: Final = 500  # newest tickets, and newest requests of each status, that medians are made of
FRESH_S: Final = 3
MINUTE_S: Final = 60  # what is counted over many rows is kept for longer
DECIDED: Final = (
    ApprovalStatus.APPROVED,
    ApprovalStatus.CONSUMED,
    ApprovalStatus.DENIED,
    ApprovalStatus.REVOKED,
)


T = TypeVar("T")


def latest() -> Facts:
    """The facts of as many days as there are, at most `FRESH_S` old; see `Facts.within`."""
    return _kept("all", FRESH_S, read)


def _kept(name: str, seconds: int, ask: Callable[[], T]) -> T:
    """What `ask` says, or said so many seconds ago at most."""
    return cast(T, cache.get_or_set(f"dashboard-{name}", ask, seconds))


def read() -> Facts:
    """The facts as they are now."""
    moment = now()
    today = moment.date()
    since = today - timedelta(days=daily.KEPT - 1)
    to_plan, to_decide, to_resolve = _kept("times", MINUTE_S, _times)
    return Facts(
        today=today,
        length=daily.KEPT,
        by_status=_by_status(),
        opened=_kept("opened", MINUTE_S, lambda: _opened(daily.midnight(since))),
        to_plan=to_plan,
        to_decide=to_decide,
        to_resolve=to_resolve,
        counted=counted(since),
        agents=agents(moment),
        log=_log(),
        queue=_queue(moment),
    )


def counted(since: date) -> Counted:
    """What beat has counted since this day."""
    days = list(DailyUse.objects.filter(day__gte=since).order_by("day"))
    return Counted(
        usage=[Usage(day=of.day, **one) for of in days for one in of.usage],
        tools=[ToolUse(day=of.day, **one) for of in days for one in of.tools],
        at=max((of.counted_at for of in days), default=None),
    )


def agents(moment: datetime) -> AgentHealth:
    """Whether agents work."""
    return AgentHealth(
        stopped=StopSwitch.objects.exists(),
        model=settings.AURA.llm_model,
        outside=_outside(moment),
    )


def _seconds(begin: datetime, end: datetime) -> float:
    return max(0.0, (end - begin).total_seconds())


def _took(begin: datetime, end: datetime) -> Took:
    return Took(at=begin, seconds=_seconds(begin, end))


def _by_status() -> dict[str, int]:
    counted = TicketCount.objects.values_list("status").annotate(Sum("tickets"))
    return {status: number for status, number in counted if number > 0}


def _opened(since: datetime) -> dict[tuple[date, str], int]:
    found = (
        Ticket.objects.filter(created_at__gte=since)
        .order_by()
        .annotate(day=TruncDate("created_at"))
        .values_list("day", "status")
        .annotate(number=Count("*"))
    )
    return {(day, status): number for day, status, number in found}


def _times() -> tuple[list[Took], list[Took], list[Took]]:
    """To a plan, to a decision, to the end."""
    decided = _decided()
    to_decide = [_took(asked, at) for asked, at, _, _ in decided]
    return _to_plan(decided), to_decide, _to_resolve()


def _to_resolve() -> list[Took]:
    resolved = Ticket.objects.filter(status=Status.RESOLVED, resolved_at__isnull=False)
    rows = resolved.order_by("-created_at", "-id").values_list("created_at", "resolved_at")
    return [_took(created, ended) for created, ended in rows[:SAMPLE] if ended]


Decided = tuple[datetime, datetime, str, str]  # asked, decided, tool, trace


def _decided() -> list[Decided]:
    """The newest requests of each status that a person's word leads to."""

    def newest(status: str) -> QuerySet[Approval, Any]:
        of_status = Approval.objects.filter(status=status, decided_at__isnull=False)
        fields = ("requested_at", "decided_at", "tool_name", "trace_id")
        return of_status.order_by("-requested_at").values_list(*fields)[:SAMPLE]

    first, *others = map(newest, DECIDED)
    return list(first.union(*others, all=True))


def _to_plan(decided: Iterable[Decided]) -> list[Took]:
    """From the opening of a ticket to its first plan."""
    first: dict[Any, datetime] = {}
    for asked, _, tool, trace in decided:
        if tool == SUBMIT_PLAN and (key := parse_uuid(trace)):
            first[key] = min(asked, first.get(key, asked))
    opened = Ticket.objects.filter(pk__in=first).order_by().values_list("pk", "created_at")
    return [_took(created, first[key]) for key, created in opened]


def _outside(moment: datetime) -> list[Seen]:
    return [
        Seen(
            name=row.name,
            available=row.available,
            detail=row.detail,
            checked_at=row.checked_at,
            fresh=moment - row.checked_at <= probes.GOOD_FOR,
        )
        for row in Probe.objects.order_by("name")
    ]


def _log() -> LogHealth:
    cursor = SecbotCursor.objects.first()
    return LogHealth(
        standing=standing.read(),
        read_to=cursor.place if cursor else 0,
        verified_at=cursor.verified_at if cursor else None,
        broken=cursor.broken if cursor else "",
    )


def _queue(moment: datetime) -> Queue:
    due = claims.due().aggregate(number=Count("pk"), oldest=Min("due_at"))
    held = Run.objects.filter(due_at__isnull=False, lease_until__gt=moment)
    return Queue(
        due=due["number"],
        oldest_s=_seconds(due["oldest"], moment) if due["oldest"] else 0.0,
        held=held.count(),
        deliveries=WebhookDelivery.objects.filter(state=DeliveryState.PENDING).count(),
    )
