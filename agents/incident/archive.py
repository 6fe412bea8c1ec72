"""The archive of a bundle: written whole or not at all, readable by its owner alone."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from secrets import token_hex

OWNER_ONLY = 0o600
OWNER_DIRECTORY = 0o700
SUFFIX = ".tar.gz"


class NotWritten(Exception):
    """The archive could not be written; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Where the archive is, its size in bytes, and its SHA-256 in hex."""

    path: Path
    size: int
    sha256: str


def write(directory: Path, name: str, files: Mapping[str, str], *, at: datetime) -> Written:
    """Put `files` (path in the archive -> text) under one folder `name`. Raises `NotWritten`."""
    data = packed(name, files.items(), at=at)
    path = directory / f"{name}{SUFFIX}"
    beside = directory / f".{name}-{token_hex(4)}"
    try:
        directory.mkdir(mode=OWNER_DIRECTORY, parents=True, exist_ok=True)
        _write(beside, data)
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        reason = error.strerror or error
        raise NotWritten(
            f"{path} cannot be written: {reason}; see HELPDESK_INCIDENT_DIR"
        ) from error
    return Written(path=path, size=len(data), sha256=hashlib.sha256(data).hexdigest())


def packed(name: str, files: Iterable[tuple[str, str]], *, at: datetime) -> bytes:
    """The bytes of the archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(_member(name, at, directory=True))
        for path, text in files:
            body = text.encode(errors="replace")
            member = _member(f"{name}/{path}", at)
            member.size = len(body)
            archive.addfile(member, io.BytesIO(body))
    return buffer.getvalue()


def _member(path: str, at: datetime, *, directory: bool = False) -> tarfile.TarInfo:
    member = tarfile.TarInfo(path)
    member.mtime = int(at.timestamp())
    member.mode = OWNER_DIRECTORY if directory else OWNER_ONLY
    member.type = tarfile.DIRTYPE if directory else tarfile.REGTYPE
    return member


def _write(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, OWNER_ONLY)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
