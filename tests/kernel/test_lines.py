"""Connections of an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from django.db import OperationalError, connection

from aura.kernel.database.lines import Lines

pytestmark = pytest.mark.django_db(transaction=True)
T = TypeVar("T")
WHO = "SELECT pg_backend_pid()"


def in_a_loop(work: Callable[[Lines], Awaitable[T]], *, most: int = 2) -> T:
    async def run() -> T:
        lines = Lines(most)
        try:
            return await work(lines)
        finally:
            await lines.close()

    return asyncio.run(run())


def end(backend: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])


def test_a_connection_is_used_again_and_no_more_are_made_than_allowed():
    async def work(lines: Lines) -> set[object]:
        alone = {await lines.ask(WHO) for _ in range(3)}
        assert len(alone) == 1
        return alone | {*await asyncio.gather(*(lines.ask(WHO) for _ in range(10)))}

    assert len(in_a_loop(work)) == 2


def test_what_is_written_is_committed_and_asks_for_no_row():
    async def work(lines: Lines) -> object:
        await lines.ask("INSERT INTO auth_group (name) VALUES (%s)", ["written"])
        return await lines.ask("SELECT name FROM auth_group WHERE name = %s", ["written"])

    assert in_a_loop(work) == ("written",)


def test_a_connection_that_the_server_ended_is_made_anew():
    async def work(lines: Lines) -> bool:
        before = await lines.ask(WHO)
        assert before is not None
        await asyncio.to_thread(end, before[0])
        return await lines.ask(WHO) != before

    assert in_a_loop(work, most=1)


def test_a_connection_that_ends_meanwhile_is_an_operational_error_and_leaves_a_place():
    async def work(lines: Lines) -> object:
        with pytest.raises(OperationalError):
            await lines.ask("SELECT pg_terminate_backend(pg_backend_pid())")
        return await lines.ask("SELECT 1")

    assert in_a_loop(work, most=1) == (1,)


def test_who_gives_up_waiting_leaves_a_place():
    async def work(lines: Lines) -> object:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(lines.ask("SELECT pg_sleep(30)"), 0.05)
        return await lines.ask("SELECT 1")

    assert in_a_loop(work, most=1) == (1,)
