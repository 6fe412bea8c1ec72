"""Faults of vacuum and of the planner's statistics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import LiteralString

from agents.evaluation.case import Case
from agents.evaluation.database.lab import Lab

HOUR = 3600.0
ENTRIES = (
    "CREATE TABLE app.entries (id int, note text)",
    "INSERT INTO app.entries SELECT n, 'note' FROM generate_series(1, 20000) n",
    "VACUUM ANALYZE app.entries",
)
CHANGE_ALL = "UPDATE app.entries SET note = 'other'"
VACUUM = "VACUUM ANALYZE app.entries"


@contextmanager
def entries(lab: Lab, *statements: LiteralString, ahead_s: float = 0.0) -> Iterator[None]:
    """The table `entries`, of 20,000 rows, after these statements."""
    with lab.schema():
        lab.run(*ENTRIES, *statements)
        with lab.looking(ahead_s=ahead_s):
            yield


@contextmanager
def held_back(lab: Lab) -> Iterator[None]:
    with (
        entries(lab),
        lab.open("BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT 1 FROM pg_class LIMIT 1"),
    ):
        lab.run(CHANGE_ALL, VACUUM)
        counted(lab, "n_dead_tup >= 20000 AND last_vacuum IS NOT NULL")
        with lab.looking(ahead_s=HOUR):
            yield


@contextmanager
def vacuumed(lab: Lab) -> Iterator[None]:
    with entries(lab, CHANGE_ALL, VACUUM, ahead_s=2 * HOUR):
        yield


@contextmanager
def autovacuum_off(lab: Lab) -> Iterator[None]:
    with lab.setting("autovacuum", "off"), entries(lab, CHANGE_ALL, ahead_s=2 * HOUR):
        counted(lab, "n_dead_tup >= 20000")
        yield


@contextmanager
def table_excluded(lab: Lab) -> Iterator[None]:
    off = "ALTER TABLE app.entries SET (autovacuum_enabled = false)"
    with entries(lab, off, CHANGE_ALL, ahead_s=2 * HOUR):
        counted(lab, "n_dead_tup >= 20000")
        yield


@contextmanager
def bloat(lab: Lab) -> Iterator[None]:
    with entries(lab, CHANGE_ALL, "ANALYZE app.entries", ahead_s=2 * HOUR):
        counted(lab, "n_dead_tup >= 20000 AND last_analyze IS NOT NULL")
        yield


@contextmanager
def some_dead(lab: Lab) -> Iterator[None]:
    with entries(lab, "UPDATE app.entries SET note = 'other' WHERE id < 1000", ahead_s=2 * HOUR):
        counted(lab, "n_dead_tup > 0")
        yield


@contextmanager
def never_analyzed(lab: Lab) -> Iterator[None]:
    with lab.schema():
        lab.run(*ENTRIES[:2])
        counted(lab, "n_mod_since_analyze >= 20000")
        with lab.looking(ahead_s=2 * HOUR):
            yield


OLDEST = {
    "datfrozenxid": (
        "SELECT datfrozenxid::text, age(datfrozenxid) FROM pg_database WHERE datname = 'template1'",
        "UPDATE pg_database SET datfrozenxid = %s::text::xid WHERE datname = 'template1'",
    ),
    "datminmxid": (
        (
            "SELECT datminmxid::text, mxid_age(datminmxid) FROM pg_database"
            " WHERE datname = 'template1'"
        ),
        "UPDATE pg_database SET datminmxid = %s::text::xid WHERE datname = 'template1'",
    ),
}


@contextmanager
def oldest(lab: Lab, column: str, age: int) -> Iterator[None]:
    """The catalogue says that the oldest id of template1 is so old."""
    look, change = OLDEST[column]
    with lab.connect() as boss:
        before, now = boss.execute(look).fetchone() or ("", 0)
        # Ids go round: the one that is so much older than the present one has this number.
        boss.execute(change, [str((int(before) + now - age) % 2**32)])
        try:
            yield
        finally:
            boss.execute(change, [before])


@contextmanager
def xid_wraparound(lab: Lab) -> Iterator[None]:
    with oldest(lab, "datfrozenxid", 1_900_000_000):
        yield


@contextmanager
def multixact_wraparound(lab: Lab) -> Iterator[None]:
    with oldest(lab, "datminmxid", 1_900_000_000):
        yield


@contextmanager
def young(lab: Lab) -> Iterator[None]:
    with oldest(lab, "datfrozenxid", 150_000_000):
        yield


def counted(lab: Lab, condition: LiteralString) -> None:
    """Wait until the counters of the table say so."""
    table: LiteralString = "SELECT FROM pg_stat_user_tables WHERE relname = 'entries' AND "
    lab.until("SELECT EXISTS (" + table + condition + ")")


CASES: tuple[Case[Lab], ...] = (
    Case(
        name="vacuum-held-back",
        category="vacuum",
        expected=("sessions/idle-in-transaction", "vacuum/held-back"),
        inject=held_back,
        control=vacuumed,
        question="Why does {target} grow?",
        remedies=("terminate_connection",),
    ),
    Case(
        name="autovacuum-off",
        category="vacuum",
        expected=("vacuum/autovacuum-off",),
        inject=autovacuum_off,
        control=some_dead,
        remedies=("reset_pg_setting",),
    ),
    Case(
        name="table-excluded",
        category="vacuum",
        expected=("vacuum/table-excluded",),
        inject=table_excluded,
        control=some_dead,
        about="relation/app.entries",
    ),
    Case(
        name="bloat",
        category="vacuum",
        expected=("vacuum/bloat",),
        inject=bloat,
        control=some_dead,
        about="relation/app.entries",
        remedies=("run_vacuum",),
    ),
    Case(
        name="xid-wraparound",
        category="vacuum",
        expected=("vacuum/xid-wraparound",),
        inject=xid_wraparound,
        control=young,
        about="database/template1",
    ),
    Case(
        name="multixact-wraparound",
        category="vacuum",
        expected=("vacuum/multixact-wraparound",),
        inject=multixact_wraparound,
        control=young,
        about="database/template1",
    ),
    Case(
        name="never-analyzed",
        category="planner",
        expected=("planner/stale-statistics",),
        inject=never_analyzed,
        control=vacuumed,
        about="relation/app.entries",
        remedies=("run_vacuum",),
    ),
)
