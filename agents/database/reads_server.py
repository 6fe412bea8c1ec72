"""Looks at the server as a whole: does it answer, what is it, which databases does it hold."""

from __future__ import annotations

import time

from agents.database.connect import Session
from agents.database.reading import reads
from agents.database.report import Table, counted, report, size, span
from agents.database.targets import TargetArguments
from agents.runtime.tool import Tool, ToolResult

_CONNECTION = """
SELECT version() AS version, current_database() AS database, current_user AS "user",
       host(inet_server_addr()) AS server_address, inet_server_port() AS server_port,
       pg_is_in_recovery() AS standby,
       (SELECT s.version FROM pg_stat_ssl s WHERE s.pid = pg_backend_pid() AND s.ssl) AS tls
"""
_SERVER = """
SELECT version() AS version, pg_postmaster_start_time() AS started_at,
       round(extract(epoch FROM clock_timestamp() - pg_postmaster_start_time()))::int8 AS uptime_s,
       (SELECT setting FROM pg_settings WHERE name = 'data_directory') AS data_directory,
       (SELECT setting FROM pg_settings WHERE name = 'config_file') AS config_file,
       current_database() AS database, pg_database_size(current_database()) AS database_bytes,
       CASE WHEN pg_is_in_recovery() THEN 'replica' ELSE 'primary' END AS role,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')
           AS connections,
       (SELECT count(*) FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND state = 'active') AS active_connections,
       current_setting('max_connections')::int AS max_connections,
       current_setting('TimeZone') AS time_zone
"""
_DATABASES = """
SELECT d.datname AS name, pg_get_userbyid(d.datdba) AS owner,
       CASE WHEN has_database_privilege(d.oid, 'CONNECT')
                 OR pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')
            THEN pg_database_size(d.oid) END AS bytes,
       pg_encoding_to_char(d.encoding) AS encoding,
       coalesce(to_jsonb(d)->>'datlocale', to_jsonb(d)->>'daticulocale', d.datcollate)
           AS "collation",
       nullif(d.datconnlimit, -1) AS connection_limit, d.datallowconn AS allows_connections,
       age(d.datfrozenxid) AS xid_age
FROM pg_database d WHERE NOT d.datistemplate
ORDER BY 3 DESC NULLS LAST, 1 LIMIT 100
"""
_STATISTICS = """
SELECT datname AS database, numbackends AS backends, xact_commit AS commits,
       xact_rollback AS rollbacks, blks_read AS blocks_read, blks_hit AS blocks_hit,
       round(100.0 * blks_hit / nullif(blks_hit + blks_read, 0), 2)::float8 AS hit_pct,
       tup_returned AS rows_returned, tup_fetched AS rows_fetched, tup_inserted AS rows_inserted,
       tup_updated AS rows_updated, tup_deleted AS rows_deleted, conflicts, deadlocks,
       temp_files, temp_bytes, stats_reset AS counted_since
FROM pg_stat_database WHERE datname IS NOT NULL AND datname NOT LIKE 'template%'
ORDER BY xact_commit DESC LIMIT 100
"""
_EXTENSIONS = """
SELECT e.extname AS name, e.extversion AS version, n.nspname AS schema,
       a.default_version AS available_version, a.comment AS description
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
LEFT JOIN pg_available_extensions a ON a.name = e.extname
ORDER BY 1 LIMIT 200
"""


def tools() -> list[Tool]:
    return [
        reads(
            "check_connection",
            _check_connection,
            "Whether a database answers, who Aura is there, and which server it is.",
            TargetArguments,
            tags=("connectivity",),
            examples=("Can you reach the orders database?",),
        ),
        reads(
            "get_server_info",
            _server_info,
            "Version, start time, role (primary or replica), size and use of connections.",
            TargetArguments,
            tags=("metadata",),
            examples=("Which version does orders run, and since when?",),
        ),
        reads(
            "get_database_info",
            _database_info,
            "The databases of a server: size, owner, encoding, collation, connection limit.",
            TargetArguments,
            tags=("metadata",),
        ),
        reads(
            "get_database_stats",
            _database_stats,
            "Counters of every database: commits, rollbacks, cache hits, deadlocks, temp files.",
            TargetArguments,
            tags=("performance", "statistics"),
        ),
        reads(
            "get_extensions",
            _extensions,
            "Installed extensions with their versions, and those that could be updated.",
            TargetArguments,
            tags=("metadata",),
        ),
    ]


def _check_connection(db: Session, _: TargetArguments) -> ToolResult:
    began = time.perf_counter()
    found = db.row(_CONNECTION)
    took_ms = round((time.perf_counter() - began) * 1000, 1)
    where = found["server_address"] or "a Unix socket"
    port = f" port {found['server_port']}" if found["server_port"] else ""
    return report(
        f"Connection successful: {found['database']} as {found['user']} on {where}{port}, a"
        f" {'replica' if found['standby'] else 'primary'}; it answered in {took_ms} ms.",
        str(found["version"]),
        f"The connection is encrypted with {found['tls']}." if found["tls"] else "",
        **found,
        answer_ms=took_ms,
    )


def _server_info(db: Session, _: TargetArguments) -> ToolResult:
    found = db.row(_SERVER)
    hidden = "not visible to this role (it lacks pg_monitor)"
    return report(
        str(found["version"]),
        [
            f"Role: {found['role']}.",
            f"Up for {span(found['uptime_s'])}, since {found['started_at']}.",
            f"Connections: {found['connections']} of {found['max_connections']}.",
            f"Active: {found['active_connections']}.",
            f"Database {found['database']}: {size(found['database_bytes'])}.",
            f"Data directory: {found['data_directory'] or hidden}.",
            f"Configuration file: {found['config_file'] or hidden}.",
        ],
        **found,
        version_number=db.version,
    )


def _database_info(db: Session, _: TargetArguments) -> ToolResult:
    found = db.rows(_DATABASES)
    shown = [{**row, "size": size(row["bytes"])} for row in found]
    columns = ("name", "size", "owner", "encoding", "collation", "connection_limit", "xid_age")
    role = "replica (in recovery)" if db.standby else "primary"
    return report(
        f"{counted(len(found), 'database')}; the server is a {role}.",
        Table("", shown, columns),
        databases=found,
        in_recovery=db.standby,
    )


def _database_stats(db: Session, _: TargetArguments) -> ToolResult:
    found = db.rows(_STATISTICS)
    columns = ("database", "backends", "commits", "rollbacks", "hit_pct", "deadlocks", "conflicts")
    rows = ("rows_returned", "rows_fetched", "rows_inserted", "rows_updated", "rows_deleted")
    return report(
        Table("Transactions and cache", found, (*columns, "temp_files", "temp_bytes")),
        Table("Rows", found, ("database", *rows)),
        databases=found,
    )


def _extensions(db: Session, _: TargetArguments) -> ToolResult:
    found = db.rows(_EXTENSIONS)
    old = [row["name"] for row in found if row["available_version"] not in (None, row["version"])]
    return report(
        f"{counted(len(found), 'extension')} installed.",
        Table("", found, ("name", "version", "available_version", "schema", "description")),
        f"A newer version is there for {', '.join(old)} (ALTER EXTENSION … UPDATE)." if old else "",
        extensions=found,
        outdated=old,
    )
