"""`python -m tests.bench.memory`: what `manage.py up` takes, idle and after work.

Memory is the proportional set size: what processes share is counted once.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tests.bench.figures import Figure, show
from tests.bench.house import House, pss_kb
from tests.bench.load import Spec, run

SETTLE_S = 15.0


def family(pid: int) -> dict[int, str]:
    """`pid` and all processes below it, with their command lines."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int(
                (folder / "stat").read_text().rpartition(")")[2].split()[1]
            )
        except OSError:
            continue
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return {one: _command(one) for one in sorted(found)}


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def kind(command: str) -> str:
    """Which part of the product a process is."""
    if "postgres" in command:
        return "PostgreSQL"
    if "redis-server" in command:
        return "Redis"
    return next((name for name in ("worker", "beat") if f"child {name}" in command), "web")


def sizes(pid: int) -> dict[str, float]:
    """Megabytes of each part."""
    total: dict[str, float] = {}
    for one, command in family(pid).items():
        name = kind(command)
        total[name] = total.get(name, 0.0) + pss_kb(one) / 1024
    return total


def main() -> None:
    with House() as house:
        time.sleep(SETTLE_S)
        idle = sizes(house.pid)
        house.fill(1_000)
        paths = ("/api/tickets", "/api/stats", f"/api/tickets/{house.one_ticket()}")
        for path in paths:
            run(Spec(port=house.port, path=path, headers=house.headers))
        worked = sizes(house.pid)["web"]
    sys.stdout.write("  ".join(f"{name} {size:.0f} MB" for name, size in idle.items()) + "\n")
    show(
        "Memory of `manage.py up`",
        [
            Figure(
                name="everything, idle",
                ours=f"{sum(idle.values()):.0f} MB",
                promise="< 450 MB",
                held=sum(idle.values()) < 450,
            ),
            Figure(
                name="web process, idle",
                ours=f"{idle['web']:.0f} MB",
                promise="< 120 MB",
                held=idle["web"] < 120,
            ),
            Figure(
                name="web process, after requests of 32",
                ours=f"{worked:.0f} MB",
                promise="< 120 MB",
                held=worked < 120,
            ),
        ],
    )


if __name__ == "__main__":
    main()
