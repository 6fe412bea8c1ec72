"""Looks at tables: size, use, dead rows, vacuum, and what takes the disk."""

from __future__ import annotations

from pydantic import Field

from agents.database.connect import Row, Session
from agents.database.reading import MOST_ROWS, reads
from agents.database.report import Table, counted, report, size
from agents.database.targets import TargetArguments
from agents.runtime.tool import Tool, ToolResult

MOST_TABLES = 20
BLOATED_CATALOGUE = 100 << 20  # bytes of a system table from where on it is worth telling
# Asking a locked table for its size would wait for the lock: then its size is said as unknown.
_SIZES = """
WITH locked AS (
    SELECT l.relation FROM pg_locks l JOIN pg_database d ON d.oid = l.database
    WHERE d.datname = current_database() AND l.mode = 'AccessExclusiveLock'
      AND l.relation IS NOT NULL
), sized AS (
    SELECT c.oid, c.relname, c.relkind, c.relnamespace::regnamespace::text AS schema,
           c.relpages::int8 * current_setting('block_size')::int8 AS estimated_bytes,
           c.oid IN (SELECT relation FROM locked) AS locked
    FROM pg_class c WHERE c.relkind IN ('r', 'm', 'i', 'p') AND c.relpersistence <> 't'
)
"""
_TABLES = (
    _SIZES
    + """
SELECT s.schemaname AS schema, s.relname AS "table", z.locked,
       CASE WHEN z.locked THEN z.estimated_bytes ELSE pg_total_relation_size(z.oid) END
           AS total_bytes,
       CASE WHEN NOT z.locked THEN pg_table_size(z.oid) END AS table_bytes,
       CASE WHEN NOT z.locked THEN pg_indexes_size(z.oid) END AS index_bytes,
       s.n_live_tup AS live_rows, s.n_dead_tup AS dead_rows,
       round(100.0 * s.n_dead_tup / nullif(s.n_live_tup + s.n_dead_tup, 0), 1)::float8 AS dead_pct,
       s.seq_scan AS sequential_scans, s.idx_scan AS index_scans,
       s.last_vacuum, s.last_autovacuum, s.last_analyze, s.last_autoanalyze
FROM pg_stat_user_tables s JOIN sized z ON z.oid = s.relid
WHERE s.schemaname = %s AND (%s = '' OR s.relname = %s)
ORDER BY total_bytes DESC NULLS LAST, 2 LIMIT %s
"""
)
_SCHEMAS = """
SELECT DISTINCT schemaname AS schema FROM pg_stat_user_tables ORDER BY 1 LIMIT 50
"""
_DEAD = """
SELECT s.schemaname AS schema, s.relname AS "table", s.n_live_tup AS live_rows,
       s.n_dead_tup AS dead_rows,
       round(100.0 * s.n_dead_tup / nullif(s.n_live_tup + s.n_dead_tup, 0), 1)::float8 AS dead_pct,
       s.n_dead_tup > least(o.threshold + o.scale * greatest(c.reltuples, 0), o.most)
           AS autovacuum_due,
       s.last_vacuum, s.last_autovacuum, s.vacuum_count, s.autovacuum_count,
       age(c.relfrozenxid) AS xid_age
FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
CROSS JOIN LATERAL (
    SELECT coalesce(max(option_value) FILTER (WHERE option_name = 'autovacuum_vacuum_threshold'),
                    current_setting('autovacuum_vacuum_threshold'))::float8 AS threshold,
           coalesce(max(option_value) FILTER (
                        WHERE option_name = 'autovacuum_vacuum_scale_factor'),
                    current_setting('autovacuum_vacuum_scale_factor'))::float8 AS scale,
           -- Since 18; -1 is no limit.
           coalesce(nullif(current_setting('autovacuum_vacuum_max_threshold', true)::float8, -1),
                    'infinity') AS most
    FROM pg_options_to_table(c.reloptions)
) o
WHERE s.n_dead_tup > 0 AND 100.0 * s.n_dead_tup / (s.n_live_tup + s.n_dead_tup) >= %s
ORDER BY s.n_dead_tup DESC LIMIT %s
"""
_RUNNING = """
SELECT p.pid, p.datname AS database, p.relid::regclass::text AS "table", p.phase,
       round(100.0 * p.heap_blks_scanned / nullif(p.heap_blks_total, 0), 1)::float8 AS scanned_pct,
       a.backend_type LIKE 'autovacuum%' AS autovacuum,
       round(extract(epoch FROM clock_timestamp() - a.xact_start))::int8 AS running_s
FROM pg_stat_progress_vacuum p LEFT JOIN pg_stat_activity a USING (pid) LIMIT 50
"""
# Dead rows that any of these may still see cannot be removed by vacuum.
_HOLDERS = """
SELECT * FROM (
    SELECT 'session' AS what, pid::text AS name, age(backend_xmin) AS xid_age,
           coalesce(state, backend_type) AS detail
    FROM pg_stat_activity WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid()
    UNION ALL
    SELECT 'replication slot', slot_name, greatest(age(xmin), age(catalog_xmin)),
           CASE WHEN active THEN 'active' ELSE 'inactive' END
    FROM pg_replication_slots WHERE xmin IS NOT NULL OR catalog_xmin IS NOT NULL
    UNION ALL
    SELECT 'prepared transaction', gid, age(transaction), owner FROM pg_prepared_xacts
    UNION ALL
    SELECT 'standby', application_name, age(backend_xmin), 'hot_standby_feedback'
    FROM pg_stat_replication WHERE backend_xmin IS NOT NULL
) held ORDER BY xid_age DESC LIMIT 10
"""
_WRAPAROUND = """
SELECT datname AS database, age(datfrozenxid) AS xid_age,
       round(100.0 * age(datfrozenxid) / 2000000000, 1)::float8 AS wraparound_pct
FROM pg_database WHERE datallowconn ORDER BY 2 DESC LIMIT 20
"""
_BIGGEST = (
    _SIZES
    + """
SELECT z.schema, z.relname AS name,
       CASE z.relkind WHEN 'i' THEN 'index' WHEN 'm' THEN 'materialized view' ELSE 'table' END
           AS kind,
       z.locked,
       CASE WHEN z.locked THEN z.estimated_bytes
            WHEN z.relkind = 'i' THEN pg_relation_size(z.oid)
            ELSE pg_table_size(z.oid) END AS bytes
FROM sized z
WHERE z.relkind <> 'p' AND z.schema NOT LIKE 'pg\\_toast%%'
  AND (z.schema NOT IN ('pg_catalog', 'information_schema') OR z.estimated_bytes >= %s)
ORDER BY bytes DESC NULLS LAST LIMIT %s
"""
)
_DATABASES = """
SELECT datname AS database,
       CASE WHEN has_database_privilege(oid, 'CONNECT')
                 OR pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')
            THEN pg_database_size(oid) END AS bytes
FROM pg_database ORDER BY 2 DESC NULLS LAST LIMIT 50
"""
_TABLESPACES = """
SELECT spcname AS tablespace, nullif(pg_tablespace_location(oid), '') AS location,
       CASE WHEN pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')
            THEN pg_tablespace_size(oid) END AS bytes
FROM pg_tablespace ORDER BY 3 DESC NULLS LAST LIMIT 50
"""
_MAY_LIST = "SELECT has_function_privilege('pg_ls_waldir()', 'EXECUTE')"
_WAL = "SELECT count(*) AS files, coalesce(sum(size), 0)::int8 AS bytes FROM pg_ls_waldir()"
_TEMPORARY = "SELECT coalesce(sum(size), 0)::int8 AS bytes FROM pg_ls_tmpdir()"


