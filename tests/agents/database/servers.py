"""Real PostgreSQL servers for these tests: the embedded one of the run, and one of version 15."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from aura.embedded.process import BARE_ENVIRONMENT, as_owner, unprivileged_owner

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
class Server:
    """A cluster below `home`, on a port of 127.0.0.1 and on a Unix socket in `home`."""

    binaries: Path
    home: Path
    port: int
    collects_log: bool = False

    @property
    def data(self) -> Path:
        return self.home / "data"

    def dsn(self, user: str = "postgres", dbname: str = "postgres", **more: Any) -> str:
        return psycopg.conninfo.make_conninfo(
            "", host=str(self.home), port=self.port, user=user, dbname=dbname, **more
        )

    def tcp(self, user: str, password: str = PASSWORD, dbname: str = "postgres") -> str:
        return psycopg.conninfo.make_conninfo(
            "", host="127.0.0.1", port=self.port, user=user, password=password, dbname=dbname
        )

    def run(self, *command: str) -> None:
        owner = unprivileged_owner(self.home)
        full = as_owner([str(self.binaries / command[0]), *command[1:]], owner)
        done = subprocess.run(  # noqa: S603
            full, env=BARE_ENVIRONMENT, cwd="/", capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        options = f"-k {self.home} -p {self.port} -h 127.0.0.1"
        settings = SETTINGS | (PRELOADED if self.binaries == OLD else {})
        settings = settings | ({"logging_collector": "on"} if self.collects_log else {})
        options += "".join(f" -c {key}={value}" for key, value in settings.items())
        log = str(self.home / "log")
        self.run("pg_ctl", "-D", str(self.data), "-w", "-l", log, "-o", options, "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", str(self.data), "-m", "immediate", "-w", "stop")

    def processes(self) -> list[int]:
        """The postmaster and all of its children."""
        first = int((self.data / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        return [first, *map(int, children)]


@contextmanager
def server(binaries: Path, *, collects_log: bool = False) -> Iterator[Server]:
    """A new cluster; local connections are trusted, those by TCP need a password."""
    home = Path(tempfile.mkdtemp(prefix="aura-pg-"))
    owner = unprivileged_owner(home / "data")
    if owner:
        os.chown(home, owner.pw_uid, owner.pw_gid)
    made = Server(binaries, home, free_port(), collects_log)
    try:
        made.run(
            *("initdb", "-D", str(made.data), "-U", "postgres", "--no-sync", "--locale=C"),
            *("--encoding=UTF8", "--auth-local=trust", "--auth-host=scram-sha-256"),
        )
        made.start()
        try:
            yield made
        finally:
            made.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def standby_of(primary: Server) -> Iterator[Server]:
    """A streaming standby of another server."""
    home = Path(tempfile.mkdtemp(prefix="aura-pg-"))
    owner = unprivileged_owner(home / "data")
    if owner:
        os.chown(home, owner.pw_uid, owner.pw_gid)
    made = Server(primary.binaries, home, free_port())
    try:
        made.run(
            *("pg_basebackup", "-D", str(made.data), "-R", "-X", "stream", "--no-sync"),
            *("-c", "fast", "-d", primary.dsn(dbname="replication", password="hidden-7")),
        )
        made.start()
        try:
            yield made
        finally:
            made.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def inventory(file: Path, **databases: dict[str, Any]) -> None:
    """Write an inventory that lists these."""
    file.write_text(json.dumps({"db_servers": databases}))


def until(condition: Any, timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)
