"""Ending what a worker has under way: child processes and requests of one run.

Whoever holds a run works inside `held_by(interrupt)`; what it starts outside registers itself with
`current()`. `Interrupt.set()`, from any thread, ends all of it at once. What was ended is not known
to have failed: its call stays begun, and recovery looks what became of it.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import partial

from agents.runtime.tool import TransientFailure

KILL_AFTER_S = 0.25  # between SIGTERM and SIGKILL: everything is over within a second

logger = logging.getLogger(__name__)


class Interrupted(TransientFailure):
    """The run was stopped or taken away while this was under way."""


class Interrupt:
    """Set once, never unset. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_set = False
        self._endings: set[Callable[[], None]] = set()

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        """End everything that is registered; what registers later is ended at once."""
        with self._lock:
            if self._is_set:
                return
            self._is_set = True
            endings = list(self._endings)
        for end in endings:
            _call(end)

    def check(self) -> None:
        """Raise `Interrupted` once it is set."""
        if self._is_set:
            raise Interrupted("the ticket was stopped or taken from this worker")

    @contextmanager
    def ending(self, end: Callable[[], None]) -> Iterator[None]:
        """While inside, `set()` calls `end`, which must not block or raise."""
        with self._lock:
            self._endings.add(end)
            late = self._is_set
        if late:
            _call(end)
        try:
            yield
        finally:
            with self._lock:
                self._endings.discard(end)

    @contextmanager
    def ending_group(self, pid: int) -> Iterator[None]:
        """While inside, `set()` ends the process group `pid`: SIGTERM, soon after SIGKILL."""
        killer = threading.Timer(KILL_AFTER_S, _signal, (pid, signal.SIGKILL))
        killer.daemon = True
        try:
            with self.ending(partial(_terminate, pid, killer)):
                yield
        finally:
            killer.cancel()
            if self._is_set:
                _signal(pid, signal.SIGKILL)  # what its leader left behind


def _terminate(pid: int, killer: threading.Timer) -> None:
    _signal(pid, signal.SIGTERM)
    killer.start()


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _call(end: Callable[[], None]) -> None:
    try:
        end()
    except Exception:
        logger.exception("something could not be ended")


_NEVER = Interrupt()  # of work that belongs to no run; nobody sets it
_current: ContextVar[Interrupt] = ContextVar("interrupt", default=_NEVER)


def current() -> Interrupt:
    """The interrupt of the run that this thread works on."""
    return _current.get()


@contextmanager
def held_by(interrupt: Interrupt) -> Iterator[None]:
    """Everything started inside, in this context, is ended by `interrupt`."""
    token = _current.set(interrupt)
    try:
        yield
    finally:
        _current.reset(token)
