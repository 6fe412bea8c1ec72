"""Runs the controllers: a queue of objects to look at, and timers.

Everything happens on one thread and in a fixed order, so the same writes give the same cluster.
A controller is told which object to look at, never what happened to it.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from agents.sandbox import clock
from agents.sandbox.errors import ApiError
from agents.sandbox.store import Change, Key, Store

_log = logging.getLogger(__name__)
_SLICE_S = 0.02  # of work before the requests that wait have their turn
_RETRY_S = 0.2


class Controller(Protocol):
    """`keys` says which objects a change concerns, `reconcile` looks at one of them."""

    def keys(self, change: Change) -> Iterable[Key]: ...
    def reconcile(self, key: Key) -> None: ...


class Engine:
    def __init__(self, store: Store) -> None:
        self._controllers: list[Controller] = []
        self._queue: dict[tuple[int, Key], None] = {}
        self._timers: list[tuple[float, int, int, Key]] = []
        self._pending: dict[tuple[int, Key], float] = {}
        self._order = itertools.count()
        self.wake: Callable[[], None] = lambda: None  # set by whoever runs the loop
        store.listen(self._changed)

    def add(self, controller: Controller) -> None:
        self._controllers.append(controller)

    def look(self, controller: Controller, key: Key) -> None:
        """Have `controller` look at `key` soon."""
        self._queue[self._controllers.index(controller), key] = None
        self.wake()

    def later(self, controller: Controller, key: Key, delay_s: float) -> None:
        """Have `controller` look at `key` after a delay; an earlier appointment is kept."""
        number, due = self._controllers.index(controller), clock.now() + max(0.0, delay_s)
        pending = self._pending.get((number, key))
        if pending is None or due < pending:
            self._pending[number, key] = due
            heapq.heappush(self._timers, (due, next(self._order), number, key))
            self.wake()

    def turn(self) -> float | None:
        """Do a slice of the work; seconds until there is more, None for nothing in sight."""
        self._due()
        end = time.monotonic() + _SLICE_S
        while self._queue and time.monotonic() < end:
            number, key = next(iter(self._queue))
            del self._queue[number, key]
            self._reconcile(number, key)
        if self._queue:
            return 0.0
        return max(0.0, self._timers[0][0] - clock.now()) if self._timers else None

    def _reconcile(self, number: int, key: Key) -> None:
        controller = self._controllers[number]
        try:
            controller.reconcile(key)
        except ApiError as error:
            _log.debug("%s %s: %s", type(controller).__name__, key, error)
            self.later(controller, key, _RETRY_S)
        except Exception:  # noqa: BLE001 - one broken object may not stop the cluster
            _log.exception("%s failed on %s", type(controller).__name__, key)

    def _due(self) -> None:
        moment = clock.now()
        while self._timers and self._timers[0][0] <= moment:
            due, _, number, key = heapq.heappop(self._timers)
            if self._pending.get((number, key)) == due:
                del self._pending[number, key]
                self._queue[number, key] = None

    def _changed(self, change: Change) -> None:
        for number, controller in enumerate(self._controllers):
            for key in controller.keys(change):
                self._queue[number, key] = None
        self.wake()
