"""Group commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest

from aura.kernel.database.gathered import AT_ONCE, MOST, MOST_BYTES, Gathered


class Refused(Exception):
    """The database says that it wrote nothing."""


class Lost(Exception):
    """Nobody knows whether it was written."""


class Database:
    """Takes what is written once it is `open`; a `bad` item fails all that come with it."""

    def __init__(self, **bad: Exception) -> None:
        self.bad = bad
        self.tried: list[list[str]] = []
        self.written: list[str] = []
        self.open = asyncio.Event()
        self.gathered = Gathered(self._write, lambda error: isinstance(error, Refused))

    async def _write(self, items: Sequence[str]) -> None:
        self.tried.append([*items])
        await self.open.wait()
        for item in items:
            if item in self.bad:
                raise self.bad[item]
        self.written += items

    def coming(self, *items: str, size: int = 1) -> list[asyncio.Task[None]]:
        """In this order, and all before anything is written."""
        return [asyncio.create_task(self.gathered.write(item, size)) for item in items]

    async def busy(self) -> list[asyncio.Task[None]]:
        """Until as many are being written as can be at once."""
        tasks = []
        for n in range(AT_ONCE):
            tasks += self.coming(f"first{n}")
            await until(lambda than=n: len(self.tried) > than)
        return tasks


async def until(true: Callable[[], bool]) -> None:
    while not true():
        await asyncio.sleep(0)


async def outcomes(tasks: Sequence[asyncio.Task[None]]) -> list[BaseException | None]:
    return await asyncio.gather(*tasks, return_exceptions=True)


def test_who_comes_alone_is_written_alone_and_at_once():
    async def work() -> None:
        database = Database()
        database.open.set()
        for item in "abc":
            await database.gathered.write(item, 1)
        assert database.tried == [["a"], ["b"], ["c"]]

    asyncio.run(work())


def test_who_finds_others_being_written_but_a_free_place_waits_for_nobody():
    async def work() -> None:
        database = Database()
        await database.busy()
        assert database.tried == [[f"first{n}"] for n in range(AT_ONCE)]

    asyncio.run(work())


def test_what_comes_while_others_are_written_is_written_together_and_in_order():
    async def work() -> None:
        database = Database()
        tasks = await database.busy() + database.coming(*"bac")
        database.open.set()
        assert await outcomes(tasks) == [None] * len(tasks)
        assert database.tried[AT_ONCE:] == [[*"bac"]]

    asyncio.run(work())


def test_nobody_is_answered_before_his_own_transaction_is_over():
    async def work() -> None:
        database = Database()

        async def answered(item: str) -> bool:
            await database.gathered.write(item, 1)
            return item in database.written

        tasks = [asyncio.create_task(answered(str(n))) for n in range(3 * MOST)]
        await until(lambda: bool(database.tried))
        assert not any(task.done() for task in tasks)
        database.open.set()
        assert all(await asyncio.gather(*tasks))

    asyncio.run(work())


@pytest.mark.parametrize(
    ("items", "size", "most"),
    [(3 * MOST, 1, MOST), (9, MOST_BYTES // 3, 3), (3, 2 * MOST_BYTES, 1)],
)
def test_a_transaction_is_bounded_in_items_and_bytes(items, size, most):
    async def work() -> None:
        database = Database()
        tasks = await database.busy()
        tasks += database.coming(*map(str, range(items)), size=size)
        database.open.set()
        await outcomes(tasks)
        assert max(map(len, database.tried)) == most
        assert len(database.written) == len({*database.written}) == AT_ONCE + items

    asyncio.run(work())


def test_a_bad_one_among_many_fails_alone():
    async def work() -> None:
        database = Database(c=(bad := Refused()))
        tasks = database.coming(*"abcde")
        database.open.set()
        assert await outcomes(tasks) == [None, None, bad, None, None]
        assert database.written == [*"abde"]

    asyncio.run(work())


def test_what_may_have_been_written_is_not_tried_again():
    async def work() -> None:
        database = Database(c=(lost := Lost()))
        tasks = database.coming(*"abc")
        database.open.set()
        assert await outcomes(tasks) == [lost, lost, lost]
        assert database.tried == [[*"abc"]]

    asyncio.run(work())


def test_after_a_failure_it_goes_on():
    async def work() -> None:
        database = Database(bad=Lost())
        database.open.set()
        with pytest.raises(Lost):
            await database.gathered.write("bad", 1)
        await database.gathered.write("good", 1)
        assert database.written == ["good"]

    asyncio.run(work())


def test_who_gives_up_while_being_written_stops_no_other():
    async def work() -> None:
        database = Database()
        left, *others = database.coming(*"abc")
        await until(lambda: bool(database.tried))
        left.cancel()
        await outcomes([left])
        database.open.set()
        assert await outcomes(others) == [None, None]
        assert database.written == [*"abc"]

    asyncio.run(work())


def test_who_gives_up_before_is_not_written():
    async def work() -> None:
        database = Database()
        tasks = await database.busy()
        left, stays = database.coming("left", "stays")
        await asyncio.sleep(0)
        left.cancel()
        database.open.set()
        await outcomes([*tasks, left, stays])
        assert database.tried[AT_ONCE:] == [["stays"]]

    asyncio.run(work())


def test_who_comes_at_the_moment_when_all_writers_end_is_written():
    async def work() -> None:
        database = Database()

        async def twice() -> None:
            await database.gathered.write("once", 1)
            await database.gathered.write("again", 1)

        tasks = [asyncio.create_task(twice())]
        await until(lambda: bool(database.tried))
        for n in range(1, AT_ONCE):
            tasks += database.coming(f"other{n}")
            await until(lambda than=n: len(database.tried) > than)
        database.open.set()
        await asyncio.wait_for(outcomes(tasks), 60)
        assert database.written[-1] == "again"

    asyncio.run(work())
