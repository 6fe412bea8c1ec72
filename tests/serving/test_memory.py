"""What is left of a large answer in the process that gave it."""

from __future__ import annotations

import subprocess
import sys

from tests.serving.instance import ROOT

MB = 1_000_000
ANSWERS = """
import resource, sys, threading
from pathlib import Path
from aura.serving.memory import give_back

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

kept = []

def answer():
    for _ in range(3):
        large = bytearray(b"x") * 20_000_000
        kept.append(bytes(2000))  # small, and above it
        del large

if sys.argv[1] == "given back":
    give_back()
before = resident()
thread = threading.Thread(target=answer)
thread.start()
thread.join()
print(resident() - before)
"""


def kept(how: str) -> int:
    """Bytes, in a process of its own: what is set stays set."""
    done = subprocess.run(  # noqa: S603 - our own text
        [sys.executable, "-c", ANSWERS, how], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_a_large_answer_leaves_nothing_behind():
    assert kept("as it is") > 15 * MB  # else there is nothing to do
    assert kept("given back") < 5 * MB
