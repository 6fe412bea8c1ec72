"""How often a tool was called lately, from what beat has counted (`tickets.daily`)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.utils.timezone import now

from aura.console.tools.known import Known
from tickets.admin.dashboard import facts, use
from tickets.admin.dashboard.panel import Panel
from tickets.admin.dashboard.shapes import Counted, ToolUse

DAYS: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Of some days together. `median_ms`: of most calls' days; None where no call has ended."""

    calls: int = 0
    denied: int = 0
    failed: int = 0
    median_ms: int | None = None


def latest() -> Counted:
    """What was counted of the last `DAYS`."""
    return facts.counted(now().date() - timedelta(days=DAYS - 1))


def by_tool(counted: Counted) -> dict[tuple[str, str], Calls]:
    """(agent, tool) -> its calls."""
    found: dict[tuple[str, str], list[ToolUse]] = defaultdict(list)
    for used in counted.tools:
        found[used.agent, used.tool].append(used)
    return {key: _together(days) for key, days in found.items()}


def panel(known: Known, counted: Counted) -> Panel:
    """The calls of one tool, day by day."""
    today = now().date()
    return use.calls(
        [u for u in counted.tools if (u.agent, u.tool) == (known.agent.name, known.tool.name)],
        days=[today - timedelta(days=back) for back in reversed(range(DAYS))],
        counted_at=counted.at,
    )


def _together(days: list[ToolUse]) -> Calls:
    return Calls(
        calls=sum(day.calls for day in days),
        denied=sum(day.denied for day in days),
        failed=sum(day.failed for day in days),
        median_ms=_middle(
            [(day.median_ms, day.calls) for day in days if day.median_ms is not None]
        ),
    )


def _middle(medians: list[tuple[int, int]]) -> int | None:
    """The day's median that half of the calls lie below."""
    left = sum(calls for _, calls in medians) / 2
    for median_ms, calls in sorted(medians):
        left -= calls
        if left <= 0:
            return median_ms
    return None
