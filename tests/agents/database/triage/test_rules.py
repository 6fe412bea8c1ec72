"""Rules over rows as somebody else recorded them, and over any rows at all."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.database.triage.judge import triage
from agents.database.triage.snapshot import Snapshot
from agents.triage import report
from agents.triage.causes import CAUSES
from agents.triage.findings import Severity
from agents.triage.proof import every, unproven

NOW = "2026-03-01 12:00:00.5+00"
CLIENT = {"backend_type": "client backend", "datname": "shop", "usename": "web"}


def causes(snapshot: Snapshot) -> list[str]:
    found = triage(snapshot)
    assert unproven(found, snapshot) == []
    return [root.cause for root in found.roots]


def test_an_empty_recording_is_nothing_wrong() -> None:
    found = triage(Snapshot.of(target="shop"))
    assert (found.roots, found.missing) == ((), ())
    assert report.text(found).startswith("Nothing wrong was found in shop")


def test_recorded_locks_give_the_root_without_blocking_pids() -> None:
    """As psql prints them: numbers and booleans are text."""
    snapshot = Snapshot.of(
        {
            "pg_stat_activity": [
                {
                    **CLIENT,
                    "pid": "10",
                    "state": "idle in transaction",
                    "xact_start": "2026-03-01 11:50:00+00",
                    "state_change": "2026-03-01 11:51:00+00",
                    "query": "UPDATE orders SET paid = true",
                },
                {
                    **CLIENT,
                    "pid": "11",
                    "state": "active",
                    "wait_event_type": "Lock",
                    "query_start": "2026-03-01 11:55:00+00",
                    "query": "UPDATE orders SET paid = false",
                },
            ],
            "pg_locks": [
                {"pid": "10", "locktype": "transactionid", "transactionid": "7", "granted": "t"},
                {"pid": "11", "locktype": "transactionid", "transactionid": "7", "granted": "f"},
            ],
        },
        target="shop",
        taken_at=NOW,
    )
    found = triage(snapshot)
    assert [root.key for root in found.roots] == [
        "database/shop/session/10#sessions/idle-in-transaction"
    ]
    (symptom,) = found.symptoms[found.roots[0].key]
    assert symptom.cause == "locks/blocking-chain"
    assert symptom.severity is Severity.CRITICAL
    assert found.roots[0].remedy is not None
    assert found.roots[0].remedy.arguments == {"connection_string": "shop", "pid": 10}


@pytest.mark.parametrize(
    ("rows", "cause"),
    [
        ({"disk": {"mount": "/data", "total_bytes": 100, "free_bytes": 2}}, "storage/disk-full"),
        ({"pg_database": {"datname": "a", "xid_age": 2e9}}, "vacuum/xid-wraparound"),
        ({"pg_database": {"datname": "a", "mxid_age": 2e9}}, "vacuum/multixact-wraparound"),
        (
            {"pg_stat_database": {"datname": "a", "checksum_failures": 2}},
            "storage/checksum-failures",
        ),
        (
            {
                "pg_stat_archiver": {
                    "failed_count": 5,
                    "last_failed_wal": "9",
                    "last_failed_time": "2026-03-01T11:59:00Z",
                    "last_archived_time": "2026-03-01T08:00:00Z",
                }
            },
            "wal/archive-failing",
        ),
        (
            {
                "pg_stat_replication": {
                    "application_name": "s1",
                    "state": "streaming",
                    "sent_lsn": "5/0",
                    "flush_lsn": "5/0",
                    "replay_lsn": "0/0A000000",
                    "replay_lag": "00:12:00",
                }
            },
            "replication/lagging",
        ),
        (
            {"slots": {"slot_name": "old", "active": "f", "wal_status": "unreserved"}},
            "replication/slot-inactive",
        ),
        ({"recovery": {"in_recovery": True, "replay_paused": "t"}}, "replication/replay-paused"),
        (
            {"pg_subscription": {"subname": "s", "subenabled": True, "pid": None}},
            "replication/subscription-failing",
        ),
        (
            {
                "pg_stat_statements": {
                    "queryid": 1,
                    "total_exec_time": 9e6,
                    "mean_exec_time": 9e3,
                    "query": "SELECT 1",
                }
            },
            "statements/slow-statement",
        ),
        (
            {"pg_file_settings": {"name": "work_mem", "sourcefile": "c", "error": "syntax error"}},
            "configuration/invalid-file",
        ),
    ],
)
def test_recorded_rows_give_the_cause(rows: dict[str, Any], cause: str) -> None:
    found = triage(Snapshot.of(rows, taken_at=NOW))
    assert causes(Snapshot.of(rows, taken_at=NOW))[0] == cause
    assert found.roots[0].severity > Severity.INFO


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ({"fsync": "off"}, "configuration/durability-off"),
        ({"autovacuum": False}, "vacuum/autovacuum-off"),
        ({"statement_timeout": "200ms"}, "configuration/statement-timeout"),
        ({"default_transaction_read_only": "on"}, "configuration/read-only-default"),
        (
            {"work_mem": "2GB", "max_connections": "400", "shared_buffers": "128MB"},
            "configuration/memory-overcommitted",
        ),
        (
            {"synchronous_standby_names": "ANY 1 (a, b)", "synchronous_commit": "on"},
            "replication/sync-standby-missing",
        ),
    ],
)
def test_settings_as_show_says_them_give_the_cause(said: dict[str, Any], cause: str) -> None:
    assert causes(Snapshot.of(settings=said, taken_at=NOW)) == [cause]


def test_the_defaults_of_postgresql_are_no_finding() -> None:
    defaults = {
        "fsync": "on",
        "full_page_writes": "on",
        "autovacuum": "on",
        "work_mem": "4MB",
        "max_connections": "100",
        "shared_buffers": "128MB",
        "statement_timeout": "0",
        "synchronous_standby_names": "",
        "default_transaction_read_only": "off",
        "enable_seqscan": "on",
    }
    assert causes(Snapshot.of(settings=defaults, taken_at=NOW)) == []


def test_memory_is_compared_with_the_machine_where_that_is_known() -> None:
    settings = {"work_mem": "64MB", "max_connections": "100", "shared_buffers": "8GB"}
    machine = {"machine": {"memory_bytes": 16 << 30}}
    assert causes(Snapshot.of(machine, {**settings, "work_mem": "256MB"}, taken_at=NOW)) == [
        "configuration/memory-overcommitted"
    ]
    assert causes(Snapshot.of(machine, settings, taken_at=NOW)) == []


def test_passwords_are_in_no_line_of_proof() -> None:
    row = {
        **CLIENT,
        "pid": 1,
        "state": "idle in transaction",
        "state_change": "2026-03-01 11:00:00+00",
        "query": "ALTER ROLE web PASSWORD 'tell-nobody-7'",
    }
    snapshot = Snapshot.of({"activity": [row]}, taken_at=NOW)
    assert "tell-nobody-7" not in report.text(triage(snapshot))
    assert "tell-nobody-7" not in snapshot.text("pg_stat_activity")


def test_backups_and_upkeep_may_take_long() -> None:
    rows = [
        {**CLIENT, "pid": 1, "application_name": "pg_dump", "query": "COPY orders TO stdout"},
        {**CLIENT, "pid": 2, "query": "CREATE INDEX CONCURRENTLY ON orders (id)"},
        {**CLIENT, "pid": 3, "backend_type": "autovacuum worker", "query": "autovacuum: VACUUM"},
        {**CLIENT, "pid": 4, "backend_type": "walsender", "query": "BASE_BACKUP"},
    ]
    long_ago = {"xact_start": "2026-03-01 02:00:00+00", "query_start": "2026-03-01 02:00:00+00"}
    snapshot = Snapshot.of(
        {"activity": [{**row, **long_ago, "state": "active"} for row in rows]}, taken_at=NOW
    )
    assert all(root.severity is Severity.INFO for root in triage(snapshot).roots)


# --- any rows at all ------------------------------------------------------------------------------

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**40), 2**62),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        ["t", "f", "active", "idle in transaction", "client backend", "Lock", "SyncRep", "lost"]
    ),
    st.sampled_from(["0/16B3748", "00:10:00", "-1", "4MB", "{1,2}", NOW, "streaming", "x\ny"]),
    st.datetimes(timezones=st.just(UTC), max_value=datetime(2030, 1, 1)),  # noqa: DTZ001
    st.lists(st.integers(0, 4), max_size=3),
)
COLUMNS = """
    pid datname usename state wait_event_type wait_event xact_start query_start state_change
    query backend_type blocked_by xmin_age xid_age mxid_age granted locktype relation
    transactionid gid prepared slot_name active wal_status retained_bytes inactive_since
    replay_lag_bytes replay_lag sent_lsn flush_lsn replay_lsn sync_state in_recovery
    replay_paused failed_count stats_reset last_failed_time last_archived_time num_requested
    num_timed deadlocks temp_bytes blks_hit blks_read checksum_failures schemaname relname
    n_live_tup n_dead_tup n_mod_since_analyze seq_scan seq_tup_read idx_scan last_vacuum
    last_analyze reltuples reloptions indexrelname indisvalid indisunique bytes same
    last_value max_value column_max total_bytes free_bytes used_pct rolname rolconnlimit
    datconnlimit subname subenabled mean_exec_time total_exec_time error name sourcefile
    value memory_bytes files status confl_lock started_at
