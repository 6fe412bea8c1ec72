"""The first row of the dashboard: what is seen at once. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from tickets.admin.dashboard.shapes import Facts, Took
from tickets.admin.dashboard.wording import MINUTE, NONE, rounded, share, span, spent
from tickets.models import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number to be seen at once. `tone` is a class of the cards: is-good, is-error, …"""

    name: str
    value: str
    note: str = ""
    tone: str = ""


def numbers(facts: Facts) -> list[Number]:
    """In order."""
    return [
        _success(facts),
        _median("Median time to plan", facts.to_plan, "from opened to the plan"),
        _median("Median time to approve", facts.to_decide, "from asked to decided"),
        _median("Median time to resolve", facts.to_resolve, "from opened to resolved"),
        _queue(facts),
        *_used(facts),
    ]


def _success(facts: Facts) -> Number:
    def ended(*statuses: Status) -> int:
        return sum(number for (_, one), number in facts.opened.items() if one in statuses)

    good, bad = ended(Status.RESOLVED), ended(Status.FAILED, Status.CANCELLED)
    return Number(
        name="Success rate",
        value=share(good, good + bad),
        note=f"{good:,} resolved of {good + bad:,} ended, opened in these {facts.length} days",
    )


def _median(name: str, times: Sequence[Took], what: str) -> Number:
    if not times:
        return Number(name=name, value=NONE, note=f"{what}; none in these days")
    value = span(median(one.seconds for one in times))
    return Number(name=name, value=value, note=f"{what}; the newest {len(times)}")


def _queue(facts: Facts) -> Number:
    queue = facts.queue
    waits = f", the longest for {span(queue.oldest_s)}" if queue.due else ""
    unsent = f"; {queue.deliveries:,} webhook messages not delivered" if queue.deliveries else ""
    return Number(
        name="Queue",
        value=f"{queue.due:,}",
        note=f"runs wait for a worker{waits}; {queue.held:,} in work{unsent}",
        tone="is-waiting" if queue.oldest_s > MINUTE else "",
    )


def _used(facts: Facts) -> list[Number]:
    """Nothing where no model was asked."""
    tokens, cost = (
        sum(used.tokens for used in facts.counted.usage),
        sum(used.cost for used in facts.counted.usage),
    )
    if not tokens:
        return []
    note = f"tokens of models in these {facts.length} days"
    return [Number(name="Tokens", value=rounded(tokens), note=f"{note}; {spent(cost)}")]
