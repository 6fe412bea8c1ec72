"""What a ticket used up, held in memory by the worker that has it (`agents.runtime.budget`)."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.timezone import now

from agents.models import Run, Turn
from agents.runtime import budget
from agents.runtime.budget import Pace, Used
from aura.config import Settings
from governance.types import EFFECT_CLASSES
from tickets.models import Ticket


def marks(ticket: Ticket, run: Run | None) -> dict[str, Any]:
    """What the ticket had used up when a person let it go on: the budgets count from here."""
    return {
        "at": now().isoformat(),
        "tokens": ticket.prompt_tokens + ticket.completion_tokens,
        "cost": str(ticket.estimated_cost or 0),
        "workedMs": run.worked_ms if run else 0,
    }


def used(ticket: Ticket, run: Run, *, unpriced: int, working_s: float = 0.0) -> Used:
    """What counts against the budgets; `working_s`: worked since the run's row was read."""
    start = run.budget_from
    return Used(
        tokens=ticket.prompt_tokens + ticket.completion_tokens - start.get("tokens", 0),
        cost=(ticket.estimated_cost or Decimal(0)) - Decimal(start.get("cost", "0")),
        unpriced=unpriced,
        worked_s=(run.worked_ms - start.get("workedMs", 0)) / 1000 + working_s,
    )


def unpriced_turns(run: Run) -> int:
    """How many turns since then have a cost that nobody knows."""
    since = parse_datetime(run.budget_from.get("at", ""))
    turns = Turn.objects.filter(run=run, cost__isnull=True)
    return (turns.filter(answered_at__gte=since) if since else turns).count()


class Account:
    """The figures of one worker's hold on a ticket. Rows are read only where a budget asks."""

    def __init__(self, ticket: Ticket, run: Run, config: Settings) -> None:
        self.ticket, self.run, self.config = ticket, run, config
        self._since = time.monotonic()
        self._unpriced: int | None = None
        self._pace: Pace | None = None

    def exceeded(self) -> str:
        """Why the ticket may not go on, in words for a person; empty when it may."""
        return budget.exceeded(self.config, self._used())

    def answered(self, turn: Turn) -> None:
        """A turn was taken."""
        if self._unpriced is not None and turn.cost is None:
            self._unpriced += 1

    def pace_s(self) -> float:
        """Seconds until the next effect may begin."""
        return self._loaded_pace().wait_s()

    def begins(self) -> None:
        """An effect begins."""
        self._loaded_pace().begins()

    def _used(self) -> Used:
        working_s = time.monotonic() - self._since
        return used(self.ticket, self.run, unpriced=self._unpriced_turns(), working_s=working_s)

    def _unpriced_turns(self) -> int:
        if self.config.budget_ticket_cost is None and self.config.budget_day_cost is None:
            return 0
        if self._unpriced is None:
            self._unpriced = unpriced_turns(self.run)
        return self._unpriced

    def _loaded_pace(self) -> Pace:
        if self._pace is None:
            self._pace = Pace(self.config.budget_writes_per_minute)
            effects = self.run.calls.filter(
                begun_at__gt=now() - budget.WINDOW,
                action_class__in=EFFECT_CLASSES,
            )
            begun = effects.order_by("begun_at").values_list("begun_at", flat=True)
            self._pace.load([at for at in begun if at is not None])
        return self._pace
