"""What the dashboard shows of its facts: numbers, charts and the tables behind them. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import Final

from aura.kernel.unseen import visible
from tickets.admin import words
from tickets.admin.dashboard.charts import Value, bars, columns
from tickets.admin.dashboard.facts import SAMPLE, TURNS
from tickets.admin.dashboard.health import agents, chain
from tickets.admin.dashboard.panel import Panel
from tickets.admin.dashboard.shapes import DAYS, Facts
from tickets.admin.dashboard.wording import (
    HOUR,
    MINUTE,
    NONE,
    model,
    money,
    rounded,
    share,
    span,
)
from tickets.models import Status

BUCKETS: Final = (
    (MINUTE, "under 1 minute"),
    (5 * MINUTE, "1 to 5 minutes"),
    (15 * MINUTE, "5 to 15 minutes"),
    (HOUR, "15 to 60 minutes"),
    (8 * HOUR, "1 to 8 hours"),
    (float("inf"), "over 8 hours"),
)
MOST_TOOLS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number to be seen at once. `tone` is a class of the cards: is-good, is-error, …"""

    name: str
    value: str
    note: str = ""
    tone: str = ""


def numbers(facts: Facts) -> list[Number]:
    """The first row of the page."""
    waits = f"the longest for {span(facts.queue.oldest_s)}" if facts.queue.due else "none waits"
    return [
        _success(facts),
        _median("Median time to plan", facts.to_plan, "from opened to the plan"),
        _median("Median time to approve", facts.to_decide, "from asked to decided"),
        _median("Median time to resolve", facts.to_resolve, "from opened to resolved"),
        Number(
            name="Queue",
            value=str(facts.queue.due),
            note=f"runs wait for a worker, {waits}; {facts.queue.held} in work;"
            f" {facts.queue.deliveries} webhook messages not delivered",
            tone="is-waiting" if facts.queue.oldest_s > MINUTE else "",
        ),
    ]


def panels(facts: Facts) -> list[Panel]:
    """What comes below, in order."""
    return [
        _statuses(facts),
        _opened(facts),
        _latency(facts),
        _cost(facts),
        _models(facts),
        _tools(facts),
        agents(facts),
        chain(facts),
    ]


def bucketed(times: Iterable[float]) -> dict[str, int]:
    """How many of these seconds are in each bucket, all buckets named."""
    counted = {name: 0 for _, name in BUCKETS}
    for seconds in times:
        counted[next(name for below, name in BUCKETS if seconds < below)] += 1
    return counted


def _success(facts: Facts) -> Number:
    ended: dict[str, int] = defaultdict(int)
    for (_, status), number in facts.opened.items():
        ended[status] += number
    good, bad = ended[Status.RESOLVED], ended[Status.FAILED] + ended[Status.CANCELLED]
    return Number(
        name="Success rate",
        value=share(good, good + bad),
        note=f"{good} resolved of {good + bad} ended, opened in the last {DAYS} days",
    )


def _median(name: str, times: Sequence[float], what: str) -> Number:
    of = f"{what}; the newest {len(times)}" if times else f"{what}; none yet"
    return Number(name=name, value=span(median(times)) if times else NONE, note=of)


def _statuses(facts: Facts) -> Panel:
    found = [(s, facts.by_status[s]) for s in Status if s in facts.by_status]
    values = [
        Value(name=status.replace("_", " "), number=number, shown=f"{number:,}")
        for status, number in found
    ]
    return Panel(
        key="status",
        title="Tickets by status",
        note="All tickets, now.",
        head=("status", "what it means", "tickets"),
        rows=[(s.replace("_", " "), words.status(s), f"{number:,}") for s, number in found],
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
        title=f"Tickets opened, last {DAYS} days",
        note="By the day (UTC) they were opened, and what became of them; counted every minute.",
        head=("day", "opened", "of these resolved", "of these failed"),
        rows=rows if counts else [],
        chart=columns(values),
        empty=f"No ticket was opened in the last {DAYS} days.",
        parts=("resolved", "opened, not resolved"),
    )


def _latency(facts: Facts) -> Panel:
    counted, total = bucketed(facts.to_decide), len(facts.to_decide)
    return Panel(
        key="latency",
        title="How long people take to decide",
        note=f"Plans and actions: the newest decisions, at most {SAMPLE} of each outcome.",
        head=("time", "decisions", "share"),
        rows=[(n, str(c), share(c, total)) for n, c in counted.items()] if total else [],
        chart=bars([Value(name=n, number=c, shown=str(c)) for n, c in counted.items()]),
        empty="Nobody has decided anything yet.",
    )


def _cost(facts: Facts) -> Panel:
    tokens: dict[date, int] = defaultdict(int)
    cost: dict[date, float] = defaultdict(float)
    for used in facts.usage:
        tokens[used.day] += used.tokens
        cost[used.day] += used.cost
    values = [
        Value(name=str(day), number=tokens[day], shown=f"{tokens[day]:,}") for day in facts.days
    ]
    total = sum(cost.values())
    return Panel(
        key="tokens",
        title=f"Tokens a day, last {DAYS} days",
        note=f"{sum(tokens.values()):,} tokens, {money(total)} by the prices of the settings.",
        head=("day", "tokens", "cost"),
        rows=[(str(d), f"{tokens[d]:,}", money(cost[d])) for d in facts.days]
        if facts.usage
        else [],
        chart=columns(values),
        empty="No model has been asked yet.",
        parts=("", "tokens"),
    )


def _models(facts: Facts) -> Panel:
    tokens: dict[str, int] = defaultdict(int)
    for used in facts.usage:
        tokens[used.model] += used.tokens
    ordered = sorted(tokens, key=lambda model: (-tokens[model], model))
    return Panel(
        key="models",
        title=f"Tokens by model, last {DAYS} days",
        note="The table has each day.",
        head=("day", "model", "tokens", "cost"),
        rows=[
            (str(u.day), model(u.model), f"{u.tokens:,}", money(u.cost))
            for u in reversed(facts.usage)
        ],
        chart=bars(
            [Value(name=model(m), number=tokens[m], shown=rounded(tokens[m])) for m in ordered]
        ),
        empty="No model has been asked yet.",
    )


def _tools(facts: Facts) -> Panel:
    calls, denied = sum(u.calls for u in facts.tools), sum(u.denied for u in facts.tools)
    return Panel(
        key="tools",
        title="Tool calls",
        note=f"Of the newest {TURNS} turns: {calls:,} calls, {denied:,} denied.",
        head=("tool", "calls", "denied", "failed"),
        rows=[
            (visible(u.tool), f"{u.calls:,}", f"{u.denied:,}", f"{u.failed:,}") for u in facts.tools
        ],
        chart=bars(
            [
                Value(
                    name=visible(used.tool),
                    number=used.calls,
                    shown=f"{used.calls:,}" + (f" ({used.denied:,} no)" if used.denied else ""),
                )
                for used in facts.tools[:MOST_TOOLS]
            ]
        ),
        empty="No agent has called a tool yet.",
    )
