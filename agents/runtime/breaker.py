"""Circuit breakers: a provider that does not answer is left alone for a while.

One for each provider, shared by the threads of the process. After `FAILURES_TO_OPEN` failures in a
row it opens: nobody asks for `OPEN_S`. Then one request is let through, and the others wait for
what comes of it. pybreaker keeps the state; it holds its lock while a call runs, which would let
one ticket at a time ask, so here a request is asked for first (`admit`) and told afterwards.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from typing import Any

import pybreaker

from aura.kernel.telemetry import metrics

FAILURES_TO_OPEN = 5
OPEN_S = 20.0
LOOK_AGAIN_S = 2.0  # while somebody else's request finds out

logger = logging.getLogger(__name__)


class Open(Exception):
    """The provider is left alone; `retry_after_s`, with jitter, says when to come again."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"not asked for another {retry_after_s:.0f} s")
        self.retry_after_s = retry_after_s


class _Unavailable(Exception):
    """Told to pybreaker in the place of a failure."""


class _Log(pybreaker.CircuitBreakerListener):
    def state_change(self, cb: pybreaker.CircuitBreaker, old_state: Any, new_state: Any) -> None:
        was = old_state.name if old_state else "new"
        metrics.BREAKER.labels(cb.name).set(int(new_state.name == pybreaker.STATE_OPEN))
        logger.warning("circuit breaker of %s: %s after %s", cb.name, new_state.name, was)


class Breaker:
    """The breaker of one provider."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._circuit = pybreaker.CircuitBreaker(
            fail_max=FAILURES_TO_OPEN,
            reset_timeout=OPEN_S,
            listeners=[_Log()],
            name=name,
            throw_new_error_on_trip=False,
        )
        self._lock = threading.Lock()
        self._opened_at = 0.0
        self._trying = False

    @property
    def state(self) -> str:
        """`closed` (all is well), `open` or `half-open` (one request is finding out)."""
        if self._circuit.current_state == pybreaker.STATE_CLOSED:
            return "closed"
        return "half-open" if self._trying else "open"

    def admit(self) -> bool:
        """May a provider be asked? Raises `Open` when not. The answer goes to `tell` as `trial`."""
        with self._lock:
            if self._circuit.current_state == pybreaker.STATE_CLOSED:
                return False
            left_s = self._opened_at + OPEN_S - time.monotonic()
            if left_s <= 0 and not self._trying:
                self._trying = True
                return True
            raise Open(max(left_s, LOOK_AGAIN_S) * random.uniform(1.0, 1.5))  # noqa: S311 - jitter

    def tell(self, *, answered: bool, trial: bool) -> None:
        """What came of an admitted request; `answered` also by an error that proves it is there."""
        with self._lock:
            if trial:
                self._trying = False
                self._circuit.half_open()
            elif self._circuit.current_state != pybreaker.STATE_CLOSED:
                return  # asked before it opened
            try:
                self._circuit.call(_outcome, answered)
            except (_Unavailable, pybreaker.CircuitBreakerError):
                if self._circuit.current_state == pybreaker.STATE_OPEN:
                    self._opened_at = time.monotonic()

    def forget(self, *, trial: bool) -> None:
        """An admitted request was abandoned: it tells nothing."""
        with self._lock:
            self._trying = self._trying and not trial


def _outcome(answered: bool) -> None:  # noqa: FBT001 - called by pybreaker
    if not answered:
        raise _Unavailable


_breakers: dict[str, Breaker] = {}
_making = threading.Lock()


def of(name: str) -> Breaker:
    """The breaker of a provider, by the name it is to have in the log."""
    with _making:
        return _breakers.setdefault(name, Breaker(name))


def states() -> dict[str, str]:
    """State of every provider that this process has asked, for probes and metrics."""
    with _making:
        return {name: breaker.state for name, breaker in _breakers.items()}


def reset() -> None:
    """Forget everything (tests share a process)."""
    with _making:
        _breakers.clear()
