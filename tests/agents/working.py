"""A worker's part and the web process's, in tests that ask the whole product over ASGI."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from django.db import connection, connections

from agents import admission
from agents.helpdesk import drive, tasks
from aura.asgi import bridge
from aura.serving import express
from aura.serving.bridge import THREADS


@contextmanager
def working() -> Iterator[None]:
    """Inside, due tasks are driven, as the sweep of a Celery worker does."""
    done = threading.Event()

    def work() -> None:
        try:
            while not done.wait(0.02):
                for run_id in tasks.due_runs():
                    drive.advance(run_id)
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def close_connections_of_bridge() -> None:
    """The threads that answer outlive the test, its database does not."""
    _close_all(bridge.threads, THREADS)
    _close_all(admission._threads, admission.THREADS)
    _close_all(express._looker, 1)


def _close_all(pool: ThreadPoolExecutor, threads: int) -> None:
    met = threading.Barrier(threads)

    def close() -> None:
        met.wait(60)
        connections.close_all()

    for closed in [pool.submit(close) for _ in range(threads)]:
        closed.result()
