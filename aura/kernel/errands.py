"""Small jobs that must neither delay nor fail whoever wants them done."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from queue import Full, Queue

MOST = 1000  # waiting jobs; more than that only pile up behind something that hangs

logger = logging.getLogger(__name__)


class Errands:
    """Does jobs one after another in a thread of its own. A job may get lost with the process."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: Queue[Callable[[], object]] = Queue(MOST)
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def run_soon(self, job: Callable[[], object]) -> None:
        """Have `job` done; returns at once. When too many wait already it is dropped, and said."""
        try:
            self._jobs.put_nowait(partial(copy_context().run, job))  # it stays of this trace
        except Full:
            logger.warning("%s: %d jobs wait already, one more was dropped", self._name, MOST)
        with self._starting:
            if self._thread is None or not self._thread.is_alive():  # as after a fork
                self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            try:
                job()
            except Exception:
                logger.exception("%s: a job failed", self._name)
