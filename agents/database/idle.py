"""Connections between two calls: few, for a short time, and none that has died."""

from __future__ import annotations

import hashlib
import select
import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field

from agents.database.dialling import Connection

KEPT_S = 20.0
KEPT_EACH = 4  # a server
KEPT_ALL = 16  # of this process


@dataclass(slots=True)
class Idle:
    """By what libpq was given: other credentials are another connection."""

    _kept: dict[bytes, deque[tuple[float, Connection]]] = field(
        default_factory=lambda: defaultdict(deque)
    )
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _sweeper: threading.Timer | None = None

    def take(self, conninfo: str) -> Connection | None:
        """The one used last, which is ours alone now; None when there is none."""
        while True:
            with self._lock:
                there = self._kept.get(_key(conninfo))
                if not there:
                    return None
                _, connection = there.pop()
            if not connection.closed and not _has_input(connection):
                connection.remarks.clear()
                return connection
            connection.close()

    def put(self, conninfo: str, connection: Connection) -> None:
        with self._lock:
            there = self._kept[_key(conninfo)]
            room = len(there) < KEPT_EACH and sum(map(len, self._kept.values())) < KEPT_ALL
            if room:
                there.append((time.monotonic(), connection))
                self._sweep_later()
        if not room:
            connection.close()

    def clear(self) -> None:
        """Close all of them."""
        self._close_older_than(0)

    def _sweep_later(self) -> None:
        if self._sweeper is None:
            self._sweeper = threading.Timer(KEPT_S, self._sweep)
            self._sweeper.daemon = True
            self._sweeper.start()

    def _sweep(self) -> None:
        self._close_older_than(KEPT_S)

    def _close_older_than(self, age_s: float) -> None:
        oldest = time.monotonic() - age_s
        old: list[Connection] = []
        with self._lock:
            for there in self._kept.values():
                while there and there[0][0] <= oldest:
                    old.append(there.popleft()[1])
            self._kept = defaultdict(deque, {k: v for k, v in self._kept.items() if v})
            if self._sweeper is not None:
                self._sweeper.cancel()
                self._sweeper = None
            if self._kept:
                self._sweep_later()
        for connection in old:
            connection.close()


def _key(conninfo: str) -> bytes:
    return hashlib.sha256(conninfo.encode()).digest()


def _has_input(connection: Connection) -> bool:
    """A server says nothing unasked but that it ends the connection."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


idle = Idle()
