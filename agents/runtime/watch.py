"""Watches the runs that this process holds, and ends what it does for one that was taken away.

A ticket that is cancelled, a stop of everything and a lost lease all look the same: the run's token
is no longer ours. One thread a process reads the tokens of all its runs in one statement.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.db import Error, close_old_connections, connection

from agents.models import Run
from agents.runtime.interrupt import Interrupt, held_by

EVERY_S = 0.4  # with `YOUNG_S` and `interrupt.KILL_AFTER_S` it stays below a second
YOUNG_S = 0.1  # most direct calls are over by then: they are not worth a statement
LINGER_S = 5.0  # the thread waits so long for the next run

logger = logging.getLogger(__name__)


class Watch:
    """The runs of one process, each with the interrupt of the work on it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[Interrupt, tuple[Run, float]] = {}  # since when
        self._running = False

    @contextmanager
    def over(self, run: Run) -> Iterator[Interrupt]:
        """Inside, what this thread has under way for the run ends when the run is taken away."""
        interrupt = Interrupt()
        self._add(interrupt, run)
        try:
            with held_by(interrupt):
                yield interrupt
        finally:
            with self._lock:
                del self._held[interrupt]

    def _add(self, interrupt: Interrupt, run: Run) -> None:
        with self._lock:
            self._held[interrupt] = run, time.monotonic()
            if not self._running:
                self._running = True
                threading.Thread(target=self._loop, name="run-watch", daemon=True).start()

    def _loop(self) -> None:
        last = time.monotonic()
        while self._goes_on(last):
            time.sleep(EVERY_S)
            with self._lock:
                held = dict(self._held)
            if held:
                last = time.monotonic()
                self._look(held)
            else:
                connection.close()
        connection.close()  # the last look may have taken longer than a thread lingers

    def _goes_on(self, last: float) -> bool:
        with self._lock:
            self._running = bool(self._held) or time.monotonic() < last + LINGER_S
            return self._running

    def _look(self, held: Mapping[Interrupt, tuple[Run, float]]) -> None:
        before = time.monotonic() - YOUNG_S
        old = {interrupt: run for interrupt, (run, since) in held.items() if since <= before}
        try:
            if old:
                _end_lost(old)
        except Error:
            logger.warning("the runs of this worker could not be watched; trying again")
        except Exception:
            logger.exception("the watch failed unexpectedly; trying again")


def _end_lost(held: Mapping[Interrupt, Run]) -> None:
    close_old_connections()
    rows = Run.objects.filter(pk__in={run.pk for run in held.values()})
    tokens = dict(rows.values_list("pk", "token"))
    for interrupt, run in held.items():
        if tokens.get(run.pk, run.token) != run.token and not interrupt.is_set():
            logger.info("run %s was taken away: what it has under way is ended", run.pk)
            interrupt.set()


over = Watch().over
