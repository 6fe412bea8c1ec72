"""A few threads of a worker for what may take long and is not the agents' work."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.db import close_old_connections, connections

logger = logging.getLogger(__name__)


class Hands:
    """A bounded pool of threads that do `work`, which looks by itself what there is to do."""

    def __init__(self, name: str, work: Callable[[], object], *, threads: int) -> None:
        self.stopping = False
        self._name = name
        self._work = work
        self._lock = threading.Lock()
        self._called = False
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)

    def wake(self) -> None:
        """Have somebody look; returns at once. Who was called and has not looked yet is enough."""
        with self._lock:
            if self._called or self.stopping:
                return
            self._called = True
        self._threads.submit(self._look)

    def stop(self) -> None:
        """Begin nothing more; what is being done is done to its end."""
        self.stopping = True

    def _look(self) -> None:
        with self._lock:
            self._called = False
        try:
            close_old_connections()
            self._work()
        except Exception:
            logger.exception("%s: could not be done; the next sweep tries again", self._name)
        finally:
            connections.close_all()
