"""`wait`: a long poll for the answer to a request."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from django.db import connections

from aura.kernel import longpoll
from aura.kernel.bell import Publisher
from governance import approvals
from governance.api import waiting as door
from governance.approvals import news, waiting
from tests.governance.asking import ACTION, ADA

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def slow_polls(monkeypatch):
    """What comes in time comes by Redis, unless a test says otherwise."""
    monkeypatch.setattr(longpoll, "POLL_S", 30.0)
    # One that remembers no outage of another test.
    monkeypatch.setattr(news, "_publisher", Publisher(news.CHANNEL))


def ask():
    return approvals.request(ACTION, policy="p")


def off_loop(work):
    """Run it in a thread with a connection of its own."""

    def run():
        try:
            return work()
        finally:
            connections.close_all()

    return asyncio.to_thread(run)


ENDS = {
    "approved": lambda key: approvals.approve(key, by=ADA),
    "denied": lambda key: approvals.deny(key, by=ADA, reason="no"),
    "cancelled": lambda key: approvals.cancel(key, by=ADA),
}


@pytest.mark.parametrize("status", ENDS)
def test_the_answer_comes_with_the_decision(status):
    key = ask().key

    async def scene():
        waiter = asyncio.create_task(approvals.wait(key, 20))
        await asyncio.sleep(0.2)
        assert not waiter.done()
        await off_loop(lambda: ENDS[status](key))
        began = time.monotonic()
        answer = await waiter
        assert time.monotonic() - began < 15
        assert (answer.key, answer.status) == (key, status)

    asyncio.run(scene())


def test_a_request_that_is_answered_already_is_answered_at_once():
    key = approvals.approve(ask().pk, by=ADA).key
    assert asyncio.run(approvals.wait(key, 20)).status == "approved"


@pytest.mark.parametrize("timeout_s", [0, -1, 0.2])
def test_when_time_is_up_the_request_comes_back_as_it_stands(timeout_s):
    answer = asyncio.run(approvals.wait(ask().key, timeout_s))
    assert answer.status == "pending"


@pytest.mark.parametrize("timeout_s", [0, 5])
def test_what_does_not_exist_is_not_waited_for(timeout_s):
    assert asyncio.run(approvals.wait("apr_000000000000", timeout_s)) is None


def test_a_name_that_no_query_can_hold_keeps_nobody_elses_answer_away():
    key = ask().key

    async def scene():
        waiter = asyncio.create_task(approvals.wait(key, 20))
        assert await approvals.wait("apr_\0\ud800", 5) is None
        await off_loop(lambda: ENDS["approved"](key))
        assert (await waiter).status == "approved"

    asyncio.run(scene())


def test_without_redis_the_answer_is_found_by_looking(settings, monkeypatch):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(longpoll, "POLL_S", 0.1)
    key = ask().key

    async def scene():
        waiter = asyncio.create_task(approvals.wait(key, 20))
        await asyncio.sleep(0.2)
        await off_loop(lambda: approvals.approve(key, by=ADA))
        assert (await waiter).status == "approved"

    asyncio.run(scene())


def test_many_waiters_hold_neither_threads_nor_connections():
    keys = [ask().key for _ in range(20)]

    async def scene():
        before = threading.active_count()
        tasks = [asyncio.create_task(approvals.wait(key, 20)) for key in keys for _ in range(25)]
        await asyncio.sleep(0.3)
        assert threading.active_count() <= before + 2
        await off_loop(lambda: [approvals.approve(key, by=ADA) for key in keys])
        answers = await asyncio.gather(*tasks)
        assert {answer.status for answer in answers} == {"approved"}
        assert not waiting._polls.hubs

    asyncio.run(scene())


def test_who_leaves_early_leaves_nothing_behind():
    key = ask().key

    async def scene():
        waiter = asyncio.create_task(approvals.wait(key, 20))
        other = asyncio.create_task(approvals.wait(key, 20))
        await asyncio.sleep(0.1)
        waiter.cancel()
        await off_loop(lambda: approvals.deny(key, by=ADA, reason="no"))
        assert (await other).status == "denied"
        with pytest.raises(asyncio.CancelledError):
            await waiter
        assert not waiting._polls.hubs

    asyncio.run(scene())


async def waiting_at_the_door(key, leave):
    """A request that waits, over a connection that is there until `leave` is set."""

    async def receive():
        await leave.wait()
        return {"type": "http.disconnect"}

    async with door._while_there(receive):
        await approvals.wait(key, 60)


def test_a_client_that_leaves_and_a_server_that_stops_end_it_each_in_its_way():
    key = ask().key

    async def scene():
        for stops, raised in ((False, door.Left), (True, asyncio.CancelledError)):
            leave = asyncio.Event()
            request = asyncio.create_task(waiting_at_the_door(key, leave))
            await asyncio.sleep(0.05)
            request.cancel() if stops else leave.set()
            with pytest.raises(raised):
                await request
            assert request.cancelling() == (1 if stops else 0)

    asyncio.run(scene())
