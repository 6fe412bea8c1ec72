"""Indexes that are missing, invalid, unused or there twice."""

from __future__ import annotations

from collections.abc import Iterator

from agents.database.report import size
from agents.database.triage.facts import Fact
from agents.database.triage.making import (
    INFO,
    WARNING,
    by_hand,
    found,
    full_name,
    quoted,
    relation,
    thing,
)
from agents.database.triage.snapshot import Snapshot
from agents.triage.findings import Finding

SCANS, ROWS_A_SCAN = 50, 10_000  # often, and each time a large table: below, reading it is right
ROWS, MANY_ROWS = 500_000, 50_000_000
UNUSED_BYTES, UNUSED_DAYS = 1 << 20, 7  # a week has its weekly report


def missing(snapshot: Snapshot) -> Iterator[Finding]:
    """A large table is read in full again and again."""
    for row in snapshot.of_view("pg_stat_user_tables"):
        scans, rows = row.number("seq_scan"), row.number("seq_tup_read")
        if scans < SCANS or rows < ROWS or rows / scans < ROWS_A_SCAN:
            continue
        if row.number("idx_scan") > scans * 10:
            continue  # mostly read by index; a report may read it in full
        yield found(
            "planner/missing-index",
            relation(snapshot, row),
            WARNING if rows >= MANY_ROWS else INFO,
            0.6,
            f"{full_name(row)} was read in full {scans:.0f} times, {rows / scans:.0f} rows each"
            f" time, and {row.number('idx_scan'):.0f} times by an index.",
            row,
            next_checks=(
                f'get_table_stats(table_name="{row.text("relname")}")',
                "get_slow_queries, then explain_query",
            ),
            remedy=by_hand(
                f"CREATE INDEX CONCURRENTLY ON {quoted(full_name(row))} (…); on the columns its"
                " statements filter by."
            ),
        )


def invalid(snapshot: Snapshot) -> Iterator[Finding]:
    """An index is invalid, and nobody is building it."""
    building = {
        row.text("index_relid") for row in snapshot.of_view("pg_stat_progress_create_index")
    }
    for row in _indexes(snapshot):
        if row.truth("indisvalid") is False and row.text("indexrelid") not in building - {""}:
            yield found(
                "planner/invalid-index",
                _index(snapshot, row),
                WARNING,
                0.95,
                f"Index {row.text('indexrelname')} of {full_name(row)} is invalid: no query uses"
                " it, every write maintains it.",
                row,
                remedy=by_hand(
                    f"REINDEX INDEX CONCURRENTLY {_name(row)}; or DROP INDEX CONCURRENTLY"
                    f" {_name(row)};"
                ),
            )


def unused(snapshot: Snapshot) -> Iterator[Finding]:
    """An index that enforces nothing was not read since the counters began, a week ago or more."""
    counters = [snapshot.age(row, "stats_reset") for row in snapshot.of_view("pg_stat_database")]
    started = snapshot.age(snapshot.one("server"), "started_at")
    since = min((age for age in (*counters, started) if age is not None), default=0)
    if since < UNUSED_DAYS * 86400:
        return
    for row in _indexes(snapshot):
        if row.maybe("idx_scan") == 0 and _only_for_reading(row):
            yield found(
                "planner/unused-index",
                _index(snapshot, row),
                INFO,
                0.6,
                f"Index {row.text('indexrelname')} of {full_name(row)}"
                f" ({size(row.number('bytes'))}) was not used for {since / 86400:.0f} days.",
                row,
                next_checks=("see whether a standby uses it: counters are of one server",),
                remedy=by_hand(f"DROP INDEX CONCURRENTLY {_name(row)};"),
            )


def _only_for_reading(row: Fact) -> bool:
    """It is large enough to matter, and neither a constraint nor half built."""
    constrains = any(row.truth(name) for name in ("indisunique", "indisprimary", "constrains"))
    return (
        not constrains
        and row.truth("indisvalid") is not False
        and row.number("bytes") >= UNUSED_BYTES
    )


def duplicates(snapshot: Snapshot) -> Iterator[Finding]:
    """Two indexes of a table have the same columns, method and order."""
    first: dict[str, Fact] = {}
    ordered = sorted(
        _indexes(snapshot), key=lambda row: (not row.truth("indisunique"), row.text("indexrelname"))
    )
    for row in ordered:
        key = row.text("same")
        if not key or row.truth("indisvalid") is False:
            continue
        other = first.setdefault(key, row)
        if other is row or row.truth("indisunique"):
            continue
        yield found(
            "planner/duplicate-index",
            _index(snapshot, row),
            INFO,
            0.9,
            f"Index {row.text('indexrelname')} of {full_name(row)} is the same as"
            f" {other.text('indexrelname')}.",
            row,
            other,
            remedy=by_hand(f"DROP INDEX CONCURRENTLY {_name(row)};"),
            explains=frozenset({f"{_index(snapshot, row)}#planner/unused-index"}),
        )


def _indexes(snapshot: Snapshot) -> tuple[Fact, ...]:
    return snapshot.of_view("pg_stat_user_indexes")


def _index(snapshot: Snapshot, row: Fact) -> str:
    return thing(snapshot, "index", f"{row.text('schemaname')}.{row.text('indexrelname')}")


def _name(row: Fact) -> str:
    return f"{quoted(row.text('schemaname') or 'public')}.{quoted(row.text('indexrelname'))}"


RULES = (missing, invalid, unused, duplicates)
