"""A PostgreSQL cluster that is made for one purpose and thrown away, and a standby of it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg.conninfo import make_conninfo

from aura.embedded.process import BARE_ENVIRONMENT, ServiceError, as_owner, unprivileged_owner

BOSS = "postgres"


@dataclass(frozen=True)
class Cluster:
    """A server below `home`, on a port of 127.0.0.1 and on a Unix socket in `home`."""

    binaries: Path
    home: Path
    port: int

    @property
    def data(self) -> Path:
        return self.home / "data"

    def dsn(self, user: str = BOSS, dbname: str = BOSS, **more: Any) -> str:
        """By the socket, where everybody is trusted."""
        return make_conninfo(
            "", host=str(self.home), port=self.port, user=user, dbname=dbname, **more
        )

    def tcp(self, user: str, password: str, dbname: str = BOSS, **more: Any) -> str:
        """By the network, where a password is asked for."""
        said = {"user": user, "password": password, "dbname": dbname, **more}
        return make_conninfo("", host="127.0.0.1", port=self.port, **said)

    def run(self, *command: str) -> None:
        """A program of PostgreSQL, as the owner of the data."""
        full = as_owner(
            [str(self.binaries / command[0]), *command[1:]], unprivileged_owner(self.home)
        )
        done = subprocess.run(  # noqa: S603 - our own command line
            full, env=BARE_ENVIRONMENT, cwd="/", capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise ServiceError(f"{command[0]}: {done.stdout}{done.stderr}")

    @property
    def options(self) -> str:
        """What the server is started with."""
        return f"-k {self.home} -p {self.port} -h 127.0.0.1"

    def start(self) -> None:
        log = str(self.home / "log")
        self.run("pg_ctl", "-D", str(self.data), "-w", "-l", log, "-o", self.options, "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", str(self.data), "-m", "immediate", "-w", "stop")

    def initialize(self, *options: str) -> None:
        """Local connections are trusted, those by TCP need a password."""
        self.run(
            *("initdb", "-D", str(self.data), "-U", BOSS, "--no-sync", "--locale=C"),
            *("--encoding=UTF8", "--auth-local=trust", "--auth-host=scram-sha-256", *options),
        )

    def follow(self, primary: Cluster) -> None:
        """Become a streaming standby of another cluster."""
        # The password is not asked for; it is there to be seen by nobody.
        place = primary.dsn(dbname="replication", password="hidden-7")  # noqa: S106
        self.run(
            *("pg_basebackup", "-D", str(self.data), "-R", "-X", "stream", "--no-sync"),
            *("-c", "fast", "-d", place),
        )

    @contextmanager
    def running(self) -> Iterator[None]:
        """Started, and stopped at the end."""
        self.start()
        try:
            yield
        finally:
            self.stop()


@contextmanager
def cluster(binaries: Path, settings: Mapping[str, str], *initdb: str) -> Iterator[Cluster]:
    """A new cluster with these settings in its file."""
    with home() as directory:
        made = Cluster(binaries, directory, free_port())
        made.initialize(*initdb)
        with (made.data / "postgresql.conf").open("a") as conf:
            conf.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        with made.running():
            yield made


@contextmanager
def standby_of(primary: Cluster) -> Iterator[Cluster]:
    """A streaming standby of another cluster."""
    with home() as directory:
        made = Cluster(primary.binaries, directory, free_port())
        made.follow(primary)
        with made.running():
            yield made


@contextmanager
def home() -> Iterator[Path]:
    """A directory for a cluster, of the user that it runs as."""
    directory = Path(tempfile.mkdtemp(prefix="aura-pg-"))
    owner = unprivileged_owner(directory / "data")
    if owner:
        os.chown(directory, owner.pw_uid, owner.pw_gid)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
