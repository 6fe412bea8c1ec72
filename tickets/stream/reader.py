"""One open stream."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

from django.conf import settings

from tickets.stream.door import Opening
from tickets.stream.frames import connected, heartbeat
from tickets.stream.hub import Hub
from tickets.stream.log import Entry

HEARTBEAT_S = 30.0
QUEUE = 100

Write = Callable[[bytes], Awaitable[None]]


class StreamReader:
    """Writes what its client asked for, in the order of the log.

    `cursor` is the place up to which the client has had everything. While the reader is `behind`
    it reads the log from there; else the hub's offers wait in its queue. A client that reads too
    slowly fills its queue, which is then dropped: it is behind again.
    """

    def __init__(self, opening: Opening, hub: Hub, write: Write) -> None:
        self.opening = opening
        self.channel = opening.channel
        self.cursor = opening.cursor
        self.behind = True
        self._hub = hub
        self._write = write
        self._queue: deque[Entry] = deque()
        self._offered = asyncio.Event()

    def offer(self, entry: Entry) -> None:
        """The hub has something new."""
        if self.behind or not self.opening.wanted.holds(entry):
            return
        if len(self._queue) == QUEUE:
            self._queue.clear()
            self.behind = True
        else:
            self._queue.append(entry)
        self._offered.set()

    async def run(self) -> None:
        """Write frames until the client may no longer read them."""
        opening = self.opening
        # Who has had all that the hub has handed out needs no look into the log.
        self.behind = self.cursor < self._hub.cursor
        await self._write(connected(opening.ticket_id, opening.status, **opening.notes))
        self._arm()
        try:
            while await self._beaten():
                if self.behind:
                    await self._catch_up()
                elif self._queue:
                    await self._send(self._taken())
                else:
                    await self._offered.wait()
                    self._offered.clear()
        finally:
            self._timer.cancel()

    def _arm(self) -> None:
        """One timer for each heartbeat: one for every wait would cost more than the frames."""
        self._due = False
        self._timer = asyncio.get_running_loop().call_later(HEARTBEAT_S, self._beat_is_due)

    def _beat_is_due(self) -> None:
        self._due = True
        self._offered.set()

    async def _beaten(self) -> bool:
        """Write the heartbeat if it is due; False when the client may no longer read."""
        if self._due:
            if not await self._still_welcome():
                return False
            await self._write(heartbeat(self.opening.ticket_id))
            self._arm()
        return True

    async def _catch_up(self) -> None:
        self.behind = False  # before reading: what the page misses is queued from now on
        page = await self._hub.ask(partial(self._hub.storage.page, self.channel, self.cursor))
        await self._send(page.entries)
        self.cursor = page.last
        self.behind = self.behind or page.more

    def _taken(self) -> list[Entry]:
        entries = list(self._queue)
        self._queue.clear()
        return entries

    async def _send(self, entries: Iterable[Entry]) -> None:
        """Write, in one piece, what the client has not had."""
        new = [e for e in entries if e.seq > self.cursor]
        frames = [e.frame for e in new if self.opening.wanted.holds(e)]
        if new:
            self.cursor = new[-1].seq
        if frames:
            await self._write(b"".join(frames))

    async def _still_welcome(self) -> bool:
        """A login may have ended since the stream was opened."""
        if settings.AURA.auth == "off":
            return True
        return await self._hub.ask(self.opening.credentials.still_good)
