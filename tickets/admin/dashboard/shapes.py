"""What `facts` finds and `panels` shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

DAYS: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one model used on one day."""

    day: date
    model: str
    tokens: int
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolUse:
    """Calls of one tool: `denied` by the policy or a person, `failed` for any reason."""

    tool: str
    calls: int
    denied: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a worker found of something outside; `fresh`: it looked lately."""

    name: str
    available: bool
    detail: str
    checked_at: datetime
    fresh: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LogHealth:
    """`places`: of the chain. `broken`: what verification found wrong, empty when nothing."""

    places: int
    unlinked: int
    signed_size: int
    signed_at: datetime | None
    read_to: int
    verified_at: datetime | None
    broken: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Runs that wait for a worker and that one holds, and webhook messages not delivered yet."""

    due: int
    oldest_s: float
    held: int
    deliveries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that is shown. Times are seconds; `opened` counts by day opened and status."""

    today: date
    by_status: dict[str, int]
    opened: dict[tuple[date, str], int]
    to_plan: list[float]
    to_decide: list[float]
    to_resolve: list[float]
    usage: list[Usage]
    tools: list[ToolUse]
    outside: list[Seen]
    stopped: bool
    log: LogHealth
    queue: Queue

    @property
    def days(self) -> list[date]:
        """The days that are shown, oldest first."""
        return [self.today - timedelta(days=back) for back in reversed(range(DAYS))]
