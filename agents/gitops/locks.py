"""Locks between processes, which a dead process cannot keep.

The kernel drops a `flock` when its last descriptor is closed. Every git started while a lock is
held inherits the descriptor (`descriptors`), so the lock stands until that git has ended, even when
the worker that started it was killed. Whoever gets the lock can therefore be sure that a left-over
`index.lock` is nobody's. Local file systems only: NFS has no such promise.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from agents.runtime.interrupt import current
from agents.runtime.tool import TransientFailure

_PAUSE_S = 0.01
_LONGEST_PAUSE_S = 0.1
_held: ContextVar[tuple[int, ...]] = ContextVar("held", default=())


def descriptors() -> tuple[int, ...]:
    """Descriptors of the locks this thread holds, for its child processes."""
    return _held.get()


@contextmanager
def held(path: Path, *, wait_s: float, what: str) -> Iterator[None]:
    """Hold the lock file `path`; `TransientFailure` when another keeps it longer than `wait_s`.

    Not re-entrant. The file stays for ever: removing it would let two hold "the" lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _wait(fd, wait_s, what)
        token = _held.set((*_held.get(), fd))
        try:
            yield
        finally:
            _held.reset(token)
    finally:
        os.close(fd)


def _wait(fd: int, wait_s: float, what: str) -> None:
    deadline = time.monotonic() + wait_s
    pause = _PAUSE_S
    while True:
        current().check()
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise TransientFailure(
                    f"{what} is in use by another worker for more than {wait_s:g} s; try again"
                ) from None
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE_S)
        else:
            return
