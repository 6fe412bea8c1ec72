"""The counts of all processes of one data directory, added up for one scrape.

prometheus_client's multiprocess mode, with one difference: files are named by role and place
(`worker-0`) instead of by process id. A process holds its place by a file lock; one that was killed
leaves the place to its successor, who counts on, so totals never fall and no files pile up.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import prometheus_client.values
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.values import MultiProcessValue

PLACES = 64
DIRECTORY = "metrics"
VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
LOCK = ".lock"
_held: list[tuple[str, int]] = []  # (place, its lock) of this process


def enable(data: Path, role: str) -> str:
    """Keep what this process counts below `data`; its place. Once a process; before counting."""
    if _held:
        return _held[0][0]
    directory = data / DIRECTORY
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    place, lock = _take(directory, role)
    _held.append((place, lock))
    for stale in directory.glob(f"gauge_live*_{place}.db"):
        stale.unlink(missing_ok=True)
    # The library reads its directory from the environment alone, at every new value.
    os.environ[VARIABLE] = str(directory)  # noqa: TID251 - written for the library, not read
    prometheus_client.values.ValueClass = MultiProcessValue(lambda: place)  # type: ignore[no-untyped-call] # as the library is
    return place


def place() -> str:
    """The place of this process, `process` when it shares its counts with nobody."""
    return _held[0][0] if _held else "process"


def _take(directory: Path, role: str) -> tuple[str, int]:
    for number in range(PLACES):
        name = f"{role}-{number}"
        handle = os.open(directory / (name + LOCK), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            continue
        os.truncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        return name, handle
    raise RuntimeError(f"{PLACES} processes of role {role} already count in {directory}")


def living(directory: Path) -> dict[str, int]:
    """Place -> process id of everybody who holds one."""
    found = {}
    for lock in sorted(directory.glob(f"*{LOCK}")):
        with lock.open() as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                with suppress(ValueError):
                    found[lock.name.removesuffix(LOCK)] = int(handle.read() or 0)
    return found


class Everybody(MultiProcessCollector):
    """The sums of all processes, and what the system says of each that lives."""

    def __init__(self, directory: Path) -> None:
        super().__init__(None, path=str(directory))  # type: ignore[no-untyped-call] # as the library is
        self.directory = directory

    def collect(self) -> Iterator[Metric]:
        processes = living(self.directory)
        for file in self.directory.glob("gauge_live*.db"):
            if file.stem.rpartition("_")[2] not in processes:
                file.unlink(missing_ok=True)  # what a dead process held open is closed
        yield from super().collect()  # type: ignore[no-untyped-call] # as the library is
        yield from _of_system(processes)


def _of_system(processes: dict[str, int]) -> Iterator[Metric]:
    memory = GaugeMetricFamily(
        "aura_process_resident_memory_bytes", "Memory of a process", labels=["process"]
    )
    cpu = GaugeMetricFamily(
        "aura_process_cpu_seconds", "CPU time used since the process began", labels=["process"]
    )
    files = GaugeMetricFamily(
        "aura_process_open_fds", "Open files of a process", labels=["process"]
    )
    for name, pid in processes.items():
        with suppress(OSError, ValueError, IndexError):
            numbers = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            memory.add_metric([name], int(numbers[21]) * os.sysconf("SC_PAGE_SIZE"))
            ticks = int(numbers[11]) + int(numbers[12])
            cpu.add_metric([name], ticks / os.sysconf("SC_CLK_TCK"))
            files.add_metric([name], sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()))
    yield from (memory, cpu, files)


def registry(data: Path) -> CollectorRegistry:
    """Everything that was counted below `data`, for one scrape after another."""
    directory = data / DIRECTORY
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    every = CollectorRegistry()
    every.register(Everybody(directory))
    return every
