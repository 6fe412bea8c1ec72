"""Refusals and logins in the log, bounded: a flood of them must not fill the database.

Of each kind and address a few a minute are told one by one, and of all together a few more; the
rest is counted, and one event a kind and address tells how many there were when the minute is over.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final

from django.db import Error, connection, transaction

from aura.kernel.clients import counted
from aura.kernel.origins import ForeignHost
from governance.audit.record import record
from governance.types import SYSTEM, Principal

WINDOW_S = 60.0
EACH, TOGETHER = 5, 100  # a window; TOGETHER also bounds how many addresses are kept apart
TEXT_CHARS = 200  # of what a stranger wrote

logger = logging.getLogger(__name__)


class Kind(StrEnum):
    """What happened; the value is the type of the event."""

    BAD_CREDENTIAL = "credential_refused"
    NOT_ALLOWED = "permission_refused"
    FOREIGN_HOST = "host_refused"
    FOREIGN_ORIGIN = "origin_refused"
    LOGIN = "login_succeeded"
    LOGIN_FAILED = "login_failed"
    LOCKED_OUT = "login_locked"


# What a person reads of these; of the others it is what was asked for.
SAID: Final = {
    Kind.LOGIN: "logged in",
    Kind.LOGIN_FAILED: "could not log in",
    Kind.LOCKED_OUT: "is locked out",
}
Key = tuple[Kind, str]


class Bounded:
    """What is told and what is counted, in fixed windows of `WINDOW_S`. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._ends = clock() + WINDOW_S
        self._seen: Counter[Key] = Counter()
        self._left_out: Counter[Key] = Counter()

    def admit(self, kind: Kind, address: str) -> tuple[bool, dict[Key, int]]:
        """(is this one told?, how many of each were left out in the window that has just ended)"""
        with self._lock:
            over = self._over()
            key = (kind, address)
            told = self._seen[key] < EACH and sum(self._seen.values()) < TOGETHER
            if told:
                self._seen[key] += 1
            else:
                known = key in self._left_out or len(self._left_out) < TOGETHER
                self._left_out[key if known else (kind, "")] += 1
            return told, over

    def over(self) -> dict[Key, int]:
        """What was left out, once its window has ended; empty before that and afterwards."""
        with self._lock:
            return self._over()

    def _over(self) -> dict[Key, int]:
        now = self._clock()
        if now < self._ends:
            return {}
        left, self._left_out = self._left_out, Counter()
        self._seen.clear()
        self._ends = now + WINDOW_S
        return dict(left)


_bounded = Bounded()
_timer_lock = threading.Lock()
_timer: threading.Timer | None = None


def note(
    kind: Kind, *, actor: Principal = SYSTEM, address: str, route: str, reason: str = ""
) -> None:
    """Tell the log. Never fails: what is refused stays refused when the log cannot be written."""
    told, over = _bounded.admit(kind, counted(address))
    try:
        _sum_up(over)
        if told:
            shown = {"route": route[:TEXT_CHARS], "reason": reason[:TEXT_CHARS]}
            _tell(kind, actor, address=address, **shown)
        else:
            _sum_up_later()
    except Error:
        logger.warning("%s from %s could not be written to the log", kind, address)


def note_foreign(
    problem: Exception, *, address: str, route: str, host: str, origin: str | None
) -> None:
    """Tell the log of a forged Host header or a page of another site."""
    foreign = isinstance(problem, ForeignHost)
    kind = Kind.FOREIGN_HOST if foreign else Kind.FOREIGN_ORIGIN
    reason = f"Host {host!r}" if foreign else f"Origin {origin!r}"
    note(kind, address=address, route=route, reason=reason)


def _tell(kind: Kind, actor: Principal, **payload: Any) -> None:
    what = payload["route"] if "count" in payload else SAID.get(kind, payload["route"])
    action = f"{what} from {payload['address']}".strip()
    record(kind, actor=actor, action=action, data={"payload": payload})


def _sum_up(left_out: dict[Key, int]) -> None:
    with transaction.atomic():
        for (kind, address), count in left_out.items():
            where = address or "other addresses"
            _tell(kind, SYSTEM, address=where, route=f"{count} more", count=count)


def _sum_up_later() -> None:
    """A flood that ends is summed up too, without another request that would do it."""
    global _timer  # noqa: PLW0603 - one timer a process
    with _timer_lock:
        if _timer is None:
            _timer = threading.Timer(WINDOW_S, _sum_up_now)
            _timer.daemon = True
            _timer.start()


def _sum_up_now() -> None:
    global _timer  # noqa: PLW0603
    with _timer_lock:
        _timer = None
    try:
        _sum_up(_bounded.over())
    except Error:
        logger.warning("a summary of refusals could not be written to the log")
    finally:
        connection.close()
