"""What `facts` finds and `panels` shows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final, Self

from governance.audit.standing import Standing

RANGES: Final = (7, 30, 90)  # days; at most `daily.KEPT`
USUAL: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """A time in seconds, of what began `at`."""

    at: datetime
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one model used on one day."""

    day: date
    model: str
    tokens: int
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolUse:
    """Calls of one tool on one day: `denied` by the policy or a person, `failed` for any reason.

    `median_ms`: how long those took that have ended; None where none has.
    """

    day: date
    agent: str
    tool: str
    calls: int
    denied: int
    failed: int
    median_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What beat has counted of some days; `at`: when it did so last, None where it never did."""

    usage: list[Usage]
    tools: list[ToolUse]
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a worker found of something outside; `fresh`: it looked lately."""

    name: str
    available: bool
    detail: str
    checked_at: datetime
    fresh: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentHealth:
    """Whether agents may and can work. `model` is empty where none is configured."""

    stopped: bool
    model: str
    outside: list[Seen]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogHealth:
    """`broken`: what verification found wrong, empty when nothing."""

    standing: Standing
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
    """All that is shown of the last `length` days; `opened` counts by day opened and status."""

    today: date
    length: int
    by_status: dict[str, int]
    opened: dict[tuple[date, str], int]
    to_plan: list[Took]
    to_decide: list[Took]
    to_resolve: list[Took]
    counted: Counted
    agents: AgentHealth
    log: LogHealth
    queue: Queue

    @property
    def days(self) -> list[date]:
        """The days that are shown, oldest first."""
        return [self.today - timedelta(days=back) for back in reversed(range(self.length))]

    def within(self, length: int) -> Self:
        """The same of fewer days."""
        first = self.today - timedelta(days=length - 1)

        def late(times: list[Took]) -> list[Took]:
            return [one for one in times if one.at.date() >= first]

        return replace(
            self,
            length=length,
            opened={key: number for key, number in self.opened.items() if key[0] >= first},
            to_plan=late(self.to_plan),
            to_decide=late(self.to_decide),
            to_resolve=late(self.to_resolve),
            counted=replace(
                self.counted,
                usage=[one for one in self.counted.usage if one.day >= first],
                tools=[one for one in self.counted.tools if one.day >= first],
            ),
        )
