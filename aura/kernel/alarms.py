"""Things to be done unless they are called off in time: one thread for all of a process.

A `threading.Timer` starts a thread of its own, which takes as long as a statement does.
"""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

NOTHING_S: Final = 60.0  # so long without an alarm, and the thread ends

logger = logging.getLogger(__name__)


@dataclass(slots=True, order=True)
class Alarm:
    """`at`: by the monotonic clock."""

    at: float
    _ring: Callable[[], object] | None = field(compare=False)

    def cancel(self) -> None:
        """It does not ring, unless it is ringing already."""
        self._ring = None

    def ring(self) -> None:
        if self._ring is not None:
            self._ring()


class Alarms:
    """What rings must neither block nor raise."""

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._clock = clock
        self._set: list[Alarm] = []
        self._changed = threading.Condition()
        self._wakes_at: float | None = None  # None: there is no thread

    def after(self, pause_s: float, ring: Callable[[], object]) -> Alarm:
        """Have `ring` called after so many seconds."""
        alarm = Alarm(self._clock() + pause_s, ring)
        with self._changed:
            heapq.heappush(self._set, alarm)
            if self._wakes_at is None:
                self._wakes_at = alarm.at
                threading.Thread(target=self._run, name=self._name, daemon=True).start()
            elif alarm.at < self._wakes_at:
                self._changed.notify()
        return alarm

    def _run(self) -> None:
        while (due := self._next()) is not None:
            try:
                due.ring()
            except Exception:
                logger.exception("%s: what was due failed", self._name)

    def _next(self) -> Alarm | None:
        """The next one that is due, waited for; None when there was none for long."""
        with self._changed:
            while True:
                moment = self._clock()
                if self._set and self._set[0].at <= moment:
                    return heapq.heappop(self._set)
                self._wakes_at = self._set[0].at if self._set else moment + NOTHING_S
                rung = self._changed.wait(self._wakes_at - moment)
                if not rung and not self._set:
                    self._wakes_at = None
                    return None


alarms: Final = Alarms("alarms")
