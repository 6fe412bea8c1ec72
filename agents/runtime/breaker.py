"""Circuit breakers: a provider that does not answer, or wants no more requests, is left alone.

One for each provider, shared by the threads of the process. After `FAILURES_TO_OPEN` failures in a
row it opens: nobody asks for `OPEN_S`, or for as long as the provider asked for. Then one request
is let through, and the others wait for what comes of it. pybreaker keeps the state; it holds its
lock while a call runs, which would let one ticket at a time ask, so here a request is asked for
first (`admit`) and told afterwards.
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
LONGEST_OPEN_S = 300.0  # whatever it asked for: a quota may be raised, a key changed
LOOK_AGAIN_S = 2.0  # while somebody else's request finds out

logger = logging.getLogger(__name__)


class Open(Exception):
    """The provider is left alone; `retry_after_s`, with jitter, says when to come again.

    `reason`: how its last request failed, in the words of who told.
    """

    def __init__(self, retry_after_s: float, reason: str) -> None:
        super().__init__(f"not asked for another {retry_after_s:.0f} s")
        self.retry_after_s = retry_after_s
        self.reason = reason


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
        self._open_until = 0.0
        self._reason = ""
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
            left_s = self._open_until - time.monotonic()
            if left_s <= 0 and not self._trying:
                self._trying = True
                return True
            wait_s = max(left_s, LOOK_AGAIN_S) * random.uniform(1.0, 1.5)  # noqa: S311 - jitter
            raise Open(wait_s, self._reason)

    def tell(
        self, *, answered: bool, trial: bool, retry_after_s: float = 0.0, reason: str = ""
    ) -> None:
        """What came of an admitted request; `answered` also by an error that proves it serves.

        Else `retry_after_s` is what the provider asked for, and `reason` how it failed.
        """
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
                    open_s = max(OPEN_S, min(retry_after_s, LONGEST_OPEN_S))
                    self._open_until = time.monotonic() + open_s
                    self._reason = reason

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
