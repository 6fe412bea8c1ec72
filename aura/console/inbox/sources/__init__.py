"""What a source of the inbox is."""

from __future__ import annotations

from typing import Any, Protocol

from django.db.models import CharField, Count, QuerySet, Value

from aura.console.inbox.items import Item, Kind
from aura.console.inbox.wanted import Wanted


class Source(Protocol):
    """Rows that wait for people. Its kinds follow each other in the order of `Kind`."""

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What it brings."""

    @property
    def permission(self) -> str:
        """Who may see them."""

    def counts(self, wanted: Wanted) -> QuerySet[Any, Any]:
        """(kind, how many) of each kind there is; the listing asks for all sources at once."""

    def items(self, wanted: Wanted, start: int, stop: int) -> list[Item]:
        """Those from place `start` up to `stop` of all that are wanted, the riskiest kind first."""


def number_of(rows: QuerySet[Any], kind: Kind) -> QuerySet[Any, Any]:
    """The counts of rows that are all of one kind."""
    named = rows.order_by().values(kind_=Value(kind, CharField()))
    counted: QuerySet[Any, Any] = named.annotate(number=Count("pk"))
    return counted.values_list("kind_", "number")
