"""The few threads that read the database for the streams.

No stream holds a thread or a connection. Each lane is one thread with one connection, which it
keeps as long as Django would (CONN_MAX_AGE) and gives back when the last stream has left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from typing import TypeVar

from django.db import close_old_connections, connections

T = TypeVar("T")

FOR_READERS = 2


class Lanes:
    """One lane for what all readers share, so that a long replay delays nobody; others for each."""

    def __init__(self) -> None:
        self._shared, *own = [
            ThreadPoolExecutor(1, thread_name_prefix="stream-read") for _ in range(1 + FOR_READERS)
        ]
        self._all = [self._shared, *own]
        self._own = cycle(own)

    async def ask(self, question: Callable[[], T], *, shared: bool = False) -> T:
        """The answer to a question to the database."""
        lane = self._shared if shared else next(self._own)
        return await asyncio.get_running_loop().run_in_executor(lane, _answer, question)

    def close(self) -> None:
        """Give all connections back, without waiting for it."""
        for lane in self._all:
            lane.submit(connections.close_all)
            lane.shutdown(wait=False)


def _answer(question: Callable[[], T]) -> T:
    close_old_connections()
    try:
        return question()
    finally:
        close_old_connections()
