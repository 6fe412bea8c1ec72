"""`python -m tests.bench.demo`: from the command to the plan and to the merged commit, in seconds.

House promises the plan in under 15 s from a warm install. Runs the demo twice, first on an empty
data directory (initdb included), then again on the same one.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.serving.instance import ROOT, bare_environment

PROMISED_S = 15.0
MARKS = {"Ticket:": "ready", "Plan:": "plan", "executing → resolved": "resolved"}


def run(data: Path) -> dict[str, float]:
    """Seconds from the command to each mark."""
    began, seen = time.perf_counter(), {}
    process = subprocess.Popen(
        [sys.executable, "manage.py", "demo"],
        cwd=ROOT,
        env={**bare_environment(), "AURA_DATA_DIR": str(data), "DEMO_APPROVE": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    for line in process.stdout or ():
        for mark, name in MARKS.items():
            if mark in line:
                seen[name] = time.perf_counter() - began
    process.wait()
    seen["ended"] = time.perf_counter() - began
    return seen


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="aura-bench-") as directory:
        rows = {name: run(Path(directory)) for name in ("empty data directory", "warm")}
    for name, seen in rows.items():
        shown = "  ".join(f"{mark} {seconds:5.1f} s" for mark, seconds in seen.items())
        verdict = "holds" if seen["plan"] < PROMISED_S else "DOES NOT HOLD"
        sys.stdout.write(f"{name:22} {shown}  (plan < {PROMISED_S:.0f} s: {verdict})\n")


if __name__ == "__main__":
    main()
