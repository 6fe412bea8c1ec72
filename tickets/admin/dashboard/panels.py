"""What the dashboard shows of its facts: charts and the tables behind them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from tickets.admin import words
from tickets.admin.dashboard import health, use
from tickets.admin.dashboard.charts import Value, bars, columns
from tickets.admin.dashboard.facts import SAMPLE
from tickets.admin.dashboard.panel import Panel
from tickets.admin.dashboard.shapes import Facts
from tickets.admin.dashboard.wording import HOUR, MINUTE, share
from tickets.models import Status

BUCKETS: Final = (
    (MINUTE, "under 1 minute"),
    (5 * MINUTE, "1 to 5 minutes"),
    (15 * MINUTE, "5 to 15 minutes"),
    (HOUR, "15 to 60 minutes"),
    (8 * HOUR, "1 to 8 hours"),
    (float("inf"), "over 8 hours"),
)


def panels(facts: Facts) -> list[Panel]:
    """What comes below the numbers, in order."""
    return [
        _statuses(facts),
        _opened(facts),
        _latency(facts),
        *use.panels(facts),
        health.agents(facts.agents),
        health.chain(facts),
    ]


def bucketed(times: Iterable[float]) -> dict[str, int]:
    """How many of these seconds are in each bucket, all buckets named."""
    counted = {name: 0 for _, name in BUCKETS}
    for seconds in times:
        counted[next(name for below, name in BUCKETS if seconds < below)] += 1
    return counted


def _statuses(facts: Facts) -> Panel:
    found = [(s, facts.by_status[s]) for s in Status if s in facts.by_status]
    values = [Value(name=words.short(s), number=number, shown=f"{number:,}") for s, number in found]
    return Panel(
        key="status",
        title="Tickets by status",
        note="All tickets, now.",
        head=("status", "what it means", "tickets"),
        rows=[(words.short(s), words.status(s), f"{number:,}") for s, number in found],
        chart=bars(values),
        empty="No ticket has been opened yet.",
    )


def _opened(facts: Facts) -> Panel:
    counts = facts.opened
    rows: list[tuple[str, ...]] = []
    values = []
    for day in facts.days:
        total = sum(counts.get((day, status), 0) for status in Status)
        resolved, failed = (
            counts.get((day, Status.RESOLVED), 0),
            counts.get((day, Status.FAILED), 0),
        )
        rows.append((str(day), f"{total:,}", f"{resolved:,}", f"{failed:,}"))
        values.append(Value(name=str(day), number=total, shown=f"{total:,}", part=resolved))
    return Panel(
        key="opened",
        title="Tickets opened a day",
        note="By the day (UTC) they were opened, and what became of them; counted every minute.",
        head=("day", "opened", "of these resolved", "of these failed"),
        rows=rows if counts else [],
        chart=columns(values),
        empty="No ticket was opened in these days.",
        parts=("resolved", "opened, not resolved"),
    )


def _latency(facts: Facts) -> Panel:
    counted = bucketed(took.seconds for took in facts.to_decide)
    total = len(facts.to_decide)
    return Panel(
        key="latency",
        title="How long people take to decide",
        note=f"Plans and actions: the newest decisions, at most {SAMPLE} of each outcome. Of all"
        " people together.",
        head=("time", "decisions", "share"),
        rows=[(n, str(c), share(c, total)) for n, c in counted.items()] if total else [],
        chart=bars([Value(name=n, number=c, shown=str(c)) for n, c in counted.items()]),
        empty="Nobody decided anything that was asked in these days.",
    )
