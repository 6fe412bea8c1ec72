"""The file of checkpoints: appended to, outside the database, and the signer's memory.

One line a checkpoint, JSON: `{"note": "…"}` in the order of signing, and `{"witnessed": "…"}` for
the same with the signature of a witness. A line that a crash tore is passed over.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from governance.audit.notes import BadNote, Note

TAIL_BYTES = 64 * 1024
LOOK_AGAIN_S = 0.005


class Busy(Exception):
    """Another process holds the file for too long."""


class CheckpointFile:
    """An open file, held alone; see `held`."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def size(self) -> int:
        """Bytes in it: who finds it as they left it has missed nothing."""
        return os.fstat(self._handle).st_size

    def last(self) -> Note | None:
        """The last whole note."""
        size = self.size()
        start = max(0, size - TAIL_BYTES)
        tail = os.pread(self._handle, size - start, start)
        found = None
        for line in tail.split(b"\n"):
            found = _note(line) or found
        return found

    def append_beside(self, note: Note) -> None:
        """Add one that is not the newest: `last` does not see it."""
        self._write({"witnessed": str(note)}, durably=True)

    def append(self, note: Note, *, durably: bool) -> None:
        """Add the newest. `durably`: it also survives a crash of the machine."""
        self._write({"note": str(note)}, durably=durably)

    def _write(self, entry: dict[str, str], *, durably: bool) -> None:
        size = self.size()
        whole = size == 0 or os.pread(self._handle, 1, size - 1) == b"\n"
        line = json.dumps(entry, ensure_ascii=False)
        data = f"{'' if whole else chr(10)}{line}\n".encode()
        if os.write(self._handle, data) < len(data):  # so a disk that fills up says it first
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if durably:
            os.fdatasync(self._handle)


@contextmanager
def held(path: Path, patience_s: float) -> Iterator[CheckpointFile]:
    """The file, while no other process has it. Raises `Busy`, or OSError when it cannot be used."""
    handle = _opened(path)
    try:
        _lock(handle, patience_s)
        yield CheckpointFile(handle)
    finally:
        os.close(handle)


def _opened(path: Path) -> int:
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
    try:
        return os.open(path, flags, 0o600)
    except FileNotFoundError:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, flags, 0o600)


def _lock(handle: int, patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise Busy("another process holds the file of checkpoints") from None
            time.sleep(LOOK_AGAIN_S)
        else:
            return


def notes(path: Path) -> Iterator[Note]:
    """Every note of a file, witnessed ones too, the oldest first; none where there is no file."""
    if not path.exists():
        return
    with path.open("rb") as lines:
        for line in lines:
            if note := _note(line) or _note(line, "witnessed"):
                yield note


def placed(path: Path, start: int = 0) -> Iterator[tuple[Note, int]]:
    """(note, where its line ends) in the order of signing, from byte `start` on."""
    if not path.exists():
        return
    with path.open("rb") as lines:
        lines.seek(start if start <= path.stat().st_size else 0)
        end = lines.tell()
        for line in lines:
            end += len(line)
            if note := _note(line):
                yield note, end


def _note(line: bytes, name: str = "note") -> Note | None:
    try:
        return Note.read(json.loads(line)[name])
    except (ValueError, TypeError, KeyError, AttributeError, BadNote):
        return None
