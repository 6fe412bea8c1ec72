"""Connections of an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import psycopg
import pytest
from django.contrib.auth.models import Group
from django.db import OperationalError, connection

from aura.kernel.database.lines import Lines, refused

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


# --- rows that are inserted together ---


def groups(*names: str) -> list[Group]:
    return [Group(name=name) for name in names]


def test_rows_that_come_together_are_one_transaction_in_their_order():
    names = [f"group {n}" for n in (3, 1, 2, 5, 4)]

    async def work(lines: Lines) -> object:
        await asyncio.gather(*(lines.insert(group) for group in groups(*names)))
        return await lines.ask(
            "SELECT count(DISTINCT xmin::text), array_agg(name ORDER BY id) FROM auth_group"
            " WHERE name LIKE 'group _'"
        )

    assert in_a_loop(work) == (1, names)


def test_a_bad_row_among_many_fails_alone():
    async def work(lines: Lines) -> list[BaseException | None]:
        await lines.insert(*groups("taken"))
        coming = groups("a", "b", "taken", "c")
        return await asyncio.gather(*(lines.insert(g) for g in coming), return_exceptions=True)

    a, b, taken, c = in_a_loop(work)
    assert a is b is c is None
    assert isinstance(taken, psycopg.errors.UniqueViolation)
    assert Group.objects.filter(name__in="abc").count() == 3


def test_rows_that_belong_together_are_all_there_or_none():
    async def work(lines: Lines) -> None:
        await lines.insert(*groups("taken"))
        with pytest.raises(psycopg.errors.UniqueViolation):
            await lines.insert(*groups("d", "taken", "e"))

    in_a_loop(work)
    assert not Group.objects.filter(name__in="de").exists()


def test_only_a_refusal_of_the_server_says_that_nothing_was_written():
    async def error_of(lines: Lines, statement: str) -> Exception:
        with pytest.raises((psycopg.Error, OperationalError)) as raised:
            await lines.ask(statement)
        return raised.value

    async def work(lines: Lines) -> None:
        assert refused(await error_of(lines, "SELECT 1 / 0"))
        cancelled = "SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(60)"
        assert refused(await error_of(lines, cancelled))
        ended = "SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(60)"
        assert not refused(await error_of(lines, ended))
        assert not refused(psycopg.OperationalError("no route to host"))

    in_a_loop(work)
