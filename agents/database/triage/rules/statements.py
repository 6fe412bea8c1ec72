"""Statements that cost much: time, temporary files, reads past the cache."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents.database.report import one_line, size
from agents.database.triage.making import INFO, WARNING, by_hand, found, thing
from agents.database.triage.snapshot import Snapshot
from agents.triage.findings import Finding

SHARE, MEAN_MS, MEAN_LONG_MS = 0.3, 500.0, 5000.0
TEMP_BYTES, TEMP_AN_HOUR = 100 << 20, 1 << 30
# The documentation wants a hit ratio of well over 90 % of what is used often.
BLOCKS, HIT, HIT_BAD = 100_000, 0.9, 0.5
_UTILITY = re.compile(
    r"\s*(?:VACUUM|ANALYZE|COPY|CREATE|ALTER|REINDEX|DROP|REFRESH|BEGIN|COMMIT)\b", re.IGNORECASE
)


def slow(snapshot: Snapshot) -> Iterator[Finding]:
    """One statement has taken 30 % of all time and half a second each time, or 5 s."""
    rows = snapshot.of_view("pg_stat_statements")
    whole = sum(row.number("total_exec_time") for row in rows)
    for row in rows:
        mean, total = row.number("mean_exec_time"), row.number("total_exec_time")
        large = whole and total / whole >= SHARE and mean >= MEAN_MS
        if (large or mean >= MEAN_LONG_MS) and not _UTILITY.match(row.text("query")):
            yield found(
                "statements/slow-statement",
                thing(snapshot, "statement", row.text("queryid") or "?"),
                WARNING if large and mean >= MEAN_LONG_MS else INFO,
                0.6,
                f"It takes {mean:.0f} ms on average and {total / whole:.0%} of the time of all:"
                f" {one_line(row.text('query'), 100)}",
                row,
                next_checks=("explain_query", "get_slow_queries"),
            )


def temporary(snapshot: Snapshot) -> Iterator[Finding]:
    """Sorts and hashes are written to disk, 1 GB an hour or more."""
    setting = snapshot.setting("work_mem")
    started = snapshot.age(snapshot.one("server"), "started_at")
    for row in snapshot.of_view("pg_stat_database"):
        written, since = row.number("temp_bytes"), snapshot.age(row, "stats_reset")
        hours = max((since if since is not None else started or 0) / 3600, 1.0)
        if written < TEMP_BYTES:
            continue
        much = written / hours >= TEMP_AN_HOUR
        yield found(
            "statements/temp-files",
            thing(snapshot),
            WARNING if much else INFO,
            0.7 if much else 0.4,
            f"Statements of database {row.text('datname')} wrote {size(written)} to"
            f" {row.count('temp_files')} temporary files: more than work_mem was needed.",
            row,
            setting,
            next_checks=("get_slow_queries", "ALTER SYSTEM SET log_temp_files = '10MB'"),
            remedy=by_hand(
                "Give the role or session that sorts more: ALTER ROLE … SET work_mem = '64MB';"
                " every sort of every session may use so much."
            ),
        )


def cache(snapshot: Snapshot) -> Iterator[Finding]:
    """Less than 90 % of many block reads came from shared_buffers."""
    setting = snapshot.setting("shared_buffers")
    for row in snapshot.of_view("pg_stat_database"):
        hit, read = row.number("blks_hit"), row.number("blks_read")
        if hit + read < BLOCKS or hit / (hit + read) >= HIT:
            continue
        share = hit / (hit + read)
        yield found(
            "statements/cache-misses",
            thing(snapshot),
            WARNING if share < HIT_BAD and read >= 10 * BLOCKS else INFO,
            0.5,
            f"Only {share:.0%} of the blocks of database {row.text('datname')} came from"
            " shared_buffers.",
            row,
            setting,
            next_checks=("get_table_stats: is a large table read in full?", "get_slow_queries"),
            remedy=by_hand(
                "Index what is read in full; else ALTER SYSTEM SET shared_buffers to a quarter of"
                " the machine's memory and restart."
            ),
        )


RULES = (slow, temporary, cache)
