"""Long polls: waiting for rows to change, without a thread or a connection for each who waits.

All waiters of an event loop share one subscription to Redis and one thread that reads the database,
for all their rows at once. What Redis fails to say is found by looking every `POLL_S`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Generic, TypeVar

from django.conf import settings
from django.db import Error, close_old_connections, connections

from aura.kernel.bell import Bell
from aura.kernel.errors import Unavailable
from aura.kernel.perloop import PerLoop

POLL_S = 1.0
RETRY_S = 1.0
LOOK_S = 5.0  # after that the database is away

logger = logging.getLogger(__name__)

Row = TypeVar("Row")
Until = Callable[[Row], bool]
Read = Callable[[list[str]], Mapping[str, Row]]


def _now(_row: object) -> bool:
    """Whatever it is like."""
    return True


class LongPoll(Generic[Row]):
    """Waits for rows of one kind, which `read` finds by their keys.

    `channel`: where Redis says the key of a row that has changed.
    """

    def __init__(self, channel: str, read: Read[Row], *, linger_s: float = 0.0) -> None:
        """`linger_s`: how long the subscription is kept for the next who waits."""
        self.hubs: PerLoop[_Hub[Row]] = PerLoop(lambda: _Hub(channel, read), linger_s=linger_s)

    async def wait(self, key: str, until: Until[Row], timeout_s: float) -> Row | None:
        """The row once `until` holds for it, or as it is after `timeout_s`. None: there is none.

        Returns at once when it holds already, or `timeout_s` is not above 0. Raises `Unavailable`
        when the database does not answer then.
        """
        with self.hubs.visit() as hub:
            if timeout_s > 0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(timeout_s):
                        return await hub.joined(key, until)
            try:
                async with asyncio.timeout(LOOK_S):
                    return await hub.joined(key, _now)
            except TimeoutError:
                raise Unavailable("The database does not answer") from None

    async def begun(
        self, key: str, begin: Callable[[], Awaitable[object]], until: Until[Row], timeout_s: float
    ) -> Row | None:
        """The same for a row that `begin` makes: what happens to it from then on is not missed, so
        it is not looked at before something does.
        """
        with self.hubs.visit() as hub:
            with hub.joining(key, until) as answer:
                await begin()
                with suppress(TimeoutError):
                    async with asyncio.timeout(timeout_s):
                        row = await answer
                        if row is not None:  # else all rows were looked at before it was there
                            return row
                        return await self.wait(key, until, timeout_s)
            return await self.wait(key, until, 0)


class _Hub(Generic[Row]):
    """Lives as long as its event loop has waiters."""

    def __init__(self, channel: str, read: Read[Row]) -> None:
        self._read_rows = read
        self._waiting: dict[str, dict[asyncio.Future[Row | None], Until[Row]]] = {}
        self._rung: set[str] = set()
        self._all = False
        self._bell = asyncio.Event()
        self._lane = ThreadPoolExecutor(1, thread_name_prefix=f"{channel}-read")
        listener = Bell(settings.REDIS_URL, channel, self._ring)
        self._tasks = [asyncio.create_task(work) for work in (self._follow(), listener.start())]

    async def joined(self, key: str, until: Until[Row]) -> Row | None:
        """The row, once `until` holds for it as it was read after this call."""
        with self.joining(key, until) as answer:
            self._rung.add(key)  # it may have changed before we joined
            self._bell.set()
            return await answer

    @contextmanager
    def joining(self, key: str, until: Until[Row]) -> Iterator[asyncio.Future[Row | None]]:
        """Inside, the row comes once something has happened to it and `until` holds."""
        answer: asyncio.Future[Row | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, {})[answer] = until
        try:
            yield answer
        finally:
            del self._waiting[key][answer]
            if not self._waiting[key]:
                del self._waiting[key]

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _ring(self, key: str | None) -> None:
        """Something may have happened to this row; None: to any."""
        if key is None:
            self._all = True
        elif key in self._waiting:
            self._rung.add(key)
        else:
            return
        self._bell.set()

    async def _follow(self) -> None:
        try:
            await self._look_on()
        finally:  # stopped, or the loop ends
            self._lane.submit(connections.close_all)
            self._lane.shutdown(wait=False)

    async def _look_on(self) -> None:
        while True:
            everything = not await self._waited_for_bell() or self._all
            keys = set(self._waiting) if everything else set(self._rung)
            self._rung.clear()
            self._all = False
            if keys:
                # Who joins while the rows are read has not been looked at.
                asked = {key: dict(self._waiting.get(key, {})) for key in keys}
                self._hand_out(await self._read(keys), asked)

    async def _waited_for_bell(self) -> bool:
        """False: it was silent for `POLL_S`."""
        try:
            async with asyncio.timeout(POLL_S):
                await self._bell.wait()
        except TimeoutError:
            return False
        finally:
            self._bell.clear()
        return True

    async def _read(self, keys: Collection[str]) -> Mapping[str, Row]:
        loop = asyncio.get_running_loop()
        while True:
            try:
                return await loop.run_in_executor(self._lane, self._rows, list(keys))
            except Error as error:
                logger.warning("rows that are waited for cannot be read (%s); again", error)
                await asyncio.sleep(RETRY_S)

    def _rows(self, keys: list[str]) -> Mapping[str, Row]:
        close_old_connections()
        try:
            return self._read_rows(keys)
        finally:
            close_old_connections()

    def _hand_out(
        self,
        rows: Mapping[str, Row],
        asked: Mapping[str, Mapping[asyncio.Future[Row | None], Until[Row]]],
    ) -> None:
        for key, waiters in asked.items():
            row = rows.get(key)
            for answer, until in waiters.items():
                if not answer.done() and (row is None or until(row)):
                    answer.set_result(row)
