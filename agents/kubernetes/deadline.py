"""A hard end for work outside, whatever it hangs in: name resolution, TLS, one byte a second."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def within(seconds: float, work: Callable[[], T]) -> T:
    """The result of `work`. Raises `TimeoutError` after `seconds`; what hangs is left to itself."""
    done: Future[T] = Future()
    Thread(target=_run, args=(work, done), name="kubernetes-request", daemon=True).start()
    return done.result(seconds)


def _run(work: Callable[[], T], done: Future[T]) -> None:
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 - the thread that waits raises it
        done.set_exception(error)
    else:
        done.set_result(result)
