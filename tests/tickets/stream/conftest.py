"""Clients of the stream application, in the loop of the test, and things to tell them of.

Tests are plain functions that run one loop: the database is used from threads, as in the product.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import pytest
from django.db import connections, transaction

from aura.embedded import Embedded
from aura.kernel import sse
from aura.kernel.ids import event_id
from aura.surfaces.access import SEE
from governance.audit.sequence import sequence
from governance.models import AuditLink
from governance.types import SYSTEM
from tickets.events import tell
from tickets.models import Ticket
from tickets.stream import app

PATIENCE_S = 60.0
LOCAL = {"host": "localhost:3000"}


class Client:
    """One request to `app`. Inside `async with` its answer has begun; leaving it disconnects."""

    def __init__(
        self,
        path: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        after: str = "",
        permission: str = SEE,
    ) -> None:
        path, _, query = path.partition("?")
        sent = LOCAL | dict(headers or {}) | ({"last-event-id": after} if after else {})
        self.scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(k.encode(), v.encode()) for k, v in sent.items()],
            "aura.permission": permission,
        }
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.ended = False
        self.sent_bytes = 0
        self.reading = asyncio.Event()
        self.reading.set()
        self._pieces: asyncio.Queue[bytes] = asyncio.Queue()
        self._frames: list[sse.Frame] = []
        self._decoder = sse.Decoder()
        self._begun = asyncio.Event()
        self._left = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(app(self.scope, self._receive, self._send))
        begun = asyncio.create_task(self._begun.wait())
        await asyncio.wait({self._task, begun}, return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._left.set()
        self.reading.set()
        async with asyncio.timeout(PATIENCE_S):
            await self._task

    async def _receive(self) -> dict[str, Any]:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {k.decode(): v.decode() for k, v in message["headers"]}
            self._begun.set()
            return
        await self.reading.wait()  # a server waits here while its client does not read
        self.body += message["body"] if self.status != 200 else b""
        self.sent_bytes += len(message["body"])
        self.ended = not message["more_body"]
        self._pieces.put_nowait(message["body"])

    async def piece(self) -> bytes:
        """What one write of the application sent."""
        async with asyncio.timeout(PATIENCE_S):
            return await self._pieces.get()

    async def next(self) -> sse.Frame:
        """The next frame."""
        while not self._frames:
            self._frames = self._decoder.feed(await self.piece())
        return self._frames.pop(0)

    async def take(self, count: int) -> list[sse.Frame]:
        return [await self.next() for _ in range(count)]

    async def silent(self, seconds: float = 0.3) -> bool:
        """Does nothing come for so long?"""
        try:
            async with asyncio.timeout(seconds):
                await self.next()
        except TimeoutError:
            return True
        return False

    @property
    def error(self) -> dict[str, Any]:
        """The envelope's content."""
        error: dict[str, Any] = json.loads(self.body)["error"]
        return error


async def ask(path: str, **more: Any) -> Client:
    """A request whose answer is not a stream."""
    async with Client(path, **more) as client:
        async with asyncio.timeout(PATIENCE_S):
            await client._task
        return client


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens elsewhere in the loop."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.01)


async def off_loop(work: Callable[..., Any], *args: Any, **more: Any) -> Any:
    """Run synchronous code in a thread that keeps no connection."""

    def run() -> Any:
        try:
            return work(*args, **more)
        finally:
            connections.close_all()

    return await asyncio.to_thread(run)


def happen(ticket: Ticket, event_type: str = "status_changed", **payload: Any) -> str:
    """Something happens to a ticket; the id of its frame."""
    with transaction.atomic():
        event = tell(ticket, event_type, actor=SYSTEM, payload=payload)
    while not (link := AuditLink.objects.filter(event=event).first()):
        sequence()  # or somebody else does
    return event_id(link.seq)


def data(frame: sse.Frame) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(frame.data)
    return content


@pytest.fixture
def ticket(transactional_db: None) -> Ticket:
    return Ticket.objects.create(title="Add nginx", description="Please.")


@pytest.fixture
def other(transactional_db: None) -> Ticket:
    return Ticket.objects.create(title="Add redis", description="Please.", priority="critical")


@pytest.fixture(autouse=True)
def _connections_are_returned() -> Iterator[None]:
    """Lanes close their connections just after the last stream; the test database waits for it."""
    yield
    deadline = time.monotonic() + PATIENCE_S
    while any(t.name.startswith("stream-read") for t in threading.enumerate()):
        assert time.monotonic() < deadline, "a lane of the streams was left open"
        time.sleep(0.01)


@pytest.fixture
def private_redis(tmp_path: Path, settings: Any) -> Iterator[Any]:
    """A Redis of this test's own, to stop and start again."""
    embedded = Embedded(tmp_path, postgres=False)
    with embedded:
        settings.REDIS_URL = embedded.places.redis_url()
        yield embedded.services[0]
