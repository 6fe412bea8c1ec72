"""What is asked of the machine: fixed commands, no shell, nothing of our own environment."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from subprocess import DEVNULL, PIPE, STDOUT, Popen

from agents.runtime.interrupt import current

TIMEOUT_S = 10.0
MOST_BYTES = 1 << 20
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C",
    "TERM": "dumb",
}
CUT = f"\n[cut after {MOST_BYTES} bytes]\n"

OS = {
    "uname": ("uname", "-a"),
    "uptime": ("uptime",),
    "hostname": ("hostname",),
    "top": ("top", "-b", "-n", "1", "-w", "200"),
    "ps": ("ps", "auxww"),  # command lines, never their environment
    "free": ("free", "-m"),
    "vmstat": ("vmstat", "1", "2"),
    "dmesg": ("dmesg",),
    "sysctl": ("sysctl", "-a"),
}
STORAGE = {
    "df": ("df", "-h"),
    "df_inodes": ("df", "-i"),
    "mount": ("mount",),
    "lsblk": ("lsblk",),
    "iostat": ("iostat", "-x", "1", "2"),
}


class CommandFailed(Exception):
    """A command did not do it; the text says why in one line. `output` is what it left."""

    def __init__(self, message: str, output: str = "") -> None:
        super().__init__(message)
        self.output = output


def run(argv: tuple[str, ...], *, timeout_s: float = TIMEOUT_S) -> str:
    """What a command says. Raises `CommandFailed`; the command and its children end with it."""
    try:
        process = Popen(  # noqa: S603 - one of the fixed commands above
            argv,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            env=ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
    except FileNotFoundError:
        raise CommandFailed(f"{argv[0]} is not installed on this host") from None
    except OSError as error:
        raise CommandFailed(f"{argv[0]} cannot be started: {error.strerror}") from None
    output, in_time = _read(process, timeout_s)
    current().check()
    text = output[:MOST_BYTES].decode(errors="replace")
    if not in_time:
        raise CommandFailed(f"{argv[0]} did not end within {timeout_s:g} s", text)
    if len(output) > MOST_BYTES:
        return text + CUT
    if process.returncode:
        last = text.strip().rpartition("\n")[2][:200]
        raise CommandFailed(f"{argv[0]} ended with status {process.returncode}: {last}", text)
    return text


def _read(process: Popen[bytes], timeout_s: float) -> tuple[bytes, bool]:
    """At most a byte more than is kept, and whether that was there in time."""
    late = threading.Event()

    def end() -> None:
        late.set()
        _kill(process.pid)

    timer = threading.Timer(timeout_s, end)
    timer.daemon = True
    timer.start()
    assert process.stdout is not None  # noqa: S101 - it is a pipe; for the types
    try:
        with current().ending_group(process.pid), process.stdout:
            output = process.stdout.read(MOST_BYTES + 1)
            if len(output) > MOST_BYTES:
                _kill(process.pid)
            process.wait()
    finally:
        timer.cancel()
    return output, not late.is_set()


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
