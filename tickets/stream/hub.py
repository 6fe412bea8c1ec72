"""What all streams of one event loop share: one subscription, one reader of the log.

Everything a reader must not miss comes either from the log (`LogStorage.page`) or from here. It
joins first and reads the log then, so the two overlap, and it skips what it has had already.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Protocol, TypeVar

from django.conf import settings
from django.db import Error

from aura.kernel.perloop import PerLoop
from aura.kernel.telemetry import metrics, shared
from tickets.stream.bell import listener
from tickets.stream.lanes import Lanes
from tickets.stream.log import ALL, Entry, LogStorage, channel_of
from tickets.stream.places import Places

T = TypeVar("T")

POLL_S = 2.0  # an announcement may get lost; an event may not
RETRY_S = 1.0

logger = logging.getLogger(__name__)


class Reader(Protocol):
    """Who joins a hub."""

    channel: str

    def offer(self, entry: Entry) -> None:
        """Take what is new; must return at once."""


class Hub:
    """Lives as long as its event loop has streams or requests for one (`visit`)."""

    def __init__(self) -> None:
        self.storage = LogStorage()
        self.lanes = Lanes()
        self.places = Places()
        self.readers: dict[str, set[Reader]] = {}
        self.cursor = 0
        self._bell = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._troubled = False

    @contextmanager
    def joined(self, reader: Reader, *, head: int) -> Iterator[None]:
        """Offer `reader` all that comes behind place `head` of the log, which it has seen."""
        if not self._tasks:
            self.cursor = head
            bell = listener(settings.REDIS_URL, self.ring)
            self._tasks = [asyncio.create_task(work) for work in (self._follow(), bell.start())]
        self.readers.setdefault(reader.channel, set()).add(reader)
        try:
            yield
        finally:
            self.readers[reader.channel].discard(reader)
            if not self.readers[reader.channel]:
                del self.readers[reader.channel]

    def ring(self, last: int | None = None) -> None:
        """The log may have grown, up to place `last` if that is known."""
        if last is None or last > self.cursor:
            self._bell.set()

    async def ask(self, question: Callable[[], T], *, shared: bool = False) -> T:
        """The answer to a question to the database, however long that is away."""
        while True:
            try:
                answer = await self.lanes.ask(question, shared=shared)
            except Error as error:
                if not self._troubled:
                    logger.warning("the log cannot be read (%s); trying again", error)
                self._troubled = True
                await asyncio.sleep(RETRY_S)
            else:
                self._troubled = False
                return answer

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        self.places.stop()
        self.lanes.close()

    async def _follow(self) -> None:
        while True:
            read = partial(self.storage.page, ALL, self.cursor)
            page = await self.ask(read, shared=True)
            for entry in page.entries:
                self._hand_out(entry)
            self.cursor = page.last
            if not page.more:
                await self._rung()

    async def _rung(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_S):
                await self._bell.wait()
        self._bell.clear()

    def _hand_out(self, entry: Entry) -> None:
        for channel in (ALL, channel_of(entry.ticket_id)):
            for reader in self.readers.get(channel, ()):
                reader.offer(entry)
        lag_s = time.time() - entry.recorded_at
        metrics.STREAM_LAG_S.labels(shared.place()).observe(max(lag_s, 0.0))


_hubs = PerLoop(Hub)
visit = _hubs.visit
