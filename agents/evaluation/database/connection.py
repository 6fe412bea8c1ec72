"""Faults of connecting, and errors that only the log tells of."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import LiteralString

import psycopg

from agents.evaluation.case import Case, Injection
from agents.evaluation.database.cluster import free_port
from agents.evaluation.database.lab import APP, LOOKER, NAME, Lab, await_

WRONG = "wrong-one-7"


@contextmanager
def refused(lab: Lab) -> Iterator[None]:
    with lab.looking(dsn=f"host=127.0.0.1 port={free_port()} user=looker dbname=lab"):
        yield


@contextmanager
def no_socket(lab: Lab) -> Iterator[None]:
    with lab.looking(dsn=f"host={lab.primary.home}/nowhere user=looker dbname=lab"):
        yield


@contextmanager
def wrong_password(lab: Lab) -> Iterator[None]:
    with lab.looking(dsn=lab.primary.tcp(APP, WRONG, NAME)):
        yield


@contextmanager
def no_password(lab: Lab) -> Iterator[None]:
    with lab.looking(dsn=lab.primary.tcp(APP, "", NAME, passfile="/dev/null")):
        yield


@contextmanager
def right_password(lab: Lab) -> Iterator[None]:
    lab.run("ALTER ROLE looker PASSWORD 'right-one-8'")
    with lab.looking(dsn=lab.primary.tcp(LOOKER, "right-one-8", NAME)):
        yield


@contextmanager
def no_such_database(lab: Lab) -> Iterator[None]:
    with lab.looking(dsn=lab.primary.dsn(LOOKER, "shpo")):
        yield


@contextmanager
def no_such_role(lab: Lab) -> Iterator[None]:
    with lab.looking(dsn=lab.primary.dsn("loker", NAME)):
        yield


@contextmanager
def may_not_log_in(lab: Lab) -> Iterator[None]:
    lab.run("ALTER ROLE looker NOLOGIN")
    try:
        yield
    finally:
        lab.run("ALTER ROLE looker LOGIN")


@contextmanager
def not_let_in(lab: Lab) -> Iterator[None]:
    """pg_hba.conf says nothing of replication from there by that role in that way."""
    rules = lab.primary.data / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text("local all postgres trust\nlocal replication all trust\n")
    lab.run("SELECT pg_reload_conf()")
    lab.until("SELECT count(*) = 2 FROM pg_hba_file_rules")
    try:
        await_(lambda: not _let_in(lab))  # the postmaster takes a reload in its own time
        yield
    finally:
        rules.write_text(before)
        lab.run("SELECT pg_reload_conf()")
        await_(lambda: _let_in(lab))


def _let_in(lab: Lab) -> bool:
    with suppress(psycopg.OperationalError):
        lab.connect(LOOKER).close()
        return True
    return False


@contextmanager
def no_connect(lab: Lab) -> Iterator[None]:
    lab.run("REVOKE CONNECT ON DATABASE lab FROM PUBLIC")
    try:
        yield
    finally:
        lab.run("GRANT CONNECT ON DATABASE lab TO PUBLIC")


@contextmanager
def no_tls(lab: Lab) -> Iterator[None]:
    with lab.looking(dsn=lab.primary.tcp(APP, WRONG, NAME, sslmode="require")):
        yield


@contextmanager
def crashed(lab: Lab) -> Iterator[None]:
    """The kernel ends a session, as it does when memory runs out: the server recovers."""
    with suppress(psycopg.OperationalError), lab.connect() as witness, lab.connect(APP) as victim:
        os.kill(victim.info.backend_pid, signal.SIGKILL)
        await_(lambda: not witness.execute("SELECT true").fetchone())
    await_(lambda: _let_in(lab))
    lab.until("SELECT count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming'")
    yield


@contextmanager
def ended(lab: Lab) -> Iterator[None]:
    """Somebody ends a session: the others go on."""
    with lab.open() as pid, lab.connect() as boss:
        boss.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
        yield


def logged(statement: LiteralString, times: int, *, user: str = APP) -> Injection[Lab]:
    """Statements that fail, so often."""

    @contextmanager
    def failing(lab: Lab) -> Iterator[None]:
        for _ in range(times):
            with lab.connect(user) as connection, suppress(psycopg.Error):
                connection.execute(statement)
        yield

    return failing


def attempts(times: int) -> Injection[Lab]:
    """Logins with a wrong password, so often."""

    @contextmanager
    def failing(lab: Lab) -> Iterator[None]:
        for _ in range(times):
            with suppress(psycopg.OperationalError):
                psycopg.connect(lab.primary.tcp(APP, WRONG, NAME)).close()
        yield

    return failing


CASES: tuple[Case[Lab], ...] = (
    *(
        Case(
            name=name,
            category="connection",
            expected=(f"connection/{cause}",),
            inject=inject,
            control=right_password,
            question="Can you reach {target}?",
        )
        for name, cause, inject in (
            ("nothing-listens", "refused", refused),
            ("no-socket", "refused", no_socket),
            ("wrong-password", "authentication-failed", wrong_password),
            ("no-password", "no-password", no_password),
            ("no-such-database", "no-such-database", no_such_database),
            ("no-such-role", "no-such-role", no_such_role),
            ("role-may-not-log-in", "role-may-not-log-in", may_not_log_in),
            ("no-hba-entry", "no-hba-entry", not_let_in),
            ("no-connect-privilege", "no-privilege", no_connect),
            ("no-tls", "tls", no_tls),
        )
    ),
    Case(
        name="server-crashed",
        category="server",
        expected=("server/crashed",),
        inject=crashed,
        control=ended,
        question="Why did {target} drop all connections?",
        needs=frozenset({"logs"}),
    ),
    Case(
        name="logins-fail",
        category="connection",
        expected=("connection/authentication-failed",),
        inject=attempts(4),
        control=attempts(1),
        needs=frozenset({"logs"}),
    ),
    Case(
        name="permission-denied",
        category="statements",
        expected=("statements/permission-denied",),
        inject=logged("SELECT * FROM pg_authid", 4),
        control=logged("SELECT * FROM pg_roles", 4),
        needs=frozenset({"logs"}),
    ),
    Case(
        name="missing-table",
        category="statements",
        expected=("statements/undefined-object",),
        inject=logged("SELECT * FROM orders_v2", 4),
        control=logged("SELECT 'relation \"x\" does not exist'", 4),
        needs=frozenset({"logs"}),
    ),
    Case(
        name="statement-timeouts",
        category="statements",
        expected=("statements/statement-timeout",),
        inject=logged("SET statement_timeout = 1; SELECT pg_sleep(5)", 4),
        control=logged("SET statement_timeout = 0; SELECT pg_sleep(0)", 4),
        needs=frozenset({"logs"}),
    ),
)
