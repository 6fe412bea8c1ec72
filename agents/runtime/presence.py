"""Which runs the live workers of this machine hold, told by the kernel.

A lease says how long a worker that is not heard of must be believed to live. A mark says at once
that it does not: it is a locked file, and the kernel drops the lock with the process, also by
`kill -9`. And as long as the lock stands, nobody on this machine begins the same work a second
time, even when the database was away so long that the lease has run out.

Marks lie on a local disk; of workers on other machines only their leases are known.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from django.conf import settings

from aura.kernel.ids import parse_uuid

PATIENCE_S = 1.0
PAUSE_S = 0.01


@dataclass(frozen=True, slots=True)
class Mark:
    """A locked file that says under which token a run is being worked on."""

    handle: int

    def note(self, token: int) -> None:
        """Say which claim this is, before the claim is committed."""
        os.pwrite(self.handle, f"{token:20}".encode(), 0)

    def token(self) -> int | None:
        """The noted token; None when its worker died before it noted one."""
        text = os.pread(self.handle, 20, 0).decode(errors="replace").strip()
        return int(text) if text.isdigit() else None


@contextmanager
def marked(run_id: UUID, *, wanted: Callable[[], bool] = lambda: True) -> Iterator[Mark | None]:
    """Hold the mark of a run until the end of the block; None while another holds it here.

    Where another does, it is waited for a little if it is still `wanted` then.
    It is taken away at the end, however the block ends: only a killed process leaves one.
    """
    directory = _directory()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / str(run_id)
    handle = _patiently_locked(path, wanted)
    try:
        yield None if handle is None else Mark(handle)
    finally:
        if handle is not None:
            path.unlink(missing_ok=True)
            os.close(handle)


def abandoned() -> Iterator[tuple[UUID, int]]:
    """(run, token) of every claim that a killed worker of this machine left.

    The mark goes when the next one is asked for: who is killed in between leaves it for others.
    """
    with suppress(FileNotFoundError):
        for path in list(_directory().iterdir()):
            handle = _locked(path)
            if handle is None:
                continue
            try:
                token, run_id = Mark(handle).token(), parse_uuid(path.name)
                if token is not None and run_id is not None:
                    yield run_id, token
                path.unlink(missing_ok=True)
            finally:
                os.close(handle)


def _directory() -> Path:
    data: Path = settings.AURA.data
    return data / "claims"


def _patiently_locked(path: Path, wanted: Callable[[], bool]) -> int | None:
    """The lock, also when its last holder is just leaving: a wake-up then is not lost."""
    handle = _locked(path, os.O_RDWR | os.O_CREAT)
    if handle is not None or not wanted():
        return handle
    deadline = time.monotonic() + PATIENCE_S
    while (handle := _locked(path, os.O_RDWR | os.O_CREAT)) is None:
        if time.monotonic() > deadline:
            return None
        time.sleep(PAUSE_S)
    return handle


def _locked(path: Path, flags: int = os.O_RDWR) -> int | None:
    """Descriptor of the locked file; None when it is locked elsewhere, or gone."""
    try:
        handle = os.open(path, flags, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever held it may have removed it just before letting go: then it is nobody's file.
        if os.fstat(handle).st_ino == path.stat().st_ino:
            return handle
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(handle)
    return None