""".split()  # noqa: SIM905 - a long list of names
VIEWS = """
    pg_stat_activity pg_locks pg_prepared_xacts pg_replication_slots pg_stat_replication
    recovery pg_stat_wal_receiver pg_stat_archiver pg_stat_checkpointer pg_stat_bgwriter
    pg_stat_database pg_database pg_stat_user_tables pg_stat_user_indexes pg_sequences disk
    machine pg_roles pg_subscription pg_stat_statements pg_file_settings pg_db_role_setting
    pg_wal server pg_stat_database_conflicts
""".split()  # noqa: SIM905 - a long list of names
NAMES = """
    max_connections superuser_reserved_connections fsync autovacuum work_mem shared_buffers
    max_wal_size checkpoint_timeout archive_mode archive_command archive_library
    synchronous_standby_names synchronous_commit statement_timeout enable_sort
    primary_conninfo recovery_min_apply_delay autovacuum_max_workers
    autovacuum_freeze_max_age wal_keep_size default_transaction_read_only server_version_num
""".split()  # noqa: SIM905 - a long list of names
ROWS = st.lists(st.dictionaries(st.sampled_from(COLUMNS), VALUES, max_size=15), max_size=4)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.dictionaries(st.sampled_from(VIEWS), ROWS, max_size=8),
    said=st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8),
    logs=st.lists(st.text(max_size=60), max_size=4),
)
def test_whatever_the_rows_are_every_line_of_proof_is_in_them(
    rows: dict[str, Any], said: dict[str, Any], logs: list[str]
) -> None:
    snapshot = Snapshot.of(rows, said, logs, target="shop", taken_at=NOW)
    found = triage(snapshot)
    assert unproven(found, snapshot) == []
    assert {finding.cause for finding in every(found)} <= set(CAUSES)
    assert all(0 <= finding.confidence <= 1 for finding in every(found))
    assert report.read(report.data(found)) == found
    assert report.text(found)