class TableArguments(TargetArguments):
    schema_name: str = Field(default="public", max_length=63, description="Schema of the tables")
    table_name: str = Field(
        default="", max_length=63, description="One table by its exact name; empty: the 20 largest"
    )


class VacuumArguments(TargetArguments):
    min_dead_ratio: float = Field(
        default=0.0,
        ge=0,
        le=100,
        description="List only tables of whose rows at least so many percent are dead",
    )


class DiskArguments(TargetArguments):
    top_n: int = Field(
        default=20, ge=1, le=MOST_ROWS, description="How many tables and indexes to list"
    )


def tools() -> list[Tool]:
    return [
        reads(
            "get_table_stats",
            _tables,
            "Size, live and dead rows, scans and last vacuum of the tables of a schema.",
            TableArguments,
            tags=("tables", "statistics"),
            examples=("How large are the tables of orders?",),
        ),
        reads(
            "get_vacuum_status",
            _vacuum,
            "Dead rows, vacuums that run, what keeps vacuum from cleaning, and wraparound.",
            VacuumArguments,
            tags=("tables", "performance"),
            examples=("Does vacuum keep up on orders?",),
        ),
        reads(
            "get_disk_usage",
            _disk,
            "What takes disk: databases, largest tables and indexes, WAL, tablespaces.",
            DiskArguments,
            tags=("tables", "statistics"),
            examples=("What fills the disk of orders?",),
        ),
    ]


