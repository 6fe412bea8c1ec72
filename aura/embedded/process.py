"""Starting, asking and ending a server process that lives on after us."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import stat
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

CAP_DAC_OVERRIDE = 1 << 1
# The servers inherit nothing of our environment: no PG* variables, no credentials.
BARE_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}


class ServiceError(Exception):
    """An embedded service cannot run here; the text says what to do instead."""


def packaged(package: str, *parts: str) -> Path | None:
    """A file inside an installed package, found without importing the package."""
    spec = find_spec(package)
    for folder in (spec and spec.submodule_search_locations) or ():
        path = Path(folder, *parts)
        if path.is_file():
            return path
    return None


def answers(path: Path) -> bool:
    """Does anyone listen on the Unix socket at `path`?"""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2)
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


def make_directory(directory: Path) -> None:
    """A directory made for us alone; the mode of an existing one is its owner's business."""
    with usable(directory):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)


@contextmanager
def usable(directory: Path) -> Iterator[None]:
    """What the system refuses inside the block is a `ServiceError` about `directory`."""
    try:
        yield
    except OSError as error:
        raise _unusable(directory, str(error.strerror)) from None


def make_private(directory: Path, owner: int | None = None) -> None:
    """A directory that only `owner` (default: we) may enter; one of someone else is refused."""
    make_directory(directory)
    us = os.geteuid()
    expected = us if owner is None else owner
    found = directory.lstat()
    if found.st_uid not in {us, expected} or stat.S_ISLNK(found.st_mode):
        raise _unusable(directory, f"it belongs to {_name(found.st_uid)}")
    if found.st_uid != expected:
        os.chown(directory, expected, -1)
    if found.st_mode & 0o077:
        directory.chmod(0o700)


def _unusable(directory: Path, reason: str) -> ServiceError:
    return ServiceError(
        f"{directory} cannot be used: {reason}."
        " Start as its owner, or set AURA_DATA_DIR to another directory."
    )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def unprivileged_owner(directory: Path) -> pwd.struct_passwd | None:
    """Account for a server that refuses to run as root, or None when we are not root.

    The owner of an existing directory stays; the system's user database is never changed.
    """
    if os.geteuid() != 0:
        return None
    if directory.exists() and (uid := directory.stat().st_uid):
        with suppress(KeyError):
            return pwd.getpwuid(uid)
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise ServiceError(
        "PostgreSQL refuses to run as root and there is no account `nobody` to run it as:"
        " start as an ordinary user or set AURA_DATABASE_URL."
    )


def as_owner(command: Sequence[str], owner: pwd.struct_passwd | None) -> list[str]:
    """`command` run as `owner`, still able to enter directories that only root may enter.

    Keeping that one capability spares us what the alternative needs: opening /root (or wherever
    the data directory lies) to everyone.
    """
    if owner is None:
        return list(command)
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise ServiceError(
            "PostgreSQL refuses to run as root and `setpriv` (package util-linux) is not here to"
            " run it as another user: start as an ordinary user or set AURA_DATABASE_URL."
        )
    drop = [f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
    if _may_override():
        drop += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    return [setpriv, *drop, *command]


def _may_override() -> bool:
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return False
    effective = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective.split()[1], 16) & CAP_DAC_OVERRIDE)


def launch(command: Sequence[str], *, log: Path) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own, so that Ctrl-C in our terminal does not reach it."""
    with os.fdopen(os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600), "ab") as out:
        return subprocess.Popen(  # noqa: S603 - our own binary with our own arguments
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd="/",
            env=BARE_ENVIRONMENT,
            start_new_session=True,
        )


def last_lines(log: Path, count: int = 3) -> str:
    """End of a log file, for an error message."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return "no log was written"
    return " | ".join(lines[-count:]) or "the log is empty"


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def wait_gone(pid: int, child: subprocess.Popen[bytes] | None, timeout_s: float) -> bool:
    """Wait until process `pid` has ended; `child` is its handle when it is ours to reap."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if child is not None and child.pid == pid:
            child.poll()
        if not alive(pid):
            return True
        time.sleep(0.02)
    return False
