"""Renews the leases of the runs that this process holds: one thread for all of them.

A call that takes milliseconds would else start a thread for nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import connection

LOOK_S: Final = 0.2
LINGER_S: Final = 5.0  # the thread waits so long for the next run

logger = logging.getLogger(__name__)

Renew = Callable[[], bool]  # False: the run is no longer ours


@dataclass(slots=True)
class _Due:
    """`at`: when the lease is renewed next, by the monotonic clock."""

    at: float
    every_s: float
    renew: Renew


class Keeper:
    """Of one process."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: dict[UUID, _Due] = {}  # by claim
        self._at: UUID | None = None  # the one that is being renewed
        self._running = False

    @contextmanager
    def keeping(self, claim: UUID, renew: Renew, *, every_s: float) -> Iterator[None]:
        """Have `renew` called regularly inside, and not any more afterwards."""
        with self._changed:
            self._due[claim] = _Due(time.monotonic() + every_s, every_s, renew)
            if not self._running:
                self._running = True
                threading.Thread(target=self._loop, name="leases", daemon=True).start()
        try:
            yield
        finally:
            with self._changed:
                self._due.pop(claim, None)
                self._changed.wait_for(lambda: self._at != claim)

    def _loop(self) -> None:
        last = time.monotonic()
        while self._goes_on(last):
            time.sleep(LOOK_S)
            with self._changed:
                last = time.monotonic() if self._due else last
                claims = [claim for claim, due in self._due.items() if _is_past(due.at)]
            for claim in claims:
                self._renew(claim)
            if not claims:
                connection.close()
        connection.close()  # the last look may have taken longer than a thread lingers

    def _goes_on(self, last: float) -> bool:
        with self._changed:
            self._running = bool(self._due) or not _is_past(last + LINGER_S)
            return self._running

    def _renew(self, claim: UUID) -> None:
        with self._changed:
            due = self._due.get(claim)
            self._at = claim if due else None
        if due is None:
            return
        ours = True
        try:
            ours = due.renew()
        except Exception:
            logger.exception("a lease could not be renewed; trying again")
        finally:
            with self._changed:
                self._at = None
                due.at = time.monotonic() + due.every_s
                if not ours:
                    self._due.pop(claim, None)
                self._changed.notify_all()


def _is_past(moment: float) -> bool:
    return time.monotonic() >= moment
