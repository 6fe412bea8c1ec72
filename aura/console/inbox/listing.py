"""How much waits, and one page of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aura.console.inbox.items import Item, Kind
from aura.console.inbox.sources import Source
from aura.console.inbox.sources.policies import Proposals
from aura.console.inbox.sources.requests import Requests
from aura.console.inbox.sources.security import Incidents, Reviews
from aura.console.inbox.sources.work import Work
from aura.console.inbox.wanted import Wanted

PER_PAGE: Final = 50
SOURCES: Final[tuple[Source, ...]] = (Incidents(), Reviews(), Proposals(), Requests(), Work())


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many of each kind wait, of those that the person may see."""

    of: Mapping[Kind, int] = field(default_factory=dict)

    def total(self, kinds: frozenset[Kind] = frozenset(Kind)) -> int:
        """Of these kinds together."""
        return sum(number for kind, number in self.of.items() if kind in kinds)

    @property
    def asked(self) -> int:
        """Those where somebody was asked: what the title and the header count."""
        return self.total(frozenset(kind for kind in Kind if not kind.stuck))

    @property
    def stuck(self) -> int:
        """Those that only go no further by themselves."""
        return self.total() - self.asked

    @property
    def by_room(self) -> dict[str, int]:
        """By the `count` of the navigation's rooms."""
        requests = frozenset(Requests.kinds)
        reviews = frozenset({Kind.REVIEW})
        return {
            "inbox": self.asked,
            "approvals": self.total(requests),
            "reviews": self.total(reviews),
            "policies": self.total(frozenset(Proposals.kinds)),
            "incidents": self.total(frozenset({Kind.INCIDENT})),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """`number` counts from 1; `of` is how many there are, at least 1."""

    items: list[Item]
    number: int
    of: int
    found: int


def may_look(user: Any) -> bool:
    """Whether anything of the inbox may be shown to this person."""
    return any(user.has_perm(source.permission) for source in SOURCES)


def counts(wanted: Wanted) -> Counts:
    """One question to the database, for all sources that the person may see."""
    parts = [source.counts(wanted) for source in _seen(wanted)]
    if not parts:
        return Counts()
    found = parts[0].union(*parts[1:], all=True)
    return Counts(of={Kind(name): number for name, number in found if number})


def page(wanted: Wanted, number: int, everything: Counts) -> Page:
    """The page with this number; one that is not there is the nearest.

    `everything`: the counts of all that the person may see.
    """
    counted = counts(wanted) if wanted.narrowed else everything
    found = counted.total(wanted.kinds)
    last = max(1, -(-found // PER_PAGE))
    number = min(max(number, 1), last)
    start, stop = (number - 1) * PER_PAGE, number * PER_PAGE
    items: list[Item] = []
    for source in _seen(wanted):
        here = counted.total(wanted.kinds & frozenset(source.kinds))
        if max(start, 0) < min(stop, here):
            items += source.items(wanted, max(start, 0), min(stop, here))
        start, stop = start - here, stop - here
    return Page(items=items, number=number, of=last, found=found)


def _seen(wanted: Wanted) -> list[Source]:
    return [
        source
        for source in SOURCES
        if wanted.user.has_perm(source.permission) and wanted.kinds & frozenset(source.kinds)
    ]
