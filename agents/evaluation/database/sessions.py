"""Faults of sessions: too many, idle, long."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from agents.evaluation.case import Case
from agents.evaluation.database.lab import APP, LOOKER, NAME, Lab

SLEEP = "SELECT pg_sleep(600)"
ACCOUNTS = (
    "CREATE TABLE app.accounts (id int PRIMARY KEY, balance int)",
    "INSERT INTO app.accounts SELECT n, 0 FROM generate_series(1, 10) n",
    "ALTER TABLE app.accounts OWNER TO app",
)
WRITE = "UPDATE app.accounts SET balance = 1 WHERE id = 1"
READ = "SELECT count(*) FROM app.accounts"
MINUTE, HOUR = 60.0, 3600.0


@contextmanager
def accounts(lab: Lab) -> Iterator[None]:
    with lab.schema():
        lab.run(*ACCOUNTS)
        yield


@contextmanager
def crowd(lab: Lab, share: float, *, but: int = 0) -> Iterator[None]:
    """Connections of `app` to a share of what ordinary roles may have, less a few."""
    lab.until("SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'client backend'")
    usable = lab.value(
        "SELECT current_setting('max_connections')::int"
        " - current_setting('superuser_reserved_connections')::int"
    )
    with ExitStack() as stack:
        for _ in range(round(usable * share) - but):
            stack.enter_context(lab.connect(APP, application_name="checkout"))
        yield


@contextmanager
def exhausted(lab: Lab) -> Iterator[None]:
    with crowd(lab, 1.0, but=1):
        yield


@contextmanager
def half_full(lab: Lab) -> Iterator[None]:
    with crowd(lab, 0.5):
        yield


@contextmanager
def no_slot_left(lab: Lab) -> Iterator[None]:
    with crowd(lab, 1.0), lab.looking(dsn=lab.primary.dsn(LOOKER, NAME, connect_timeout=9)):
        yield


@contextmanager
def role_limit(lab: Lab) -> Iterator[None]:
    lab.run("ALTER ROLE app CONNECTION LIMIT 3")
    try:
        with lab.open(), lab.open(), lab.open():
            yield
    finally:
        lab.run("ALTER ROLE app CONNECTION LIMIT -1")


@contextmanager
def below_role_limit(lab: Lab) -> Iterator[None]:
    lab.run("ALTER ROLE app CONNECTION LIMIT 3")
    try:
        with lab.open():
            yield
    finally:
        lab.run("ALTER ROLE app CONNECTION LIMIT -1")


@contextmanager
def idle_in_transaction(lab: Lab) -> Iterator[None]:
    with accounts(lab), lab.open("BEGIN", WRITE), lab.looking(ahead_s=10 * MINUTE):
        yield


@contextmanager
def committed(lab: Lab) -> Iterator[None]:
    with accounts(lab), lab.open("BEGIN", WRITE, "COMMIT"), lab.looking(ahead_s=10 * MINUTE):
        yield


@contextmanager
def long_transaction(lab: Lab) -> Iterator[None]:
    with accounts(lab), lab.running(SLEEP, "BEGIN", READ), lab.looking(ahead_s=2 * HOUR):
        yield


@contextmanager
def long_statement(lab: Lab) -> Iterator[None]:
    with lab.running(SLEEP), lab.looking(ahead_s=10 * MINUTE):
        yield


@contextmanager
def short_statement(lab: Lab) -> Iterator[None]:
    with lab.running(SLEEP):
        yield


CASES: tuple[Case[Lab], ...] = (
    Case(
        name="connections-exhausted",
        category="sessions",
        expected=("sessions/connections-exhausted",),
        inject=exhausted,
        control=half_full,
        remedies=("terminate_idle_connections",),
    ),
    Case(
        name="no-slot-left",
        category="sessions",
        expected=("sessions/connections-exhausted",),
        inject=no_slot_left,
        control=half_full,
        remedies=("terminate_idle_connections",),
    ),
    Case(
        name="role-limit",
        category="sessions",
        expected=("sessions/limit-reached",),
        inject=role_limit,
        control=below_role_limit,
        about="role/app",
    ),
    Case(
        name="idle-in-transaction",
        category="sessions",
        expected=("sessions/idle-in-transaction",),
        inject=idle_in_transaction,
        control=committed,
        remedies=("terminate_connection",),
    ),
    Case(
        name="long-transaction",
        category="sessions",
        expected=("sessions/long-transaction",),
        inject=long_transaction,
        control=short_statement,
        remedies=("terminate_connection",),
    ),
    Case(
        name="long-statement",
        category="sessions",
        expected=("sessions/long-statement",),
        inject=long_statement,
        control=short_statement,
        remedies=("cancel_query",),
    ),
)
