"""What is down is asked for again and again; a log that says so each time holds nothing else."""

from __future__ import annotations

import logging
import threading
import time

from django.db import InterfaceError, OperationalError

EVERY_S = 60.0
MOST = 500  # different warnings that are remembered
OUTAGE = (OperationalError, InterfaceError)

Key = tuple[str, str]


class Repeats(logging.Filter):
    """Of equal warnings in a minute the first is written, and the next one says how many came.

    An exception counts as equal only where it says that the database is away: any other is a bug,
    and is always written. One filter for all handlers: each record is decided on once.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._latest = threading.local()
        self._written: dict[Key, float] = {}
        self._kept_back: dict[Key, int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(self._latest, "record", None) is not record:  # it goes from handler to handler
            self._latest.record, self._latest.is_news = record, self._is_news(record)
        return bool(self._latest.is_news)

    def _is_news(self, record: logging.LogRecord) -> bool:
        key = _key(record)
        if key is None:
            return True
        with self._lock:
            clock = time.monotonic()
            if clock < self._written.get(key, -EVERY_S) + EVERY_S:
                self._kept_back[key] = self._kept_back.get(key, 0) + 1
                return False
            if len(self._written) >= MOST:
                self._written.clear()
                self._kept_back.clear()
            self._written[key] = clock
            more = self._kept_back.pop(key, 0)
        if more:
            record.msg = f"{record.getMessage()} (and {more} more since it was last said)"
            record.args = ()
        return True


def _key(record: logging.LogRecord) -> Key | None:
    """What a repetition has in common with the first; None for what is always written."""
    if record.levelno < logging.WARNING or hasattr(record, "access"):
        return None
    if not record.exc_info:
        return record.name, record.getMessage()
    error = record.exc_info[1]
    return (record.name, type(error).__name__) if isinstance(error, OUTAGE) else None
