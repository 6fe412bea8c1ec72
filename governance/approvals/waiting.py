"""`wait`: a long poll for the answer to a request. auditd: GET /v1/approvals/{id}/wait.

All waiters of an event loop share one subscription to Redis and one thread that reads the database,
for all their requests at once. What Redis fails to say is found by looking every `POLL_S`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from django.conf import settings
from django.db import Error, close_old_connections, connections

from aura.kernel.bell import Bell
from aura.kernel.errors import Unavailable
from aura.kernel.perloop import PerLoop
from governance.approvals.news import CHANNEL
from governance.audit.canonical import storable
from governance.models import Approval, ApprovalStatus

POLL_S = 1.0
RETRY_S = 1.0
LOOK_S = 5.0  # after that the database is away

logger = logging.getLogger(__name__)

Answer = asyncio.Future[Approval | None]


async def wait(key: str, timeout_s: float) -> Approval | None:
    """The request once it is answered, or as it stands after `timeout_s`. None: there is none.

    Returns at once when it is answered already, or `timeout_s` is not above 0. Raises `Unavailable`
    when the database does not answer then.
    """
    key = str(storable(key))  # one that no query can hold would fail those of all waiters
    with _hubs.visit() as hub:
        if timeout_s > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    return await hub.answer(key)
        try:
            async with asyncio.timeout(LOOK_S):
                return await hub.look(key)
        except TimeoutError:
            raise Unavailable("The database does not answer") from None


class _Hub:
    """Lives as long as its event loop has waiters."""

    def __init__(self) -> None:
        self._for_answer: dict[str, set[Answer]] = {}
        self._for_look: dict[str, set[Answer]] = {}
        self._rung: set[str] = set()
        self._all = False
        self._bell = asyncio.Event()
        self._lane = ThreadPoolExecutor(1, thread_name_prefix="approvals-read")
        listener = Bell(settings.REDIS_URL, CHANNEL, self._ring)
        self._tasks = [asyncio.create_task(work) for work in (self._follow(), listener.start())]

    async def answer(self, key: str) -> Approval | None:
        """The request, once it is not pending."""
        return await self._joined(self._for_answer, key)

    async def look(self, key: str) -> Approval | None:
        """The request as it is now."""
        return await self._joined(self._for_look, key)

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._lane.submit(connections.close_all)
        self._lane.shutdown(wait=False)

    async def _joined(self, waiters: dict[str, set[Answer]], key: str) -> Approval | None:
        answer: Answer = asyncio.get_running_loop().create_future()
        waiters.setdefault(key, set()).add(answer)
        self._rung.add(key)  # it may have been answered before we joined
        self._bell.set()
        try:
            return await answer
        finally:
            waiters[key].discard(answer)
            if not waiters[key]:
                del waiters[key]

    def _ring(self, key: str | None) -> None:
        """Something may have happened to this request; None: to any."""
        if key is None:
            self._all = True
        elif key in self._for_answer:
            self._rung.add(key)
        else:
            return
        self._bell.set()

    async def _follow(self) -> None:
        while True:
            everything = not await self._waited_for_bell() or self._all
            keys = {*self._for_answer, *self._for_look} if everything else set(self._rung)
            self._rung.clear()
            self._all = False
            if keys:
                lookers = {key: set(self._for_look.get(key, ())) for key in keys}
                self._hand_out(await self._read(keys), lookers)

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

    async def _read(self, keys: Collection[str]) -> dict[str, Approval]:
        loop = asyncio.get_running_loop()
        while True:
            try:
                return await loop.run_in_executor(self._lane, _rows, list(keys))
            except Error as error:
                logger.warning("approvals cannot be read (%s); trying again", error)
                await asyncio.sleep(RETRY_S)

    def _hand_out(self, rows: dict[str, Approval], lookers: dict[str, set[Answer]]) -> None:
        """`lookers`: who asked before the rows were read."""
        for key, looking in lookers.items():
            row = rows.get(key)
            answered = row is None or row.status != ApprovalStatus.PENDING
            waiting = self._for_answer.get(key, set()) if answered else set()
            for waiter in looking | waiting:
                if not waiter.done():
                    waiter.set_result(row)


def _rows(keys: list[str]) -> dict[str, Approval]:
    close_old_connections()
    try:
        found = Approval.objects.filter(key__in=keys).prefetch_related("votes")
        return {row.key: row for row in found}
    finally:
        close_old_connections()


_hubs = PerLoop(_Hub)