def _tables(db: Session, arguments: TableArguments) -> ToolResult:
    schema, table = arguments.schema_name, arguments.table_name
    found = db.rows(_TABLES, [schema, table, table, MOST_TABLES])
    shown = [{**row, "size": _size(row, "total_bytes")} for row in found]
    columns = ("table", "size", "live_rows", "dead_rows", "dead_pct", "sequential_scans")
    return report(
        Table(
            f"Tables of schema {schema}",
            shown,
            (*columns, "index_scans", "last_autovacuum", "last_autoanalyze"),
            empty="" if found else _nothing(db, schema, table),
        ),
        _locked(found),
        tables=found,
        count=len(found),
    )


def _nothing(db: Session, schema: str, table: str) -> str:
    schemas = [row["schema"] for row in db.rows(_SCHEMAS)]
    what = f"no table {table!r}" if table else "no table"
    known = f"Schemas with tables are: {', '.join(schemas)}." if schemas else "None has tables."
    return f"There is {what} in schema {schema!r}. {known}"


def _vacuum(db: Session, arguments: VacuumArguments) -> ToolResult:
    found = db.rows(_DEAD, [arguments.min_dead_ratio, MOST_TABLES])
    running, holders, age = db.rows(_RUNNING), db.rows(_HOLDERS), db.rows(_WRAPAROUND)
    due = sum(bool(row["autovacuum_due"]) for row in found)
    columns = ("schema", "table", "live_rows", "dead_rows", "dead_pct", "autovacuum_due")
    return report(
        f"{counted(due, 'table is', 'tables are')} due for autovacuum."
        f" The oldest database has used {age[0]['wraparound_pct'] if age else 0} % of its"
        " transaction ids.",
        Table("Dead rows", found, (*columns, "last_autovacuum"), empty="No table has dead rows."),
        Table("Vacuums that run", running, empty="No vacuum runs."),
        Table("What holds back cleaning, oldest first", holders),
        tables=found,
        running=running,
        holders=holders,
        wraparound=age,
    )


def _disk(db: Session, arguments: DiskArguments) -> ToolResult:
    databases, spaces = db.rows(_DATABASES), db.rows(_TABLESPACES)
    biggest = db.rows(_BIGGEST, [BLOATED_CATALOGUE, arguments.top_n])
    may = db.value(_MAY_LIST)
    wal, temporary = (db.row(_WAL), db.row(_TEMPORARY)) if may else ({}, {})
    shown = [{**row, "size": _size(row, "bytes")} for row in biggest]
    return report(
        _disk_told(wal, temporary),
        Table("Databases", _sized(databases), ("database", "size")),
        Table("Largest tables and indexes", shown, ("schema", "name", "kind", "size")),
        Table("Tablespaces", _sized(spaces), ("tablespace", "location", "size")),
        _locked(biggest),
        "How much of the disk is free cannot be asked of PostgreSQL.",
        databases=databases,
        largest=biggest,
        tablespaces=spaces,
        wal=wal or None,
        temporary=temporary or None,
    )


def _disk_told(wal: Row, temporary: Row) -> str:
    if not wal:
        return "WAL and temporary files are not visible to this role (it lacks pg_monitor)."
    files = counted(wal["files"], "file")
    return f"WAL: {size(wal['bytes'])} in {files}; temporary files: {size(temporary['bytes'])}."


def _sized(rows: list[Row]) -> list[Row]:
    return [{**row, "size": size(row["bytes"])} for row in rows]


def _size(row: Row, key: str) -> str:
    return f"~{size(row[key])}" if row["locked"] else size(row[key])


def _locked(rows: list[Row]) -> str:
    names = [str(row.get("table") or row.get("name")) for row in rows if row["locked"]]
    if not names:
        return ""
    return f"Locked by somebody (ACCESS EXCLUSIVE), so estimated: {', '.join(names)}."
