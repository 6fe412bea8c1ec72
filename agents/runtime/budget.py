"""Budgets: what the agents may use up, for one run and for a day of the whole installation.

A run's figures count from when a person last started it or let it go on, so `resume` grants as much
again. A day is a day of UTC; its figures are sums over the turns answered in it, read at most once
in `DAY_READ_EVERY_S` a process.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Sum
from django.utils.timezone import now

from agents.models import Turn
from aura.config import Settings
from aura.kernel import durations

DAY_READ_EVERY_S = 3.0
WINDOW = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What was used up; `cost` in USD of the turns whose price is known, `unpriced` the others."""

    turns: int = 0
    tokens: int = 0
    cost: Decimal = Decimal(0)
    unpriced: int = 0
    worked_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One budget as people see it. `limit` is None where there is none."""

    setting: str
    what: str
    unit: str
    used: Decimal | float
    limit: Decimal | float | None

    @property
    def exceeded(self) -> bool:
        return self.limit is not None and self.used >= self.limit

    def shown(self, amount: Decimal | float) -> str:
        """An amount of this budget with its unit."""
        if isinstance(amount, Decimal):
            return f"{amount.quantize(Decimal('0.0001')).normalize():f} {self.unit}"
        if self.unit == "s":
            return durations.words(amount)
        return f"{amount:,.0f} {self.unit}"

    @property
    def used_words(self) -> str:
        return self.shown(self.used)

    @property
    def limit_words(self) -> str:
        return "no limit" if self.limit is None else self.shown(self.limit)


def of_run(config: Settings, used: Used) -> list[Line]:
    """The budgets of one run."""
    return [
        _line("AURA_BUDGET_TICKET_TOKENS", "tokens", used.tokens, config.budget_ticket_tokens),
        _cost("AURA_BUDGET_TICKET_COST", used, config.budget_ticket_cost),
        Line(
            setting="AURA_BUDGET_TICKET_TIME_S",
            what="working time",
            unit="s",
            used=used.worked_s,
            limit=config.budget_ticket_time_s,
        ),
    ]


def of_day(config: Settings, used: Used) -> list[Line]:
    """The budgets of a day, of all runs together."""
    return [
        _line("AURA_BUDGET_DAY_TURNS", "turns", used.turns, config.budget_day_turns),
        _line("AURA_BUDGET_DAY_TOKENS", "tokens", used.tokens, config.budget_day_tokens),
        _cost("AURA_BUDGET_DAY_COST", used, config.budget_day_cost),
    ]


def _line(setting: str, what: str, used: int, limit: int | None) -> Line:
    return Line(setting=setting, what=what, unit=what, used=used, limit=limit)


def _cost(setting: str, used: Used, limit: Decimal | None) -> Line:
    return Line(setting=setting, what="cost", unit="USD", used=used.cost, limit=limit)


def exceeded(config: Settings, used: Used) -> str:
    """Why no request may follow, in words that say how to go on; empty when one may."""
    priced = [
        name
        for name, limit in (
            ("AURA_BUDGET_TICKET_COST", config.budget_ticket_cost),
            ("AURA_BUDGET_DAY_COST", config.budget_day_cost),
        )
        if limit is not None
    ]
    if priced and used.unpriced:
        return (
            f"What {used.unpriced} turn(s) of this ticket cost is not known, so {priced[0]} cannot"
            " be kept. Set AURA_COST_PROMPT_PRICE and AURA_COST_COMPLETION_PRICE to the model's"
            " prices, or remove that budget, and resume the ticket."
        )
    for line in of_run(config, used):
        if line.exceeded:
            return (
                f"The ticket's budget {line.setting} is used up: {line.used_words} of"
                f" {line.limit_words} since a person last started or resumed it. Resume the ticket"
                " to grant as much again, or raise the setting."
            )
    if (config.budget_day_turns, config.budget_day_tokens, config.budget_day_cost) == (None,) * 3:
        return ""
    return _day_exceeded(config)


def _day_exceeded(config: Settings) -> str:
    for line in of_day(config, today()):
        if line.exceeded:
            left_s = (midnight() + timedelta(days=1) - now()).total_seconds()
            return (
                f"The day's budget {line.setting} of all tickets together is used up:"
                f" {line.used_words} of {line.limit_words}. It starts anew at midnight UTC, in"
                f" {durations.words(left_s)}: resume the ticket then, or raise the setting."
            )
    return ""


def midnight() -> datetime:
    """When the present day of UTC began."""
    return now().replace(hour=0, minute=0, second=0, microsecond=0)


def read_today() -> Used:
    """What was used up since midnight UTC; one sum over an index."""
    found: Mapping[str, Any] = Turn.objects.filter(answered_at__gte=midnight()).aggregate(
        turns=Count("pk"),
        prompt=Sum("prompt_tokens"),
        completion=Sum("completion_tokens"),
        spent=Sum("cost"),
        priced=Count("cost"),
    )
    return Used(
        turns=found["turns"],
        tokens=(found["prompt"] or 0) + (found["completion"] or 0),
        cost=found["spent"] or Decimal(0),
        unpriced=found["turns"] - found["priced"],
    )


class _Today:
    """The day's figures, as old as `DAY_READ_EVERY_S` at most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._used = Used()

    def __call__(self) -> Used:
        with self._lock:
            if time.monotonic() - self._read_at > DAY_READ_EVERY_S:
                self._used = read_today()
                self._read_at = time.monotonic()
            return self._used


today = _Today()


class Pace:
    """Delays effects so that no more than `per_minute` begin in any minute."""

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._begun: list[datetime] = []

    def load(self, begun: list[datetime]) -> None:
        """When effects of the last minute began, oldest first."""
        self._begun = begun

    def begins(self) -> None:
        """An effect begins now."""
        self._begun.append(now())

    def wait_s(self) -> float:
        """Seconds until the next effect may begin; 0 when it may now."""
        moment = now()
        self._begun = [at for at in self._begun if at > moment - WINDOW]
        if len(self._begun) < self.per_minute:
            return 0.0
        return (self._begun[-self.per_minute] + WINDOW - moment).total_seconds()
