"""Linking beside the requests: a thread that does it once for all that came meanwhile.

Only a process that answers many requests starts one. Everywhere else who commits links.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import Error, close_old_connections, connections

from governance.audit.sequence import Linked, sequence, sequence_batch, sequence_within
from governance.audit.signing import signing_beside

# So long more events are gathered for one pass. What a stream's client waits longer for it is a
# few times less than what the passes it saves would cost.
GATHER_S = 0.005
RETRY_S = 1.0
PATIENCE = 2  # times `every_s`: so long the thread leaves a pass to transactions that come anyway
# Under load a pass takes a while, and costs nearly the same for few events as for many: the thread
# rests so many times as long after it, but at most so many seconds.
REST, MOST_REST_S = 10, 0.08

logger = logging.getLogger(__name__)


class Sequencer(threading.Thread):
    """Sequences after every `wake()`, soon, and once more when it is told to stop."""

    def __init__(self, every_s: float) -> None:
        super().__init__(name="sequencer", daemon=True)
        self._every_s = every_s
        self._passed = float("-inf")
        self._rest_s = 0.0
        self._woken = threading.Event()
        self._stopping = threading.Event()

    def wake(self) -> None:
        """Something was committed."""
        self._woken.set()

    def stop(self) -> None:
        """Link what is left and end."""
        self._stopping.set()
        self._woken.set()
        self.join()

    def run(self) -> None:
        try:
            last = False
            while not last:
                self._woken.wait()
                last = self._stopping.wait(GATHER_S) or self._leave_it_to_others()
                self._woken.clear()  # before looking: what comes now is seen or wakes again
                began = time.monotonic()
                self._sequence(last=last)
                self.pass_now()
                self._rest_s = min(REST * (self._passed - began), MOST_REST_S)
        finally:
            connections.close_all()

    def due(self) -> bool:
        """Whether the last pass is long enough ago."""
        return time.monotonic() >= self._passed + self._every_s

    def pass_now(self) -> None:
        """Somebody of this process passes."""
        self._passed = time.monotonic()

    def _leave_it_to_others(self) -> bool:
        """Wait while transactions that come anyway do it (`sequence_along`). True: stop."""
        pause_s = max(PATIENCE * self._every_s, self._rest_s)
        while (left_s := self._passed + pause_s - time.monotonic()) > 0:
            if self._stopping.wait(left_s):
                return True
        return False

    def _sequence(self, *, last: bool) -> None:
        close_old_connections()
        try:
            if last:
                sequence()
            elif sequence_batch():
                self._woken.set()  # what came meanwhile gathers until the next pass
        except Error as error:
            logger.warning("events could not be linked (%s); trying again", error)
        except Exception:  # a thread that ended would be missed by nobody until the next start
            logger.exception("events could not be linked; trying again")
        else:
            return
        # They wait in the database, where the sweep of a worker looks for them too.
        self._stopping.wait(RETRY_S)
        self._woken.set()


_running: Sequencer | None = None


@contextmanager
def in_background(*, every_s: float = 0.0) -> Iterator[None]:
    """Within, `sequence_soon` leaves the work to a thread of this process.

    `every_s`: at most one pass in so long. The first event of a burst is linked at once all the
    same; a later pass costs no commit of its own where `sequence_along` is called meanwhile.
    """
    global _running  # noqa: PLW0603 - one a process, like the thread itself
    _running = running = Sequencer(every_s)
    running.start()
    with signing_beside():  # ends last: it signs what is linked last
        try:
            yield
        finally:
            _running = None
            running.stop()


def sequence_along() -> None:
    """At the end of a transaction: link along with its commit when a pass is due."""
    running = _running
    if running is not None and running.due():
        running.pass_now()
        sequence_within()


def sequence_along_now() -> Linked | None:
    """The same whether or not a pass is due: an effect waits for its intent's place."""
    if _running is not None:
        _running.pass_now()
    return sequence_within()


def sequence_soon() -> None:
    """What was just committed gets its place: within milliseconds, or before this returns."""
    if _running is not None:
        _running.wake()
    else:
        sequence()
