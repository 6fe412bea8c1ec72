"""Real PostgreSQL servers for these tests: the embedded one of the run, and one of version 15."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.evaluation.database.cluster import Cluster, free_port, home

OLD = Path("/usr/lib/postgresql/15/bin")
SETTINGS = {
    "fsync": "off",
    "wal_level": "replica",
    "max_connections": "40",
    "log_min_messages": "fatal",
}
PRELOADED = {"shared_preload_libraries": "pg_stat_statements"}  # the embedded one has no such
PASSWORD = "correct-horse-7"


@dataclass(frozen=True)
class Server(Cluster):
    """A cluster with the settings of these tests on its command line."""

    collects_log: bool = False

    @property
    def options(self) -> str:
        settings = SETTINGS | (PRELOADED if self.binaries == OLD else {})
        settings = settings | ({"logging_collector": "on"} if self.collects_log else {})
        return super().options + "".join(f" -c {key}={value}" for key, value in settings.items())

    def tcp(
        self, user: str, password: str = PASSWORD, dbname: str = "postgres", **more: Any
    ) -> str:
        return super().tcp(user, password, dbname, **more)

    def processes(self) -> list[int]:
        """The postmaster and all of its children."""
        first = int((self.data / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        return [first, *map(int, children)]


@contextmanager
def server(binaries: Path, *, collects_log: bool = False) -> Iterator[Server]:
    """A new cluster; local connections are trusted, those by TCP need a password."""
    with home() as directory:
        made = Server(binaries, directory, free_port(), collects_log)
        made.initialize()
        with made.running():
            yield made


@contextmanager
def standby_of(primary: Server) -> Iterator[Server]:
    """A streaming standby of another server."""
    with home() as directory:
        made = Server(primary.binaries, directory, free_port())
        made.follow(primary)
        with made.running():
            yield made


def inventory(file: Path, **databases: dict[str, Any]) -> None:
    """Write an inventory that lists these."""
    file.write_text(json.dumps({"db_servers": databases}))


def until(condition: Any, timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)
