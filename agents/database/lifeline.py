"""Ending what a connection waits for, from another thread: asked first, then cut."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from typing import Any, Self

import psycopg

from agents.runtime import interrupt
from aura.kernel.alarms import Alarm, alarms

CANCEL_S = 1.0  # for the server to take the request to cancel
GRACE_S = 0.5  # for it to say that it did


class Lifeline:
    """While inside, the connection's use is ended after `limit_s`, or when the run is stopped.

    `end` may be called from any thread and does neither block nor raise.
    """

    def __init__(self, connection: psycopg.Connection[Any], limit_s: float) -> None:
        self._connection = connection
        self._limit_s = limit_s
        self._alarm: Alarm | None = None
        self._stop = interrupt.current().ending(self.end)
        self._lock = threading.Lock()
        self._left = threading.Event()
        self._ended = False

    @property
    def ended(self) -> bool:
        """Then a late request to cancel may still arrive: nobody else is to use the connection."""
        return self._ended

    def __enter__(self) -> Self:
        self._alarm = alarms.after(self._limit_s, self.end)
        self._stop.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.__exit__(None, None, None)
        if self._alarm is not None:
            self._alarm.cancel()
        with self._lock:
            self._left.set()

    def end(self) -> None:
        with self._lock:
            if self._ended or self._left.is_set():
                return
            self._ended = True
        threading.Thread(target=self._end, daemon=True, name="database-end").start()

    def _end(self) -> None:
        with suppress(psycopg.Error, OSError):
            self._connection.cancel_safe(timeout=CANCEL_S)
        if self._left.wait(GRACE_S):
            return
        with self._lock:
            if not self._left.is_set():
                self._cut()

    def _cut(self) -> None:
        with suppress(psycopg.Error, OSError):
            copy = os.dup(self._connection.fileno())
            with socket.socket(fileno=copy) as line:
                line.shutdown(socket.SHUT_RDWR)
