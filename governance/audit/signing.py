"""Signing beside the requests: a thread that signs what is new, and one that shows it a witness.

What it found the last time is what a write asks before it begins (`unsigned_because`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from django.conf import settings
from django.db import Error, close_old_connections, connection, connections

from governance.audit import sink, witness
from governance.audit.checkpoints import Rewritten, signer
from governance.audit.contradiction import HALTED, contradicted
from governance.audit.keys import NoKey

# So often at most the log is signed, but for intents: a commit waits no longer for its signature.
EVERY_S = 0.5
LATELY_S = 2.0
HEAD = """
SELECT coalesce(max(seq), 0), EXISTS (SELECT FROM governance_auditpending)
FROM governance_auditlink
"""

logger = logging.getLogger(__name__)


class Unhealthy(Exception):
    """The log goes on, but not as it should; the text says why."""


EXPECTED = (Rewritten, NoKey, Unhealthy, sink.Busy, witness.Unwitnessed, OSError, Error)


class Regularly(threading.Thread):
    """Does its work every so often, and once more when it is told to stop."""

    def __init__(self, name: str, work: Callable[[], object]) -> None:
        super().__init__(name=name, daemon=True)
        self._work = work
        self._stopping = threading.Event()
        self.problem = ""  # why it did not go well the last time; empty: it did

    def stop(self) -> None:
        self._stopping.set()
        self.join()

    def run(self) -> None:
        try:
            self._once()
            while not self._stopping.wait(EVERY_S):
                self._once()
            self._once()
        finally:
            connections.close_all()

    def _once(self) -> None:
        close_old_connections()
        try:
            self._work()
        except EXPECTED as error:
            self._tell(str(error))
        except Exception:  # a thread that ended would be missed by nobody until the next start
            logger.exception("%s failed; trying again", self.name)
        else:
            self.problem = ""

    def _tell(self, problem: str) -> None:
        """Once, not twice a second."""
        if problem != self.problem:
            self.problem = problem
            logger.error("%s of the log failed: %s", self.name, problem)


class Signing(Regularly):
    """Signs, and looks whether the log is in good health."""

    def __init__(self) -> None:
        super().__init__("signing", self._sign)
        self.signed_at = float("-inf")  # when all was signed and well, `time.monotonic()`
        self._head, self._head_since = -1, 0.0

    def _sign(self) -> None:
        signer.sign_head()
        if not signer.signs_here():
            return
        if problem := contradicted():
            raise Unhealthy(f"{HALTED}: {problem}")
        self._demand_linking()
        self.signed_at = time.monotonic()

    def _demand_linking(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(HEAD)
            head, waits = cursor.fetchone()
        if not waits or head != self._head:
            self._head, self._head_since = head, time.monotonic()
        elif time.monotonic() - self._head_since > LATELY_S:
            raise Unhealthy("somebody holds the chain of the log for too long")


_signing: Signing | None = None


def signs_beside() -> bool:
    """Whether a thread of this process signs the log, and has done so."""
    return _signing is not None and _signing.signed_at > float("-inf")


def unsigned_because() -> str:
    """Empty when all of the log was signed by this process a moment ago; else why it was not."""
    signing = _signing
    if signing is None:
        return "this process does not sign the log"
    age_s = time.monotonic() - signing.signed_at
    if age_s <= LATELY_S:
        return ""
    return signing.problem or f"nothing was signed for {age_s:.0f} s"


@contextmanager
def signing_beside() -> Iterator[None]:
    """Within, the log is signed by a thread of this process, if it has the key."""
    global _signing  # noqa: PLW0603 - one a process, like the thread itself
    _signing = Signing()
    threads: list[Regularly] = [_signing]
    if settings.AURA.witness_url:
        threads.append(Regularly("witnessing", witness.present))
    with ExitStack() as stack:
        for thread in reversed(threads):  # the witness is told last
            thread.start()
            stack.callback(thread.stop)
        try:
            yield
        finally:
            _signing = None
