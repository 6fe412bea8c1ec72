"""How many streams an address has open, over all processes.

Each open stream has a place in Redis, which lapses unless its process keeps it: after a `kill -9`
the places are free again within `throttling.PLACE_S`. What was opened while Redis was away is
counted as soon as it is back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from django.conf import settings

from aura.kernel import throttling

KEEP_EVERY_S = throttling.PLACE_S / 3


class Places:
    """The places of one event loop. Redis is asked in threads: it may hang, the loop may not."""

    def __init__(self) -> None:
        self._held: dict[str, set[str]] = {}
        self._keeping: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def held(self, address: str) -> AsyncIterator[None]:
        """A place for one stream while it is open. Raises `RateLimited`."""
        if settings.AURA.throttle == "off":
            yield
            return
        place = uuid4().hex
        await asyncio.to_thread(_enter, address, place)
        self._held.setdefault(address, set()).add(place)
        self._keeping = self._keeping or asyncio.create_task(self._keep())
        try:
            yield
        finally:
            self._held[address].discard(place)
            if not self._held[address]:
                del self._held[address]
            # Not awaited: who leaves may have been cancelled.
            asyncio.get_running_loop().run_in_executor(None, throttling.leave_place, address, place)

    def stop(self) -> None:
        if self._keeping is not None:
            self._keeping.cancel()

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(KEEP_EVERY_S)
            places = {address: frozenset(names) for address, names in self._held.items()}
            await asyncio.to_thread(throttling.keep_places, places)


def _enter(address: str, place: str) -> None:
    throttling.count_request(address)  # to open one is a request like any other
    throttling.take_place(address, place)
