"""Processes of this machine: what they are called with, and what a new one prints."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path


def processes() -> list[tuple[int, str]]:
    """(process id, command line) of each that runs now."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
            found.append((int(folder.name), command.decode(errors="replace")))
    return found


def command_lines(part: str) -> list[str]:
    """Those that hold `part`."""
    return [command for _, command in processes() if part in command]


def printed_by(program: str) -> str:
    """What a fresh Python prints that runs this in our checkout. Raises when it fails."""
    done = subprocess.run(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", program],
        cwd=Path(__file__).resolve().parents[1],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.strip()
