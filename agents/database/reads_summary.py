"""One look over everything: the figures that matter and what of them needs attention."""

from __future__ import annotations

from collections.abc import Iterator

from agents.database.connect import Row, Session
from agents.database.reading import reads
from agents.database.reads_replication import replicas, slots, standby
from agents.database.reads_sessions import visibility
from agents.database.report import counted, report, size, span
from agents.database.targets import TargetArguments
from agents.runtime.tool import Tool, ToolResult

# From where on a figure is told as something to look at.
CONNECTIONS_PCT = 80
IDLE_IN_TRANSACTION_S = 300
TRANSACTION_S = 3600
STATEMENT_S = 300
CACHE_HIT_PCT = 90
CACHE_BLOCKS = 100_000  # below, the ratio says nothing
XID_AGE = 1_000_000_000  # half of what there is
LAG_BYTES = 100 << 20
LAG_MS = 60_000
SLOT_BYTES = 1 << 30

_SERVER = """
SELECT current_setting('server_version') AS version,
       round(extract(epoch FROM clock_timestamp() - pg_postmaster_start_time()))::int8 AS uptime_s,
       current_setting('max_connections')::int AS max_connections,
       current_setting('autovacuum')::bool AS autovacuum,
       (SELECT max(age(datfrozenxid)) FROM pg_database WHERE datallowconn) AS xid_age,
       (SELECT count(*) FROM pg_settings WHERE pending_restart) AS pending_restart,
       current_database() AS database, pg_database_size(current_database()) AS database_bytes
"""
_SESSIONS = """
SELECT count(*) AS connections,
       count(*) FILTER (WHERE state = 'active') AS active,
       count(*) FILTER (WHERE state LIKE 'idle in transaction%') AS idle_in_transaction,
       count(*) FILTER (WHERE wait_event_type = 'Lock') AS blocked,
       round(extract(epoch FROM max(clock_timestamp() - query_start)
             FILTER (WHERE state = 'active')), 1)::float8 AS longest_statement_s,
       round(extract(epoch FROM max(clock_timestamp() - xact_start)), 1)::float8
           AS longest_transaction_s,
       round(extract(epoch FROM max(clock_timestamp() - state_change)
             FILTER (WHERE state LIKE 'idle in transaction%')), 1)::float8
           AS longest_idle_in_transaction_s
FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
_COUNTERS = """
SELECT sum(blks_hit)::int8 AS blocks_hit, sum(blks_read)::int8 AS blocks_read,
       round(100.0 * sum(blks_hit) / nullif(sum(blks_hit) + sum(blks_read), 0), 2)::float8
           AS cache_hit_pct,
       sum(deadlocks)::int8 AS deadlocks, sum(temp_bytes)::int8 AS temp_bytes
FROM pg_stat_database
"""
_ARCHIVER = """
SELECT failed_count, last_failed_wal, last_failed_time,
       coalesce(last_failed_time > last_archived_time, last_failed_time IS NOT NULL) AS failing
