"""Watches the runs that this process holds, and ends what it does for one that was taken away.

A ticket that is cancelled, a stop of everything and a lost lease all look the same: the run's token
is no longer ours. One thread a process reads the tokens of all its runs in one statement.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import Error, close_old_connections, connection

from agents.models import Run
from agents.runtime.interrupt import Interrupt, held_by

EVERY_S = 0.4  # with `interrupt.KILL_AFTER_S` it stays below a second

logger = logging.getLogger(__name__)


class Watch:
    """The runs of one process, each with the interrupt of the work on it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: dict[Interrupt, Run] = {}
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
            with self._changed:
                del self._held[interrupt]
                self._changed.notify()

    def _add(self, interrupt: Interrupt, run: Run) -> None:
        with self._changed:
            self._held[interrupt] = run
            if not self._running:
                self._running = True
                threading.Thread(target=self._loop, name="run-watch", daemon=True).start()

    def _loop(self) -> None:
        while self._pause():
            try:
                self._look()
            except Exception:
                logger.exception("the watch failed unexpectedly; trying again")

    def _pause(self) -> bool:
        """Wait for the next look; False when there is nothing to watch any more."""
        with self._changed:
            if self._changed.wait_for(lambda: not self._held, EVERY_S):
                connection.close()
                self._running = False
            return self._running

    def _look(self) -> None:
        with self._changed:
            held = dict(self._held)
        try:
            close_old_connections()
            rows = Run.objects.filter(pk__in={run.pk for run in held.values()})
            tokens = dict(rows.values_list("pk", "token"))
        except Error:
            logger.warning("the runs of this worker could not be watched; trying again")
            return
        for interrupt, run in held.items():
            if tokens.get(run.pk, run.token) != run.token and not interrupt.is_set():
                logger.info("run %s was taken away: what it has under way is ended", run.pk)
                interrupt.set()


over = Watch().over
