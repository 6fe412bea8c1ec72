"""The floor of every wake-up: a Celery worker of its own that does nothing but note when it began.

`celery -A tests.bench.hop worker`, with BENCH_REDIS_URL set; `Hop` starts it and measures.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Self

import redis
from celery import Celery

from tests.serving.instance import ROOT, bare_environment

VARIABLE = "BENCH_REDIS_URL"
TASK = "bench.note"
KEY = "bench.begun"

app = Celery("bench", broker=os.environ.get(VARIABLE))  # noqa: TID251 - a process of the bench's own
app.conf.task_ignore_result = True


@app.task(name=TASK)
def note() -> None:
    """When the task began, in seconds of the epoch."""
    _redis(app.conf.broker_url).rpush(KEY, time.time())


def _redis(url: str) -> redis.Redis:
    return redis.Redis.from_url(url.replace("redis+socket", "unix").replace("virtual_host", "db"))


class Hop:
    """A bare worker on a Redis; inside `with` it answers."""

    def __init__(self, socket: str, database: int) -> None:
        self._url = f"redis+socket://{socket}?virtual_host={database}"
        self._redis = redis.Redis(unix_socket_path=socket, db=database)
        app.conf.broker_url = self._url

    def __enter__(self) -> Self:
        arguments = ["--pool=threads", "--concurrency=8", "--without-gossip", "--without-mingle"]
        command = [sys.executable, "-m", "celery", "-A", "tests.bench.hop", "worker", *arguments]
        self._worker = subprocess.Popen(  # noqa: S603 - our own module
            [*command, "--without-heartbeat", "--loglevel=ERROR"],
            cwd=ROOT,
            env=bare_environment() | {VARIABLE: self._url},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.once_ms()
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.terminate()
        self._worker.wait(20)

    def once_ms(self) -> float:
        """From before the message is sent until its task begins."""
        sent = time.time()
        app.send_task(TASK)
        found = self._redis.blpop([KEY], timeout=60)
        assert found is not None, "the bare worker does not answer"
        return (float(found[1]) - sent) * 1000
