"""Faults of indexes, sequences and statements."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import LiteralString

import psycopg

from agents.evaluation.case import Case
from agents.evaluation.database.lab import Lab
from agents.evaluation.database.vacuum import VACUUM, counted, entries

MONTH = 30 * 86400.0


@contextmanager
def invalid_index(lab: Lab) -> Iterator[None]:
    with entries(lab):
        with lab.connect() as connection, suppress(psycopg.errors.UniqueViolation):
            connection.execute("CREATE UNIQUE INDEX CONCURRENTLY twice ON app.entries (note)")
        yield


@contextmanager
def good_index(lab: Lab) -> Iterator[None]:
    with entries(lab, "CREATE UNIQUE INDEX CONCURRENTLY once ON app.entries (id)"):
        yield


@contextmanager
def missing_index(lab: Lab) -> Iterator[None]:
    with entries(lab):
        _read(lab, 60)
        counted(lab, "seq_scan >= 60")
        yield


@contextmanager
def index_used(lab: Lab) -> Iterator[None]:
    with entries(lab, "CREATE INDEX by_id ON app.entries (id)"):
        _read(lab, 60)
        counted(lab, "idx_scan >= 60")
        yield


def _read(lab: Lab, times: int) -> None:
    with lab.connect() as connection:
        for number in range(times):
            connection.execute("SELECT FROM app.entries WHERE id = %s", [number])


@contextmanager
def duplicate_index(lab: Lab) -> Iterator[None]:
    one, two = "CREATE INDEX one ON app.entries (id)", "CREATE INDEX two ON app.entries (id)"
    with entries(lab, one, two):
        yield


@contextmanager
def different_indexes(lab: Lab) -> Iterator[None]:
    one, two = "CREATE INDEX one ON app.entries (id)", "CREATE INDEX two ON app.entries (id DESC)"
    with entries(lab, one, two):
        yield


@contextmanager
def unused_index(lab: Lab) -> Iterator[None]:
    rows = "INSERT INTO app.entries SELECT n, 'more' FROM generate_series(1, 40000) n"
    index = "CREATE INDEX never_read ON app.entries (id)"
    with entries(lab, rows, index, VACUUM, ahead_s=MONTH):
        yield


@contextmanager
def unique_unused_index(lab: Lab) -> Iterator[None]:
    with entries(lab, "CREATE UNIQUE INDEX once ON app.entries (id)", VACUUM, ahead_s=MONTH):
        yield


@contextmanager
def cache_misses(lab: Lab) -> Iterator[None]:
    """A table larger than shared_buffers is read in full, 40 times."""
    with lab.schema():
        lab.run(
            "CREATE TABLE app.wide (id int, filling text)",
            "ALTER TABLE app.wide ALTER filling SET STORAGE PLAIN",
            "INSERT INTO app.wide SELECT n, repeat('x', 4000) FROM generate_series(1, 6000) n",
            "VACUUM ANALYZE app.wide",
        )
        with lab.connect() as connection:
            for _ in range(40):
                connection.execute("SELECT count(*) FROM app.wide")
        lab.until(
            "SELECT blks_hit + blks_read > 120000 FROM pg_stat_database WHERE datname = 'lab'"
        )
        yield


@contextmanager
def temp_files(lab: Lab) -> Iterator[None]:
    _sort(lab, "64kB")
    lab.until("SELECT temp_bytes >= 110e6 FROM pg_stat_database WHERE datname = 'lab'")
    yield


@contextmanager
def sorted_in_memory(lab: Lab) -> Iterator[None]:
    _sort(lab, "1GB")
    yield


def _sort(lab: Lab, memory: LiteralString) -> None:
    with lab.connect() as connection:
        connection.execute("SELECT set_config('work_mem', %s, false)", [memory])
        connection.execute(
            "SELECT count(*) FROM (SELECT repeat('x', 1000) || n AS x"
            " FROM generate_series(1, 120000) n ORDER BY 1 OFFSET 0) sorted"
        )


@contextmanager
def sequence(lab: Lab, last: int) -> Iterator[None]:
    with lab.schema():
        lab.run(
            "CREATE TABLE app.orders (id serial PRIMARY KEY)",
            "GRANT USAGE ON SCHEMA app TO looker",
            "GRANT SELECT ON ALL SEQUENCES IN SCHEMA app TO looker",
        )
        with lab.connect() as boss:
            boss.execute("SELECT setval('app.orders_id_seq', %s)", [last])
        yield


@contextmanager
def sequence_ends(lab: Lab) -> Iterator[None]:
    with sequence(lab, 2_140_000_000):
        yield


@contextmanager
def sequence_young(lab: Lab) -> Iterator[None]:
    with sequence(lab, 40_000_000):
        yield


CASES: tuple[Case[Lab], ...] = (
    Case(
        name="invalid-index",
        category="planner",
        expected=("planner/invalid-index",),
        inject=invalid_index,
        control=good_index,
        about="index/app.twice",
    ),
    Case(
        name="missing-index",
        category="planner",
        expected=("planner/missing-index",),
        inject=missing_index,
        control=index_used,
        question="Why is {target} slow?",
        about="relation/app.entries",
    ),
    Case(
        name="duplicate-index",
        category="planner",
        expected=("planner/duplicate-index",),
        inject=duplicate_index,
        control=different_indexes,
        about="index/app.two",
    ),
    Case(
        name="unused-index",
        category="planner",
        expected=("planner/unused-index",),
        inject=unused_index,
        control=unique_unused_index,
        about="index/app.never_read",
    ),
    Case(
        name="cache-misses",
        category="statements",
        expected=("statements/cache-misses",),
        inject=cache_misses,
    ),
    Case(
        name="temp-files",
        category="statements",
        expected=("statements/temp-files",),
        inject=temp_files,
        control=sorted_in_memory,
    ),
    Case(
        name="sequence-near-its-end",
        category="storage",
        expected=("storage/sequence-exhausted",),
        inject=sequence_ends,
        control=sequence_young,
        about="sequence/app.orders_id_seq",
    ),
)
