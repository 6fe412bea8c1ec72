"""Looks at indexes: how often each is used, and which could be dropped or built anew."""

from __future__ import annotations

from pydantic import Field

from agents.database.connect import Row, Session
from agents.database.reading import Limited, reads
from agents.database.report import Table, counted, report, size
from agents.runtime.tool import Tool, ToolResult

# Sizes are estimates of the catalogue: asking a locked index for its size would wait.
_INDEXES = """
SELECT s.schemaname AS schema, s.relname AS "table", s.indexrelname AS "index", s.idx_scan AS scans,
       s.idx_tup_read AS rows_read,
       c.relpages::int8 * current_setting('block_size')::int8 AS bytes,
       i.indisvalid AS valid,
       i.indisunique OR EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)
           AS enforces
FROM pg_stat_user_indexes s
JOIN pg_index i ON i.indexrelid = s.indexrelid
JOIN pg_class c ON c.oid = s.indexrelid
WHERE (%s = '' OR s.schemaname = %s) AND (%s = '' OR s.relname = %s)
  AND (NOT %s OR s.idx_scan = 0
       AND NOT (i.indisunique
                OR EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)))
ORDER BY c.relpages DESC, 1, 3 LIMIT %s
"""
_SINCE = """
SELECT coalesce(stats_reset, pg_postmaster_start_time()) AS since
FROM pg_stat_database WHERE datname = current_database()
"""


class IndexArguments(Limited):
    schema_name: str = Field(default="", max_length=63, description="Schema; empty: all")
    table_name: str = Field(default="", max_length=63, description="Table; empty: all")


def tools() -> list[Tool]:
    return [
        reads(
            "get_index_usage",
            _usage,
            "Indexes with their size and how often each was read, the largest first.",
            IndexArguments,
            tags=("tables", "performance"),
            examples=("Are the indexes of orders used?",),
        ),
        reads(
            "get_unused_indexes",
            _unused,
            "Indexes that were never read since the counters began and enforce nothing.",
            IndexArguments,
            tags=("tables", "performance"),
            examples=("Which indexes of orders could be dropped?",),
        ),
    ]


def _usage(db: Session, arguments: IndexArguments) -> ToolResult:
    found = _found(db, arguments, unused=False)
    broken = [row["index"] for row in found if not row["valid"]]
    return report(
        f"{counted(len(found), 'index', 'indexes')}, the largest first; counted since"
        f" {db.value(_SINCE)}.",
        _table(found),
        f"Invalid, so unused and still maintained: {', '.join(broken)}." if broken else "",
        indexes=found,
    )


def _unused(db: Session, arguments: IndexArguments) -> ToolResult:
    found = _found(db, arguments, unused=True)
    return report(
        f"{counted(len(found), 'index was', 'indexes were')} never read since {db.value(_SINCE)}.",
        _table(found),
        "Reads on standbys are counted there: see there before one is dropped." if found else "",
        indexes=found,
    )


def _found(db: Session, arguments: IndexArguments, *, unused: bool) -> list[Row]:
    schema, table = arguments.schema_name, arguments.table_name
    return db.rows(_INDEXES, [schema, schema, table, table, unused, arguments.limit])


def _table(found: list[Row]) -> Table:
    shown = [{**row, "size": size(row["bytes"])} for row in found]
    return Table("", shown, ("schema", "table", "index", "size", "scans", "enforces", "valid"))
