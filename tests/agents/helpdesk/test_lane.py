"""The list in Redis from which the threads of workers take the runs that are due."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

import pytest
from django.conf import settings

from agents.helpdesk import lane, news
from agents.helpdesk.lane import Lane
from aura.kernel.bell import client
from tests.serving.instance import eventually

LONG_S = 30.0


@pytest.fixture(autouse=True)
def nothing_waits() -> Iterator[None]:
    client(settings.REDIS_URL).delete(lane.KEY)
    yield
    client(settings.REDIS_URL).delete(lane.KEY)


@contextmanager
def working(work, threads: int = 2) -> Iterator[Lane]:
    made = Lane(work)
    made.start(threads)
    try:
        yield made
    finally:
        made.stop()
        made.join()


def waiting() -> int:
    return int(client(settings.REDIS_URL).llen(lane.KEY))


def test_each_run_is_looked_at_once():
    seen: list[UUID] = []
    wanted = [uuid4() for _ in range(20)]
    with working(seen.append):
        for run_id in wanted:
            lane.put(run_id)
        eventually(lambda: len(seen) >= len(wanted), LONG_S)
    assert sorted(seen) == sorted(wanted)


def test_two_are_worked_on_at_the_same_time():
    met = threading.Barrier(2)
    with working(lambda _: met.wait(LONG_S)):
        lane.put(uuid4())
        lane.put(uuid4())
        eventually(lambda: not waiting(), LONG_S)
    assert not met.broken


def test_one_that_fails_is_told_of_and_the_next_one_is_worked_on(caplog):
    seen: list[UUID] = []
    bad = uuid4()

    def work(run_id) -> None:
        if run_id == bad:
            raise ValueError("a bug")
        seen.append(run_id)

    with caplog.at_level(logging.ERROR), working(work, threads=1):
        lane.put(bad)
        lane.put(good := uuid4())
        eventually(lambda: seen == [good], LONG_S)
    assert f"run {bad} could not be worked on" in caplog.text


def test_words_that_are_no_run_are_passed_over():
    seen: list[UUID] = []
    client(settings.REDIS_URL).rpush(lane.KEY, "nonsense", b"\xff")
    with working(seen.append, threads=1):
        lane.put(run_id := uuid4())
        eventually(lambda: seen == [run_id], LONG_S)


def test_a_lane_that_stops_leaves_the_rest_to_others():
    seen: list[UUID] = []
    with working(seen.append) as one:
        one.stop()
        lane.put(run_id := uuid4())
    assert seen == []
    with working(seen.append):
        eventually(lambda: seen == [run_id], LONG_S)


def test_while_nobody_works_the_list_does_not_grow_for_ever(monkeypatch):
    monkeypatch.setattr(lane, "MOST", 3)
    newest = [uuid4() for _ in range(5)][-3:]
    for run_id in [uuid4(), uuid4(), *newest]:
        lane.put(run_id)
    assert client(settings.REDIS_URL).lrange(lane.KEY, 0, -1) == [
        str(run_id).encode() for run_id in newest
    ]


def test_a_wake_up_that_cannot_be_sent_is_told_of_and_fails_nobody(settings, caplog):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    with caplog.at_level(logging.WARNING):
        news.wake_now(run_id := uuid4())
        eventually(lambda: f"the wake-up of run {run_id} could not be sent" in caplog.text, LONG_S)
