"""The log's verdict on itself, for many who ask at once.

A log of up to `WALKED_MOST` events is walked whole at each question, so that a change of what was
verified before is found too; of a longer one what is new, and everything when that is asked for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Final

from aura.kernel.ids import iso
from governance.audit import query
from governance.audit.query import Filter
from governance.audit.verify import Verdict, verify

WALKED_MOST: Final = 50_000  # half a second
FRESH_S: Final = 30.0  # so long a verdict is good enough for a status page


class Verdicts:
    """One walk at a time; whoever came before it began shares it. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last: Verdict | None = None
        self._whole = False
        self._began = float("-inf")

    def verdict(self, *, full: bool = False, age_s: float = 0.0) -> Verdict:
        """A verdict at most `age_s` seconds old when the question was asked."""
        since = self._clock() - age_s
        with self._lock:
            if self._last is None or self._began < since or (full and not self._whole):
                began = self._clock()
                whole = full or query.count(Filter()) <= WALKED_MOST
                self._last, self._whole, self._began = verify(full=whole), whole, began
            return self._last

    def forget(self) -> None:
        self._last = None


verdicts: Final = Verdicts()


def shown(verdict: Verdict) -> dict[str, Any]:
    """The document's JSON. `broken_at` counts from 0 and is -1 in a log that is whole."""
    said: dict[str, Any] = {
        "valid": verdict.valid,
        "total_events": verdict.events,
        "hashed_events": verdict.hashed,
        "legacy_events": 0,
        "broken_at": -1 if verdict.broken_at is None else max(verdict.broken_at - 1, 0),
        "first_event_id": verdict.first_key,
        "last_event_id": verdict.last_key,
        "last_hash": verdict.last_hash,
        "checked_at": iso(verdict.checked_at),
        "verified_before": verdict.trusted,
    }
    return said | ({} if verdict.valid else {"error": verdict.problem})
