"""The panels of what agents used: tokens, cost, tools. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Final

from aura.kernel.unseen import visible
from tickets.admin.dashboard.charts import Value, bars, columns
from tickets.admin.dashboard.panel import Panel
from tickets.admin.dashboard.shapes import Facts, ToolUse, Usage
from tickets.admin.dashboard.wording import model, moment, money, rounded, spent

MOST_TOOLS: Final = 12
NO_CALLS: Final = "No agent called a tool in these days."


def panels(facts: Facts) -> list[Panel]:
    """In order. Without a model there are no panels of models."""
    return [
        calls(facts.counted.tools, days=facts.days, counted_at=facts.counted.at),
        _tools(facts),
        *((_tokens(facts), _models(facts)) if facts.counted.usage else (_no_model(facts),)),
    ]


def calls(used: list[ToolUse], *, days: list[date], counted_at: datetime | None) -> Panel:
    """Calls and denials of each day."""
    made, denied, failed = (
        _by_day(used, count)
        for count in (lambda u: u.calls, lambda u: u.denied, lambda u: u.failed)
    )
    values = [
        Value(name=str(day), number=made[day], shown=f"{made[day]:,}", part=denied[day])
        for day in days
    ]
    total, refused = sum(made.values()), sum(denied.values())
    return Panel(
        key="calls",
        title="Tool calls a day",
        note=f"{total:,} calls, {refused:,} denied by the policy or a person; counted"
        f" {moment(counted_at)} UTC.",
        head=("day", "calls", "denied", "failed"),
        rows=[(str(d), f"{made[d]:,}", f"{denied[d]:,}", f"{failed[d]:,}") for d in days]
        if used
        else [],
        chart=columns(values),
        empty=NO_CALLS,
        parts=("denied", "not denied"),
        bad=True,
    )


def _by_day(used: Iterable[ToolUse], count: Callable[[ToolUse], int]) -> dict[date, int]:
    total: dict[date, int] = defaultdict(int)
    for one in used:
        total[one.day] += count(one)
    return total


def _tools(facts: Facts) -> Panel:
    total: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for used in facts.counted.tools:
        for place, number in enumerate((used.calls, used.denied, used.failed)):
            total[used.tool][place] += number
    ordered = sorted(total.items(), key=lambda one: (-one[1][0], one[0]))
    return Panel(
        key="tools",
        title="Tools that were called",
        note=f"The {MOST_TOOLS} most used; the table has all." if len(ordered) > MOST_TOOLS else "",
        head=("tool", "calls", "denied", "failed"),
        rows=[(visible(tool), *(f"{number:,}" for number in of)) for tool, of in ordered],
        chart=bars(
            [
                Value(
                    name=visible(tool),
                    number=made,
                    shown=rounded(made) + (f" ({denied:,} no)" if denied else ""),
                )
                for tool, (made, denied, _) in ordered[:MOST_TOOLS]
            ]
        ),
        empty=NO_CALLS,
    )


def _tokens(facts: Facts) -> Panel:
    tokens: dict[date, int] = defaultdict(int)
    cost: dict[date, float] = defaultdict(float)
    for used in facts.counted.usage:
        tokens[used.day] += used.tokens
        cost[used.day] += used.cost
    return Panel(
        key="tokens",
        title="Tokens a day",
        note=f"{sum(tokens.values()):,} tokens; {spent(sum(cost.values()))}.",
        head=("day", "tokens", "cost"),
        rows=[(str(d), f"{tokens[d]:,}", money(cost[d])) for d in facts.days],
        chart=columns(
            [Value(name=str(d), number=tokens[d], shown=f"{tokens[d]:,}") for d in facts.days]
        ),
    )


def _models(facts: Facts) -> Panel:
    tokens: dict[str, int] = defaultdict(int)
    for used in facts.counted.usage:
        tokens[used.model] += used.tokens
    ordered = sorted(tokens, key=lambda name: (-tokens[name], name))
    return Panel(
        key="models",
        title="Tokens by model",
        note="The table has each day.",
        head=("day", "model", "tokens", "cost"),
        rows=[_day_of_model(used) for used in reversed(facts.counted.usage)],
        chart=bars(
            [Value(name=model(n), number=tokens[n], shown=rounded(tokens[n])) for n in ordered]
        ),
    )


def _day_of_model(used: Usage) -> tuple[str, ...]:
    return (str(used.day), model(used.model), f"{used.tokens:,}", money(used.cost))


def _no_model(facts: Facts) -> Panel:
    if facts.agents.model:
        said = "No model was asked in these days."
    else:
        said = "No model is configured, so nothing is spent: rules plan and answer."
    return Panel(key="tokens", title="Tokens and cost", note="", head=(), rows=[], empty=said)
