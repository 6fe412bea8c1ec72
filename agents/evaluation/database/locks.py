"""Faults of locks: chains, deadlocks, prepared transactions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from agents.evaluation.case import Case
from agents.evaluation.database.lab import APP, Lab, await_
from agents.evaluation.database.sessions import HOUR, MINUTE, READ, SLEEP, WRITE, accounts

OTHER_WRITE = "UPDATE app.accounts SET balance = 1 WHERE id = 2"
MIGRATION = "ALTER TABLE app.accounts ADD COLUMN note text"


@contextmanager
def chain(lab: Lab) -> Iterator[None]:
    """The root works; two wait for it, one of them with a lock that a third waits for."""
    with (
        accounts(lab),
        lab.running(SLEEP, "BEGIN", WRITE),
        lab.running(WRITE, "BEGIN", OTHER_WRITE),
        lab.running(WRITE),
        lab.running(OTHER_WRITE),
        lab.looking(ahead_s=MINUTE),
    ):
        _all_wait(lab, 3)
        yield


@contextmanager
def apart(lab: Lab) -> Iterator[None]:
    """The same work on other rows: nobody waits."""
    with (
        accounts(lab),
        lab.running(SLEEP, "BEGIN", WRITE),
        lab.open("BEGIN", OTHER_WRITE, "COMMIT"),
    ):
        yield


@contextmanager
def idle_root(lab: Lab) -> Iterator[None]:
    with (
        accounts(lab),
        lab.open("BEGIN", WRITE),
        lab.running(WRITE),
        lab.running(WRITE),
        lab.looking(ahead_s=5 * MINUTE),
    ):
        _all_wait(lab, 2)
        yield


@contextmanager
def migration_queue(lab: Lab) -> Iterator[None]:
    """A migration waits for a reader that has forgotten to commit; all readers wait behind it."""
    with (
        accounts(lab),
        lab.open("BEGIN", READ),
        lab.running(MIGRATION),
        lab.running(READ),
        lab.running(READ),
        lab.looking(ahead_s=5 * MINUTE),
    ):
        _all_wait(lab, 3)
        yield


def _all_wait(lab: Lab, number: int) -> None:
    with lab.connect() as boss:
        await_(
            lambda: (
                boss.execute(
                    "SELECT count(*) = %s FROM pg_stat_activity"
                    " WHERE usename = 'app' AND wait_event_type = 'Lock'",
                    [number],
                ).fetchone()
                == (True,)
            )
        )


@contextmanager
def deadlock(lab: Lab) -> Iterator[None]:
    with accounts(lab), lab.setting("deadlock_timeout", "'10ms'"):
        with lab.connect(APP) as one, lab.connect(APP) as two:
            one.execute("BEGIN")
            two.execute("BEGIN")
            one.execute(WRITE)
            two.execute(OTHER_WRITE)
            _lock_out(lab, one, two)
        lab.until("SELECT deadlocks > 0 FROM pg_stat_database WHERE datname = current_database()")
        yield


def _lock_out(lab: Lab, one: psycopg.Connection[object], two: psycopg.Connection[object]) -> None:
    """Each asks for what the other has: the server ends one of them."""
    pids = one.info.backend_pid, two.info.backend_pid
    one.pgconn.send_query(OTHER_WRITE.encode())
    two.pgconn.send_query(WRITE.encode())
    with lab.connect() as boss:
        await_(
            lambda: (
                boss.execute(
                    "SELECT count(*) > 0 FROM pg_stat_activity"
                    " WHERE pid = ANY(%s) AND state = 'idle in transaction (aborted)'",
                    [list(pids)],
                ).fetchone()
                == (True,)
            )
        )
    for connection in (one, two):
        connection.pgconn.finish()


@contextmanager
def prepared(lab: Lab) -> Iterator[None]:
    with accounts(lab):
        with lab.connect() as connection:
            connection.execute("BEGIN")
            connection.execute(WRITE)
            connection.execute("PREPARE TRANSACTION 'order-42'")
        try:
            with lab.looking(ahead_s=HOUR):
                yield
        finally:
            lab.run("ROLLBACK PREPARED 'order-42'")


@contextmanager
def prepared_and_ended(lab: Lab) -> Iterator[None]:
    with prepared(lab):
        pass
    with lab.looking(ahead_s=HOUR):
        yield


CASES: tuple[Case[Lab], ...] = (
    Case(
        name="blocking-chain",
        category="locks",
        expected=("locks/blocking-chain",),
        inject=chain,
        control=apart,
        question="Why does everything hang on {target}?",
        remedies=("terminate_connection",),
    ),
    Case(
        name="idle-root-of-a-chain",
        category="locks",
        expected=("sessions/idle-in-transaction",),
        inject=idle_root,
        control=apart,
        question="Who blocks the others on {target}?",
        remedies=("terminate_connection",),
    ),
    Case(
        name="migration-queue",
        category="locks",
        expected=("sessions/idle-in-transaction",),
        inject=migration_queue,
        control=apart,
        remedies=("terminate_connection",),
    ),
    Case(
        name="deadlock",
        category="locks",
        expected=("locks/deadlocks",),
        inject=deadlock,
        control=apart,
    ),
    Case(
        name="prepared-transaction",
        category="locks",
        expected=("locks/prepared-transaction",),
        inject=prepared,
        control=prepared_and_ended,
        about="prepared/order-42",
    ),
)
