"""A document next to the one in force: what would be decided otherwise, or that nobody can know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from governance.policy import current
from governance.policy.diff import Change, diff
from governance.policy.document import Document
from governance.policy.engine import Options
from governance.policy.witness import TooManyNames


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """`unknown`: the two overlap in too many ways to be compared, which counts as loosening."""

    changes: Sequence[Change] = ()
    unknown: bool = False

    @property
    def loosens(self) -> bool:
        return self.unknown or any(change.loosens for change in self.changes)

    @property
    def words(self) -> list[str]:
        """One line for each kind of change."""
        return [f"{one.action}: {' -> '.join(one.words)}" for one in self.changes]


def compare(before: Document, after: Document) -> Comparison:
    """What `after` would decide otherwise, under the settings of this process."""
    return _compared(before, after, current.configured())


@lru_cache(maxsize=8)  # a page shows it, and then it is decided on
def _compared(before: Document, after: Document, options: Options) -> Comparison:
    try:
        return Comparison(changes=diff(before, after, options=options))
    except TooManyNames:
        return Comparison(unknown=True)
