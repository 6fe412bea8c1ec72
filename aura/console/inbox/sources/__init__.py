"""What a source of the inbox is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

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

    def counts(self, wanted: Wanted) -> Mapping[Kind, int]:
        """How many of each kind there are; in one question to the database."""

    def items(self, wanted: Wanted, start: int, stop: int) -> list[Item]:
        """Those from place `start` up to `stop` of all that are wanted, the riskiest kind first."""
