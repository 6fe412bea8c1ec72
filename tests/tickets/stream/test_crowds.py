"""Many clients at once: nothing twice, nothing missing, little kept for who does not read."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from governance.audit.sequence import sequence
from governance.models import AuditLink
from governance.types import SYSTEM
from tests.database import sessions_of_others
from tests.tickets.stream.conftest import Client, happen, off_loop, until
from tickets.events import STREAMED, tell
from tickets.models import Ticket
from tickets.stream import LogStorage, reader
from tickets.stream import hub as hubs

pytestmark = pytest.mark.django_db

WRITERS, EACH, CLIENTS = 8, 25, 20


def here() -> hubs.Hub:
    """The hub of the running loop."""
    hub = hubs._hubs.here()
    assert hub is not None
    return hub


def registered() -> int:
    hub = hubs._hubs.here()
    return sum(len(readers) for readers in hub.readers.values()) if hub else 0


def streamed_ids() -> list[str]:
    links = AuditLink.objects.filter(event__type__in=STREAMED).order_by("seq")
    return [f"evt_{seq:016d}" for seq in links.values_list("seq", flat=True)]


def write(ticket: Ticket, seed: int) -> None:
    """Transactions of different lengths; some are rolled back, some events are not streamed."""
    dice = random.Random(seed)  # noqa: S311 - the same mixture every time
    for turn in range(EACH):
        with transaction.atomic():
            for _ in range(dice.randint(1, 3)):
                kind = dice.choice(["turn_started", "tool_called", "ticket_updated"])
                tell(ticket, kind, actor=SYSTEM, payload={"turn": turn})
            time.sleep(dice.random() * 0.01)
            if dice.random() < 0.1:
                transaction.set_rollback(True)
        sequence()


async def follow(path: str, after: str, seed: int) -> list[str]:
    """Read a few frames, leave, come back with the last id, until the ticket is resolved."""
    dice = random.Random(seed)  # noqa: S311 - the same mixture every time
    got = [after]
    while True:
        async with Client(path, after=got[-1]) as client:
            for _ in range(dice.randint(1, 60)):
                frame = await client.next()
                if frame.id:
                    got.append(frame.id)
                if frame.event == "resolved":
                    return got


def test_reconnecting_clients_miss_nothing_and_get_nothing_twice(ticket):
    first = happen(ticket)

    async def scene() -> None:
        path = f"/api/tickets/{ticket.pk}/stream"
        followers = [
            asyncio.create_task(follow(path if n % 2 else "/api/stream", first, n))
            for n in range(CLIENTS)
        ]
        await asyncio.gather(*(off_loop(write, ticket, n) for n in range(WRITERS)))
        await off_loop(sequence)
        await off_loop(happen, ticket, "ticket_resolved")
        expected = await off_loop(streamed_ids)
        for got in await asyncio.gather(*followers):
            assert got == expected
        await until(lambda: registered() == 0)

    asyncio.run(scene())


def test_two_hundred_clients_share_three_connections(ticket):
    async def scene() -> None:
        before = await off_loop(sessions_of_others)
        clients = [Client("/api/stream") for _ in range(200)]
        await asyncio.gather(*(client.__aenter__() for client in clients))
        for client in clients:
            await client.next()
        ids = [await off_loop(happen, ticket) for _ in range(3)]
        for client in clients:
            assert [frame.id for frame in await client.take(3)] == ids
        while len(await off_loop(sessions_of_others) - before) > 3:
            await asyncio.sleep(0.05)  # those of the writers end a moment after they are closed
        assert registered() == 200
        await asyncio.gather(*(client.__aexit__() for client in clients))
        assert registered() == 0

    asyncio.run(scene())


def test_one_read_of_the_log_serves_all_clients(ticket, monkeypatch):
    async def scene() -> None:
        clients = [Client("/api/stream") for _ in range(10)]
        for client in clients:
            await client.__aenter__()
            await client.next()
        for _ in range(20):  # what they read at first is over; a stall spoils one of the pauses
            await asyncio.sleep(0.01)
        asked = []
        monkeypatch.setattr(hubs, "POLL_S", 60)
        real = here().lanes.ask

        async def counted(question, **more):
            asked.append(question)
            return await real(question, **more)

        monkeypatch.setattr(here().lanes, "ask", counted)
        event_id = await off_loop(happen, ticket)
        for client in clients:
            assert (await client.next()).id == event_id
            await client.__aexit__()
        assert 1 <= len(asked) < len(clients) / 2

    asyncio.run(scene())


def test_a_client_that_does_not_read_keeps_little_and_misses_nothing(ticket, monkeypatch):
    monkeypatch.setattr(reader, "QUEUE", 5)

    async def scene() -> None:
        async with Client("/api/stream") as slow, Client("/api/stream") as brisk:
            await slow.next()
            slow.reading.clear()
            ids = [await off_loop(happen, ticket) for _ in range(30)]
            await brisk.next()
            assert [frame.id for frame in await brisk.take(30)] == ids
            waiting: list[Any] = [r for readers in here().readers.values() for r in readers]
            assert max(len(r._queue) for r in waiting) <= 5
            assert slow.sent_bytes < brisk.sent_bytes / 5
            slow.reading.set()
            assert [frame.id for frame in await slow.take(30)] == ids
            assert await slow.silent()

    asyncio.run(scene())


def test_a_client_that_leaves_is_forgotten_at_once(ticket):
    async def scene() -> None:
        async with Client("/api/stream"):
            async with Client(f"/api/tickets/{ticket.pk}/stream") as leaving:
                await leaving.next()
                await until(lambda: registered() == 2)
            assert list(here().readers) == ["tickets"]
        assert registered() == 0

    asyncio.run(scene())


def test_a_client_that_leaves_without_reading_is_forgotten_too(ticket):
    async def scene() -> None:
        async with Client("/api/stream") as client:
            client.reading.clear()
            await off_loop(happen, ticket)
            await until(lambda: registered() == 1)
            client._left.set()
            await until(lambda: registered() == 0)

    asyncio.run(scene())


def test_a_server_that_stops_frees_everything(ticket):
    async def scene() -> None:
        client = Client(f"/api/tickets/{ticket.pk}/stream")
        await client.__aenter__()
        await client.next()
        client._task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await client._task
        assert registered() == 0

    asyncio.run(scene())


def test_a_database_that_restarted_costs_no_event(ticket):
    connection.close()  # that of this thread

    async def scene() -> None:
        async with Client("/api/stream") as client:
            await client.next()
            await off_loop(happen, ticket)
            await client.next()
            await off_loop(end_other_connections)
            ids = [await off_loop(happen, ticket) for _ in range(3)]
            assert [frame.id for frame in await client.take(3)] == ids

    asyncio.run(scene())


def end_other_connections() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_database_that_is_away_for_a_while_costs_time_and_no_event(ticket, monkeypatch, caplog):
    monkeypatch.setattr(hubs, "RETRY_S", 0.05)
    first = happen(ticket)
    real, failures = LogStorage.page, iter(range(6))

    def page(self, channel, after, limit=200):
        if next(failures, None) is not None:
            raise OperationalError("the database system is starting up")
        return real(self, channel, after, limit)

    async def scene() -> None:
        async with Client("/api/stream", after=first) as client:
            await client.next()
            monkeypatch.setattr(LogStorage, "page", page)
            ids = [await off_loop(happen, ticket) for _ in range(3)]
            assert [frame.id for frame in await client.take(3)] == ids

    asyncio.run(scene())
    assert 1 <= len([r for r in caplog.records if "cannot be read" in r.message]) <= 2
