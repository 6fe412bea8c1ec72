"""Redis only says when to look. Without it events come later, and all of them."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time

import pytest

from aura.kernel import bell as bells
from tests.tickets.stream.conftest import Client, happen, off_loop, until
from tickets.stream import announce, bell
from tickets.stream import hub as hubs

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_memory_of_outages(monkeypatch):
    monkeypatch.setattr(bell, "_publisher", bells.Publisher(bell.CHANNEL))


def test_an_announcement_arrives_long_before_the_next_poll(ticket, monkeypatch):
    monkeypatch.setattr(hubs, "POLL_S", 60)

    async def scene() -> None:
        async with Client("/api/stream") as client:
            await client.next()
            for _ in range(5):
                event_id = await off_loop(happen, ticket)
                assert (await client.next()).id == event_id

    asyncio.run(scene())


def test_what_happens_while_redis_is_stopped_is_not_lost(ticket, private_redis, monkeypatch):
    monkeypatch.setattr(hubs, "POLL_S", 0.2)

    async def scene() -> None:
        async with Client("/api/stream") as client:
            await client.next()
            ids = [await off_loop(happen, ticket)]
            private_redis.stop()
            ids += [await off_loop(happen, ticket) for _ in range(5)]
            assert [frame.id for frame in await client.take(6)] == ids
            private_redis.launch()
            private_redis.wait_ready()
            ids = [await off_loop(happen, ticket) for _ in range(5)]
            assert [frame.id for frame in await client.take(5)] == ids
            assert await client.silent()

    asyncio.run(scene())


def test_the_listener_comes_back_and_has_the_log_read_again(ticket, private_redis, monkeypatch):
    monkeypatch.setattr(hubs, "POLL_S", 60)

    async def scene() -> None:
        async with Client("/api/stream") as client:
            await client.next()
            ids = [await off_loop(happen, ticket)]
            assert (await client.next()).id == ids[0]
            private_redis.stop()
            missed = [await off_loop(happen, ticket) for _ in range(3)]
            assert await client.silent()
            private_redis.launch()
            private_redis.wait_ready()
            assert [frame.id for frame in await client.take(3)] == missed
            bell._publisher = bells.Publisher(bell.CHANNEL)
            live = await off_loop(happen, ticket)
            assert (await client.next()).id == live

    asyncio.run(scene())


def test_a_stream_opens_without_redis(ticket, private_redis, monkeypatch):
    monkeypatch.setattr(hubs, "POLL_S", 0.2)
    private_redis.stop()

    async def scene() -> None:
        async with Client("/api/stream") as client:
            await client.next()
            event_id = await off_loop(happen, ticket)
            assert (await client.next()).id == event_id

    asyncio.run(scene())


def test_a_connection_that_falls_silent_is_replaced(settings, monkeypatch):
    """Something accepts, answers the subscription and then nothing, as a cut cable does."""
    monkeypatch.setattr(bells, "PING_EVERY_S", 0.1)
    subscribed: list[object] = []

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            if line.startswith(b"SUBSCRIBE"):
                subscribed.append(writer)
                name = bell.CHANNEL.encode()
                writer.write(b">3\r\n$9\r\nsubscribe\r\n$%d\r\n%s\r\n:1\r\n" % (len(name), name))
            elif line.startswith(b"HELLO"):
                writer.write(b"%1\r\n$5\r\nproto\r\n:3\r\n")
            elif line.startswith((b"CLIENT", b"SELECT")):
                writer.write(b"+OK\r\n")

    async def scene() -> None:
        server = await asyncio.start_server(mute, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        rung: list[int | None] = []
        listener = bell.listener(f"redis://127.0.0.1:{port}", rung.append)
        task = asyncio.create_task(listener.start())
        await until(lambda: len(subscribed) >= 2 and len(rung) >= 2)
        task.cancel()
        server.close()
        assert set(rung) == {None}

    asyncio.run(scene())


def test_a_number_already_seen_wakes_nobody():
    async def scene() -> None:
        hub = hubs.Hub()
        hub.cursor = 7
        hub.ring(7)
        assert not hub._bell.is_set()
        hub.ring(8)
        assert hub._bell.is_set()
        hub.stop()

    asyncio.run(scene())


# --- saying so ---


def test_announcing_without_redis_is_quick_and_never_fails(private_redis, caplog, monkeypatch):
    monkeypatch.setattr(bells, "QUIET_S", 600.0)
    private_redis.stop()
    with caplog.at_level(logging.WARNING):
        began = time.monotonic()
        for number in range(100):
            announce(number)
        assert time.monotonic() - began < 20
    assert len(caplog.records) == 1


def test_announcing_to_a_redis_that_hangs_costs_half_a_second_once(settings, monkeypatch):
    monkeypatch.setattr(bells, "PUBLISH_TIMEOUT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        settings.REDIS_URL = f"redis://127.0.0.1:{deaf.getsockname()[1]}"
        began = time.monotonic()
        for number in range(100):
            announce(number)
        assert time.monotonic() - began < 20  # each time it would be 50 s


def test_announcing_goes_on_when_redis_is_back(private_redis, settings, monkeypatch):
    monkeypatch.setattr(bells, "QUIET_S", 0.0)
    announce(1)
    private_redis.stop()
    announce(2)
    private_redis.launch()
    private_redis.wait_ready()
    heard: list[int | None] = []

    async def scene() -> None:
        task = asyncio.create_task(bell.listener(settings.REDIS_URL, heard.append).start())
        await until(lambda: heard == [None])
        announce(3)
        await until(lambda: heard == [None, 3])
        task.cancel()

    asyncio.run(scene())


def test_loops_come_and_go(ticket):
    """One process serves one loop after another, and two at once."""

    async def scene() -> None:
        async with Client("/api/stream") as client:
            await client.next()
            event_id = await off_loop(happen, ticket)
            while (await client.next()).id != event_id:
                pass

    for _ in range(3):
        asyncio.run(scene())
    failures: list[BaseException] = []

    def elsewhere() -> None:
        try:
            asyncio.run(scene())
        except BaseException as error:  # noqa: BLE001 - told in the main thread
            failures.append(error)

    threads = [threading.Thread(target=elsewhere) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert not hubs._hubs