FROM pg_stat_archiver
"""


def tools() -> list[Tool]:
    return [
        reads(
            "get_status_summary",
            _summary,
            "One look over a database: role, connections, long transactions, blocked sessions,"
            " cache, wraparound, replication, and what of it needs attention. Begin here.",
            TargetArguments,
            title="Get Status Summary",
            tags=("inspection", "performance"),
            examples=("Is orders healthy?", "Give me an overview of orders."),
        )
    ]


def figures(db: Session) -> Row:
    """Every figure of the summary, as one row."""
    followers = replicas(db)
    return {
        "role": "standby" if db.standby else "primary",
        **db.row(_SERVER),
        **db.row(_SESSIONS),
        **db.row(_COUNTERS),
        "archiver": db.row(_ARCHIVER),
        "replicas": len(followers),
        "max_lag_bytes": max((row["replay_lag_bytes"] or 0 for row in followers), default=0),
        "max_lag_ms": max((row["replay_lag_ms"] or 0 for row in followers), default=0),
        "idle_slots": [
            {"slot_name": row["slot_name"], "retained_bytes": row["retained_bytes"]}
            for row in slots(db)
            if not row["active"]
        ],
        "standby": standby(db) or None,
    }


def _summary(db: Session, _: TargetArguments) -> ToolResult:
    found = figures(db)
    attention = [*_sessions(found), *_storage(found), *_replication(found)]
    return report(
        f"PostgreSQL {found['version']}, {found['role']}, up for {span(found['uptime_s'])}.",
        [
            f"Connections: {found['connections']} of {found['max_connections']}.",
            f"Of these {found['active']} are active and {found['blocked']} blocked.",
            f"Idle in a transaction: {found['idle_in_transaction']}.",
            f"Longest statement: {span(found['longest_statement_s'] or 0)}.",
            f"Longest transaction: {span(found['longest_transaction_s'] or 0)}.",
            f"Database {found['database']}: {size(found['database_bytes'])}.",
            f"Cache hits: {found['cache_hit_pct'] or 0} %; deadlocks: {found['deadlocks']}.",
            f"Replicas: {found['replicas']}.",
        ],
        ["Needs attention:", *(f"- {line}" for line in attention)]
        if attention
        else "Nothing stands out.",
        visibility(db),
        **found,
        attention=attention,
    )


def _sessions(found: Row) -> Iterator[str]:
    used = found["connections"] * 100 // found["max_connections"]
    if used >= CONNECTIONS_PCT:
        yield f"{used} % of the connections are in use (get_connection_stats)."
    if found["blocked"]:
        blocked = counted(found["blocked"], "session waits", "sessions wait")
        yield f"{blocked} for a lock (get_blocking_queries)."
    if (found["longest_idle_in_transaction_s"] or 0) >= IDLE_IN_TRANSACTION_S:
        idle = span(found["longest_idle_in_transaction_s"])
        yield f"A session has been idle in a transaction for {idle} (get_active_connections)."
    if (found["longest_statement_s"] or 0) >= STATEMENT_S:
        yield f"A statement has run for {span(found['longest_statement_s'])}."
    if (found["longest_transaction_s"] or 0) >= TRANSACTION_S:
        age = span(found["longest_transaction_s"])
        yield f"A transaction has been open for {age}: vacuum cannot clean behind it."


def _storage(found: Row) -> Iterator[str]:
    blocks = (found["blocks_hit"] or 0) + (found["blocks_read"] or 0)
    if blocks > CACHE_BLOCKS and found["cache_hit_pct"] < CACHE_HIT_PCT:
        yield f"Only {found['cache_hit_pct']} % of block reads came from the cache."
    if found["xid_age"] >= XID_AGE:
        yield f"The oldest transaction id is {found['xid_age']:,} old (get_vacuum_status)."
    if not found["autovacuum"]:
        yield "autovacuum is off: dead rows are not cleaned."
    if found["archiver"].get("failing"):
        yield f"Archiving WAL fails, last with {found['archiver']['last_failed_wal']}."
    if found["pending_restart"]:
        waiting = counted(
            found["pending_restart"], "changed setting waits", "changed settings wait"
        )
        yield f"{waiting} for a restart (get_pg_settings)."


def _replication(found: Row) -> Iterator[str]:
    if found["max_lag_bytes"] >= LAG_BYTES or found["max_lag_ms"] >= LAG_MS:
        lag = f"{size(found['max_lag_bytes'])} or {span(found['max_lag_ms'] / 1000)}"
        yield f"A replica is {lag} behind (get_replication_status)."
    for slot in found["idle_slots"]:
        if (slot["retained_bytes"] or 0) >= SLOT_BYTES:
            kept = size(slot["retained_bytes"])
            yield f"Slot {slot['slot_name']} is not in use and keeps {kept} of WAL."
    own = found["standby"] or {}
    if own.get("replay_paused"):
        yield "Replay is paused on this standby (resume_wal_replay)."
    if own and own["receiver"] is None:
        yield "This standby does not hear of its primary."
    if (own.get("replay_lag_ms") or 0) >= LAG_MS:
        yield f"This standby is {span(own['replay_lag_ms'] / 1000)} behind."
