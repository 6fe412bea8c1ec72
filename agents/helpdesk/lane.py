"""Where the workers hear of tasks: a list in Redis with the runs that are due.

Celery takes as much of the processors to send a message and to take it as a direct call takes
altogether, and somebody waits for that. Nothing depends on the list: the queue is the database, and
what the list loses is found by the sweep.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

import redis
from django.conf import settings
from django.db import close_old_connections, connections
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from aura.kernel.bell import client
from aura.kernel.ids import parse_uuid

KEY: Final = "aura.runs"
MOST: Final = 10_000  # waiting ids, where no worker takes any
HEAR_S: Final = 1.0  # one question to Redis waits so long
ANSWER_S: Final = 5.0  # for a Redis that hangs
PAUSE_S: Final = 0.5  # while Redis is away

logger = logging.getLogger(__name__)


def put(run_id: UUID) -> None:
    """Have one worker look at this run. Raises `RedisError` or `OSError`."""
    told: Any = client(settings.REDIS_URL)
    if told.rpush(KEY, str(run_id)) > MOST:
        told.ltrim(KEY, -MOST, -1)


class Lane:
    """Threads of a worker, each of which takes the next run and does `work` on it."""

    def __init__(self, work: Callable[[UUID], object]) -> None:
        self._work = work
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, threads: int) -> None:
        for number in range(threads):
            thread = threading.Thread(target=self._run, name=f"lane-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopping.set()

    def join(self) -> None:
        """Wait until what was begun has ended."""
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _run(self) -> None:
        hearing = _hearing()
        try:
            while not self._stopping.is_set():
                run_id = self._next(hearing)
                if run_id is not None:
                    self._do(run_id)
        finally:
            hearing.close()
            connections.close_all()

    def _next(self, hearing: redis.Redis) -> UUID | None:
        try:
            heard: Any = hearing.blpop([KEY], timeout=HEAR_S)
            run_id = parse_uuid(heard[1].decode(errors="replace")) if heard else None
            if run_id is not None and self._stopping.is_set():
                put(run_id)  # for another worker
                return None
        except (RedisError, OSError):
            self._stopping.wait(PAUSE_S)
            return None
        return run_id

    def _do(self, run_id: UUID) -> None:
        try:
            close_old_connections()
            self._work(run_id)
        except Exception:
            logger.exception("run %s could not be worked on; the sweep tries again", run_id)


def _hearing() -> redis.Redis:
    """A connection of its own: it waits for what comes."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=ANSWER_S,
        socket_timeout=ANSWER_S,
        retry=Retry(NoBackoff(), 0),
    )
