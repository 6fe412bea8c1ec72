"""Runs a program in bubblewrap: no network, no files but the system's and one directory, limits.

The directory is there to be read. What a ticket changes goes through the file tools, where each
path is named, approved and checked; a program that writes could not be held to that.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from agents.runtime.interrupt import current
from agents.runtime.tool import ToolFailure

WORK: Final = "/work"  # where the program finds the directory
MAX_OUTPUT: Final = 64 << 10  # bytes of each stream that are kept
MAX_FILE: Final = 64 << 20  # bytes of a file that the program writes, all of them in /tmp
MAX_TMP: Final = 128 << 20  # bytes of /tmp
MAX_PROCESSES: Final = 128
CHECK_S: Final = 10
_MEBI: Final = 1 << 20
_SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC: Final = ("/etc/alternatives", "/etc/ld.so.cache", "/etc/ssl/certs", "/etc/ca-certificates")
_NOBODY: Final = "65534"
_ENVIRONMENT: Final = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/tmp",  # noqa: S108 - the sandbox's own, in memory
    "TMPDIR": "/tmp",  # noqa: S108 - likewise
    "LANG": "C.UTF-8",
}


class CannotStart(ToolFailure):
    """There is no sandbox here, so nothing is run; the text says what the operator can do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`memory_mb` is of each process; processor time is bounded by `seconds` too; `output` are the
    bytes of each stream that are kept.
    """

    seconds: int
    memory_mb: int
    output: int = MAX_OUTPUT


@dataclass(frozen=True, slots=True)
class Mount:
    """A further directory to be read: `outside` is seen as `inside`, its `bin` is on the PATH."""

    outside: Path
    inside: str
    bin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a program ended. `code` is None where its time was up; a signal is 128 + its number."""

    code: int | None
    stdout: bytes
    stderr: bytes
    cut: bool


def command(
    bwrap: str,
    program: Sequence[str],
    *,
    directory: Path,
    cwd: str,
    limits: Limits,
    mounts: Sequence[Mount] = (),
) -> list[str]:
    """The argv that runs `program` in the sandbox, in `cwd` of `directory`."""
    path = ":".join([*(f"{m.inside}/{m.bin}" for m in mounts), _ENVIRONMENT["PATH"]])
    variables = {**_ENVIRONMENT, "PATH": path}
    return [
        bwrap,
        *("--unshare-all", "--die-with-parent", "--new-session", "--clearenv"),
        *("--uid", _NOBODY, "--gid", _NOBODY, "--cap-drop", "ALL", "--hostname", "sandbox"),
        *_system(),
        *("--proc", "/proc", "--dev", "/dev"),
        *("--size", str(MAX_TMP), "--tmpfs", "/tmp"),  # noqa: S108 - the sandbox's own, in memory
        *("--ro-bind", str(directory), WORK),
        *(word for m in mounts for word in ("--ro-bind", str(m.outside), m.inside)),
        *("--chdir", f"{WORK}/{cwd}" if cwd else WORK),
        *(word for name, value in variables.items() for word in ("--setenv", name, value)),
        "--",
        *_limited(limits),
        *program,
    ]


def _system() -> list[str]:
    """The system's programs and libraries to be read; where they are links, the same links."""
    words: list[str] = []
    for path in map(Path, _SYSTEM):
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            words += ["--ro-bind", str(path), str(path)]
    for name in _ETC:
        words += ["--ro-bind-try", name, name]
    return words


def _limited(limits: Limits) -> list[str]:
    """util-linux's prlimit sets the limits inside, and becomes the program."""
    return [
        "prlimit",
        f"--data={limits.memory_mb * _MEBI}",
        f"--cpu={limits.seconds}",
        f"--nproc={MAX_PROCESSES}",
        f"--fsize={MAX_FILE}",
        "--core=0",
        "--",
    ]


def check(bwrap: str, *, directory: Path) -> None:
    """Raises `CannotStart` where a sandbox with nothing but `true` in it does not run."""
    limits = Limits(seconds=CHECK_S, memory_mb=256)
    ended = run(bwrap, ["true"], directory=directory, cwd="", limits=limits)
    if ended.code != 0:
        said = " ".join(ended.stderr.decode(errors="replace").split())[-300:]
        raise CannotStart(
            "refused: the sandbox cannot start on this machine, and without one"
            f" nothing is run ({said or 'no answer'}). Whoever runs Aura can allow unprivileged"
            " user namespaces to the worker."
        )


def run(
    bwrap: str,
    program: Sequence[str],
    *,
    directory: Path,
    cwd: str,
    limits: Limits,
    mounts: Sequence[Mount] = (),
) -> Ended:
    """Run it to its end, at most `limits.seconds`. Raises `CannotStart` where bwrap is missing."""
    found = shutil.which(bwrap)
    if found is None:
        raise CannotStart(
            f"refused: {bwrap} is not installed where the workers run, and without a"
            " sandbox nothing is run. Whoever runs Aura can install bubblewrap."
        )
    argv = command(found, program, directory=directory, cwd=cwd, limits=limits, mounts=mounts)
    interrupt = current()
    interrupt.check()
    process = subprocess.Popen(  # noqa: S603 - an argv, no shell; the program is in the sandbox
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={},
        start_new_session=True,
    )
    with interrupt.ending_group(process.pid):
        ended = _collected(process, limits)
    interrupt.check()
    return ended


def _collected(process: subprocess.Popen[bytes], limits: Limits) -> Ended:
    assert process.stdout is not None  # noqa: S101 - both are pipes
    assert process.stderr is not None  # noqa: S101
    out = _Stream(process, process.stdout, limits.output)
    err = _Stream(process, process.stderr, limits.output)
    code: int | None
    try:
        code = process.wait(limits.seconds)
    except subprocess.TimeoutExpired:
        code = None
    finally:
        _kill(process)
    out.join()
    err.join()
    cut = out.cut or err.cut
    return Ended(code=None if cut else _shell_like(code), stdout=out.kept, stderr=err.kept, cut=cut)


def _shell_like(code: int | None) -> int | None:
    return 128 - code if code is not None and code < 0 else code


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End bwrap; with it goes everything that lives in its process namespace."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class _Stream(threading.Thread):
    """Reads one pipe; a program that says more than is kept is ended."""

    def __init__(self, process: subprocess.Popen[bytes], pipe: IO[bytes], most: int) -> None:
        super().__init__(daemon=True)
        self.kept = b""
        self.cut = False
        self._process = process
        self._pipe = pipe
        self._most = most
        self.start()

    def run(self) -> None:
        with self._pipe as pipe:
            while piece := os.read(pipe.fileno(), MAX_OUTPUT):
                room = self._most - len(self.kept)
                self.kept += piece[:room]
                if len(piece) > room:
                    self.cut = True
                    with suppress(ProcessLookupError):
                        os.killpg(self._process.pid, signal.SIGKILL)
                    return
