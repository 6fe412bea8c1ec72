"""Looks at replication, from the primary's side or from the standby's."""

from __future__ import annotations

from agents.database.connect import Row, Session
from agents.database.reading import reads
from agents.database.report import Table, counted, report, size, span
from agents.database.targets import TargetArguments
from agents.runtime.tool import Tool, ToolResult

# The position that lag is counted from: a standby writes none of its own.
_HERE = """
SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
            ELSE pg_current_wal_lsn() END::text AS lsn
"""
_REPLICAS = """
SELECT r.application_name AS application, host(r.client_addr) AS client, r.usename AS "user",
       r.state, r.sync_state,
       pg_wal_lsn_diff(here.lsn, r.write_lsn)::int8 AS write_lag_bytes,
       pg_wal_lsn_diff(here.lsn, r.flush_lsn)::int8 AS flush_lag_bytes,
       pg_wal_lsn_diff(here.lsn, r.replay_lsn)::int8 AS replay_lag_bytes,
       round(extract(epoch FROM r.write_lag) * 1000)::int8 AS write_lag_ms,
       round(extract(epoch FROM r.flush_lag) * 1000)::int8 AS flush_lag_ms,
       round(extract(epoch FROM r.replay_lag) * 1000)::int8 AS replay_lag_ms,
       r.backend_start AS connected_since
FROM pg_stat_replication r, (SELECT %s::pg_lsn AS lsn) here
ORDER BY 8 DESC NULLS LAST LIMIT 100
"""
_SLOTS = """
SELECT s.slot_name, s.slot_type, s.database, s.plugin, s.active, s.active_pid, s.temporary,
       s.wal_status, s.safe_wal_size AS safe_wal_bytes,
       to_jsonb(s)->>'invalidation_reason' AS invalidation_reason,
       to_jsonb(s)->>'inactive_since' AS inactive_since,
       pg_wal_lsn_diff(%s::pg_lsn, s.restart_lsn)::int8 AS retained_bytes,
       pg_wal_lsn_diff(%s::pg_lsn, s.confirmed_flush_lsn)::int8 AS lag_bytes
FROM pg_replication_slots s ORDER BY retained_bytes DESC NULLS LAST LIMIT 100
"""
_STANDBY = """
SELECT pg_last_wal_receive_lsn()::text AS received_lsn,
       pg_last_wal_replay_lsn()::text AS replayed_lsn,
       pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::int8
           AS replay_lag_bytes,
       pg_last_xact_replay_timestamp() AS last_transaction_at,
       CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
            ELSE round(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())
                       * 1000)::int8 END AS replay_lag_ms,
       pg_is_wal_replay_paused() AS replay_paused,
       w.status AS receiver, w.sender_host, w.sender_port, w.slot_name,
       w.latest_end_time AS last_heard_of_primary
FROM (SELECT 1) one LEFT JOIN pg_stat_wal_receiver w ON true
"""
LAGS = ("write_lag_bytes", "flush_lag_bytes", "replay_lag_bytes")


def tools() -> list[Tool]:
    return [
        reads(
            "get_replication_status",
            _status,
            "Role of the server; its replicas with their lag, its slots with the WAL they retain;"
            " on a standby how far it has received and replayed.",
            TargetArguments,
            tags=("replication", "ha"),
            examples=("How is replication of orders doing?",),
        ),
        reads(
            "check_replication_lag",
            _lag,
            "How far the replicas are behind, in milliseconds and bytes.",
            TargetArguments,
            title="Check Replication Lag",
            tags=("replication", "ha"),
            examples=("What is the replication lag of orders?",),
        ),
    ]


def replicas(db: Session) -> list[Row]:
    """What receives WAL from this server."""
    return db.rows(_REPLICAS, [db.value(_HERE)])


def slots(db: Session) -> list[Row]:
    """Replication slots with the bytes of WAL that are kept for them."""
    here = db.value(_HERE)
    return db.rows(_SLOTS, [here, here])


def standby(db: Session) -> Row:
    """How far a standby has come; empty on a primary."""
    return db.row(_STANDBY) if db.standby else {}


def _status(db: Session, _: TargetArguments) -> ToolResult:
    followers, kept, own = replicas(db), slots(db), standby(db)
    columns = ("application", "client", "state", "sync_state", *LAGS)
    columns_of_slots = ("slot_name", "slot_type", "active", "wal_status", "retained_bytes")
    return report(
        f"Role: {'standby' if db.standby else 'primary'}.",
        _standby_told(own) if own else "",
        Table("Replicas", followers, columns, empty="No replica is connected."),
        Table("Slots", kept, columns_of_slots, empty="There are no replication slots."),
        _slots_told(kept),
        role="standby" if db.standby else "primary",
        replicas=followers,
        slots=kept,
        standby=own or None,
    )


def _lag(db: Session, _: TargetArguments) -> ToolResult:
    if db.standby:
        own = standby(db)
        return report(_standby_told(own), role="standby", standby=own, replicas=[])
    found = replicas(db)
    columns = ("application", "client", "state", "replay_lag_ms", "replay_lag_bytes")
    return report(
        _lag_told(found),
        Table("", found, columns),
        role="primary",
        replicas=found,
        max_lag_ms=max((_milliseconds(row) for row in found), default=0),
        max_lag_bytes=max((row["replay_lag_bytes"] or 0 for row in found), default=0),
    )


def _lag_told(found: list[Row]) -> str:
    if not found:
        return "No replica is connected, so there is no replication lag to measure."
    worst = max(found, key=lambda row: (row["replay_lag_bytes"] or 0, _milliseconds(row)))
    lag_ms, behind = _milliseconds(worst), worst["replay_lag_bytes"] or 0
    if not any(_milliseconds(row) or row["replay_lag_bytes"] for row in found):
        return "Replication lag is 0 ms on all replicas."
    return (
        f"Replication lag is at most {lag_ms} ms and {size(behind)}"
        f" ({worst['application']}, {counted(len(found), 'replica')})."
    )


def _milliseconds(row: Row) -> int:
    """The server measures none while everything is replayed."""
    return row["replay_lag_ms"] or 0


def _standby_told(own: Row) -> list[str]:
    received = own["received_lsn"] or "nothing"
    lines = [
        f"Received up to {received}, replayed up to {own['replayed_lsn']}.",
        f"Not replayed yet: {size(own['replay_lag_bytes'] or 0)}.",
    ]
    if own["replay_lag_ms"] is not None:
        lines.append(f"This standby is {span(own['replay_lag_ms'] / 1000)} behind.")
    if own["replay_paused"]:
        lines.append("Replay is PAUSED: resume_wal_replay lets it go on.")
    if own["receiver"] is None:
        lines.append("No WAL receiver runs: this standby does not hear of its primary.")
    return lines


def _slots_told(kept: list[Row]) -> list[str]:
    return [
        f"Slot {row['slot_name']} is not in use and keeps {size(row['retained_bytes'])} of WAL."
        for row in kept
        if not row["active"] and row["retained_bytes"]
    ]
