"""Group commit: what comes while others are written is written together, in one transaction."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar, cast

Item = TypeVar("Item")

AT_ONCE = 2  # transactions: one more can fill up while PostgreSQL works on the other
MOST = 64  # items of one
MOST_BYTES = 1024 * 1024


class _Waiting(NamedTuple, Generic[Item]):
    item: Item
    size: int
    done: asyncio.Future[None]


class Gathered(Generic[Item]):
    """Of one event loop. `write` writes all of its items or raises and has written none.

    Nobody waits for company: what finds a free place is written at once. `again` says of an error
    of `write` that it is safe to try again; then each item of the transaction is tried alone, so
    that a bad one fails no other.
    """

    def __init__(
        self,
        write: Callable[[Sequence[Item]], Awaitable[object]],
        again: Callable[[Exception], bool],
    ) -> None:
        self._write, self._again = write, again
        self._waiting: deque[_Waiting[Item]] = deque()
        self._writers: set[asyncio.Task[None]] = set()

    async def write(self, item: Item, size: int) -> None:
        """Until it is written. Raises what `write` raises. `size` in bytes.

        Who gives up meanwhile stops no other; the item may be written all the same.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(item, size, done))
        if len(self._writers) < AT_ONCE:
            # It begins after everything else that is ready now, which can still come along.
            self._writers.add(asyncio.create_task(self._write_waiting()))
        await done

    async def _write_waiting(self) -> None:
        try:
            while batch := self._next():
                await self._settle(batch)
        finally:
            # Not by a callback of the task: what comes before that runs would wait for nobody.
            self._writers.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    def _next(self) -> list[_Waiting[Item]]:
        """The longest waiting, as many as fit: one at least. Who gave up is left out."""
        batch: list[_Waiting[Item]] = []
        room = MOST_BYTES
        while self._waiting and len(batch) < MOST:
            room -= self._waiting[0].size
            if batch and room < 0:
                break
            one = self._waiting.popleft()
            if not one.done.cancelled():
                batch.append(one)
        return batch

    async def _settle(self, batch: Sequence[_Waiting[Item]]) -> None:
        """Write it, and tell everybody how it went."""
        try:
            await self._write([one.item for one in batch])
        except Exception as error:  # noqa: BLE001 - for those who wait for it
            if len(batch) == 1 or not self._again(error):
                _tell(batch, error)
                return
            for one in batch:
                await self._settle([one])
        else:
            _tell(batch)


def _tell(batch: Sequence[_Waiting[Any]], error: Exception | None = None) -> None:
    """Those who are still there."""
    for one in batch:
        if one.done.done():
            continue
        if error is None:
            one.done.set_result(None)
        else:
            one.done.set_exception(error)
