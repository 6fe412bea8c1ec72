"""One `up` for one data directory."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aura.embedded.process import usable


class AlreadyRunning(Exception):
    """Another process holds the directory."""


def holder(data: Path) -> int:
    """Process id of the `up` that holds the directory; 0 when none does."""
    try:
        with (data / "up.lock").open() as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = (data / "up.lock").read_text().strip()
        return int(text) if text.isdigit() else -1
    except OSError:
        return 0
    return 0


@contextmanager
def only_instance(data: Path) -> Iterator[None]:
    """Hold the data directory until the end of the block or of the process.

    Raises `AlreadyRunning`, and `ServiceError` for a directory that cannot be used.
    """
    path = data / "up.lock"
    with usable(data):
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = path.read_text().strip() or "?"
            raise AlreadyRunning(
                f"Another `manage.py up` (process {other}) already runs on {data}: end it first"
                " (Ctrl-C there), or set AURA_DATA_DIR and the ports for a second one."
            ) from None
        os.truncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)
