"""Where faults are made: a throw-away primary with its standby, and the looks at them."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, LiteralString

import psycopg

from agents.database.idle import idle
from agents.database.targets import Target
from agents.database.triage.gather import gather
from agents.database.triage.judge import triage
from agents.database.triage.snapshot import Snapshot
from agents.evaluation.case import TEST
from agents.evaluation.database.cluster import BOSS, Cluster, cluster, standby_of
from agents.triage.findings import Report
from governance.types import Resource

NAME: Final = "lab"  # of the database, and of the target
LOOKER, APP = "looker", "app"
PATIENCE_S: Final = 60.0
SETTINGS: Final = {
    "max_connections": "40",
    "shared_buffers": "16MB",
    "max_prepared_transactions": "5",
    "archive_mode": "on",
    "archive_command": "/bin/true",
    "max_wal_size": "1GB",
    "wal_keep_size": "256MB",
    "logging_collector": "on",
    "log_filename": "postgresql.log",
    # Autovacuum is on and does not come by: what a case leaves dead stays dead.
    "autovacuum_naptime": "1d",
}
ROLES: Final = (
    "CREATE ROLE looker LOGIN IN ROLE pg_monitor",
    "CREATE ROLE app LOGIN PASSWORD 'right-one-7'",
    "GRANT EXECUTE ON FUNCTION pg_read_binary_file(text, bigint, bigint, boolean) TO looker",
    "GRANT EXECUTE ON FUNCTION pg_stat_file(text) TO looker",
    "GRANT EXECUTE ON FUNCTION pg_current_logfile() TO looker",
    "CREATE SCHEMA AUTHORIZATION app",
)
# Everything that was counted during a case.
FORGET: Final = (
    "SELECT pg_stat_reset()",
    "SELECT pg_stat_reset_shared('bgwriter')",
    "SELECT pg_stat_reset_shared('archiver')",
    "SELECT pg_stat_reset_shared('wal')",
)


@dataclass
class Lab:
    """`ahead_s`: how far the clock of a look is set forward. What takes an hour to be a fault is
    made as it is, and looked at as if nothing had moved for that hour.
    """

    primary: Cluster
    standby: Cluster
    tags: frozenset[str] = frozenset({TEST})
    ahead_s: float = 0.0
    dsn: str = field(default="", repr=False)

    def triage(self, question: str = "") -> Report:
        """The rules' judgement of the database; the question is for those who answer in words."""
        return triage(self.snapshot())

    def snapshot(self) -> Snapshot:
        target = Target(
            id=NAME,
            label=NAME,
            resource=Resource(type="database", name=NAME),
            connection_string=self.dsn or self.primary.dsn(LOOKER, NAME),
        )
        return gather(target, "triage_database").later(self.ahead_s)

    def connect(
        self, user: str = BOSS, dbname: str = NAME, *, standby: bool = False, **more: Any
    ) -> psycopg.Connection[Any]:
        """In autocommit, to the primary unless the standby is said."""
        server = self.standby if standby else self.primary
        return psycopg.connect(server.dsn(user, dbname, **more), autocommit=True)

    def run(self, *statements: LiteralString, standby: bool = False) -> None:
        """As superuser, each by itself and counted at once."""
        with self.connect(standby=standby) as connection:
            for statement in statements:
                connection.execute(statement)
                connection.execute("SELECT pg_stat_force_next_flush()")

    def value(self, statement: LiteralString, *, standby: bool = False) -> Any:
        with self.connect(standby=standby) as connection:
            row = connection.execute(statement).fetchone()
            return row[0] if row else None

    def until(self, statement: LiteralString, *, standby: bool = False) -> None:
        """Wait until a statement is true."""
        with self.connect(standby=standby) as connection:
            await_(lambda: (connection.execute(statement).fetchone() or [None])[0])

    @contextmanager
    def looking(self, *, dsn: str = "", ahead_s: float = 0.0) -> Iterator[None]:
        """Looks go there, and their clock is set forward."""
        before = self.dsn, self.ahead_s
        self.dsn, self.ahead_s = dsn or self.dsn, ahead_s
        try:
            yield
        finally:
            self.dsn, self.ahead_s = before

    @contextmanager
    def setting(
        self, name: str, value: str, *, standby: bool = False, after: str = ""
    ) -> Iterator[None]:
        """ALTER SYSTEM SET, in force; at the end it is taken back, or set to what it was."""
        self._alter(f"SET {name} = {value}", standby=standby)
        try:
            yield
        finally:
            end = f"SET {name} = {after}" if after else f"RESET {name}"
            self._alter(end, standby=standby)

    def _alter(self, what: str, *, standby: bool) -> None:
        server = self.standby if standby else self.primary
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            connection.execute(f"ALTER SYSTEM {what}".encode())
            before = connection.execute("SELECT pg_conf_load_time()").fetchone()
            connection.execute("SELECT pg_reload_conf()")

            def loaded() -> bool:
                return connection.execute("SELECT pg_conf_load_time()").fetchone() != before

            await_(loaded)

    @contextmanager
    def schema(self) -> Iterator[None]:
        """What is made in the schema `app` is gone afterwards."""
        try:
            yield
        finally:
            self.run("DROP SCHEMA app CASCADE", "CREATE SCHEMA AUTHORIZATION app")

    @contextmanager
    def running(self, statement: LiteralString, *before: LiteralString) -> Iterator[int]:
        """A session of `app` that runs a statement in the background; its pid."""
        connection = self.connect(APP)
        for first in before:
            connection.execute(first)
        pid = connection.info.backend_pid
        thread = threading.Thread(target=_quietly, args=(connection, statement), daemon=True)
        thread.start()
        try:
            self._begun(pid)
            yield pid
        finally:
            with self.connect() as boss:
                boss.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
            thread.join(PATIENCE_S)
            connection.close()

    def _begun(self, pid: int) -> None:
        """Wait until the session runs its statement, which takes long."""
        with self.connect() as boss:
            await_(
                lambda: (
                    boss.execute(
                        "SELECT FROM pg_stat_activity WHERE pid = %s AND state = 'active'", [pid]
                    ).fetchone()
                    is not None
                )
            )

    @contextmanager
    def open(self, *statements: LiteralString, user: str = APP) -> Iterator[int]:
        """A session that has run these and then does nothing; its pid."""
        with self.connect(user) as connection:
            for statement in statements:
                connection.execute(statement)
            yield connection.info.backend_pid

    def forget(self) -> None:
        """Counters and logs begin anew, so that a case does not see another one."""
        idle.clear()
        self.run(*FORGET)
        if self.value("SELECT current_setting('server_version_num')::int >= 170000"):
            self.run("SELECT pg_stat_reset_shared('checkpointer')")
        for server in (self.primary, self.standby):
            os.truncate(server.data / "log" / "postgresql.log", 0)


@contextmanager
def lab(binaries: Path) -> Iterator[Lab]:
    """A primary and its standby, both thrown away at the end."""
    with ExitStack() as stack:
        primary = stack.enter_context(cluster(binaries, SETTINGS, "--wal-segsize=1"))
        with psycopg.connect(primary.dsn(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {NAME}".encode())
        with psycopg.connect(primary.dsn(dbname=NAME), autocommit=True) as connection:
            for statement in ROLES:
                connection.execute(statement)
        made = Lab(primary, stack.enter_context(standby_of(primary)))
        stack.callback(idle.clear)
        made.until("SELECT count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming'")
        made.forget()
        yield made


def await_(condition: Callable[[], Any]) -> None:
    """Wait until something is true. Raises `TimeoutError` after a minute."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the fault did not come about")
        time.sleep(0.01)


def _quietly(connection: psycopg.Connection[Any], statement: LiteralString) -> None:
    with suppress(psycopg.Error):
        connection.execute(statement)
