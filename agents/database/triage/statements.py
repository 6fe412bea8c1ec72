"""What is asked of a server: one statement a view, from 13 to 18.

Columns keep the names of the view, so that recorded rows of it are judged alike. Nothing here waits
for a lock on a table, and each list has an end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString

MONITOR = "GRANT pg_monitor TO"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """`grant`: what a role that was refused is to be given. `since`: the first major version."""

    view: str
    sql: LiteralString
    since: int = 13
    grant: str = MONITOR
    only: str = ""  # "primary" or "standby"


SERVER = """
SELECT clock_timestamp() AS now, pg_postmaster_start_time() AS started_at,
       current_database() AS database, current_user AS "user",
       pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS sees_all
"""
RECOVERY = """
SELECT pg_is_in_recovery() AS in_recovery,
       CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
            ELSE pg_current_wal_lsn() END::text AS here,
       CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() END AS replay_paused,
       CASE WHEN pg_is_in_recovery() THEN
           pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::int8
       END AS replay_lag_bytes,
       CASE WHEN pg_is_in_recovery() THEN pg_last_xact_replay_timestamp() END AS last_replayed_at
"""
# pg_blocking_pids locks the lock table for a moment, so not for any number of sessions.
ACTIVITY = """
SELECT a.pid, a.datname, a.usename, a.application_name, host(a.client_addr) AS client_addr,
       a.backend_type, a.state, a.wait_event_type, a.wait_event, a.backend_start, a.xact_start,
       a.query_start, a.state_change, a.backend_xid::text AS backend_xid,
       age(a.backend_xmin) AS xmin_age,
       CASE WHEN a.wait_event_type = 'Lock' AND a.place <= 200 THEN pg_blocking_pids(a.pid) END
           AS blocked_by,
       left(a.query, 300) AS query
FROM (
    SELECT *, row_number() OVER (PARTITION BY wait_event_type ORDER BY query_start) AS place
    FROM pg_stat_activity WHERE pid <> pg_backend_pid()
) a
ORDER BY a.state = 'idle', a.xact_start NULLS LAST LIMIT 2000
"""
LOCKS = """
SELECT l.pid, l.locktype, l.mode, l.granted,
       CASE WHEN l.database = d.oid THEN l.relation::regclass::text
            ELSE l.relation::text END AS relation,
       l.transactionid::text AS transactionid, (to_jsonb(l)->>'waitstart')::timestamptz AS waitstart
FROM pg_locks l, pg_database d
WHERE d.datname = current_database() AND l.pid <> pg_backend_pid() AND NOT l.granted LIMIT 300
"""
SETTINGS = """
SELECT name, CASE WHEN source IN ('session', 'client') THEN reset_val ELSE setting END AS setting,
       unit, source, boot_val, sourcefile, pending_restart
FROM pg_settings
WHERE name = ANY(%s) OR pending_restart
   OR source NOT IN ('default', 'override', 'client', 'session')
"""
# Settings that rules compare with, also where they have their default.
WANTED = (
    "archive_command",
    "archive_library",
    "archive_mode",
    "autovacuum",
    "autovacuum_analyze_scale_factor",
    "autovacuum_analyze_threshold",
    "autovacuum_freeze_max_age",
    "autovacuum_max_workers",
    "autovacuum_multixact_freeze_max_age",
    "autovacuum_vacuum_max_threshold",
    "autovacuum_vacuum_scale_factor",
    "autovacuum_vacuum_threshold",
    "checkpoint_timeout",
    "fsync",
    "full_page_writes",
    "max_connections",
    "max_slot_wal_keep_size",
    "max_wal_size",
    "primary_conninfo",
    "recovery_min_apply_delay",
    "reserved_connections",
    "server_version_num",
    "shared_buffers",
    "superuser_reserved_connections",
    "synchronous_commit",
    "synchronous_standby_names",
    "track_counts",
    "wal_keep_size",
    "work_mem",
)
TABLES = """
SELECT s.relid, s.schemaname, s.relname, s.n_live_tup, s.n_dead_tup, s.n_mod_since_analyze,
       s.seq_scan, s.seq_tup_read, s.idx_scan, s.last_vacuum, s.last_autovacuum, s.last_analyze,
       s.last_autoanalyze, c.reltuples, c.reloptions
FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
WHERE s.n_dead_tup > 0 OR s.n_mod_since_analyze > 0 OR s.seq_scan > 0 OR c.reloptions IS NOT NULL
ORDER BY greatest(s.n_dead_tup, s.n_mod_since_analyze, s.seq_tup_read / 100) DESC LIMIT 300
"""
# `same`: two indexes of which it is equal do the same. Those with expressions are not compared.
INDEXES = """
SELECT s.schemaname, s.relname, s.indexrelname, s.indexrelid, s.idx_scan, i.indisunique,
       i.indisprimary, i.indisvalid,
       EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid) AS constrains,
       c.relpages::int8 * current_setting('block_size')::int8 AS bytes,
       CASE WHEN i.indexprs IS NULL AND i.indpred IS NULL THEN
           concat_ws('/', i.indrelid, c.relam, i.indkey, i.indclass, i.indcollation, i.indoption)
       END AS same
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_stat_user_indexes s ON s.indexrelid = i.indexrelid
ORDER BY i.indisvalid, c.relpages DESC LIMIT 500
"""
SEQUENCES = """
SELECT s.schemaname, s.sequencename, s.last_value, s.start_value, s.max_value, s.increment_by,
       s.cycle, d.refobjid::regclass::text AS column_table, a.attname AS column_name,
       CASE a.atttypid WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647 END
           AS column_max
FROM pg_sequences s
JOIN pg_namespace n ON n.nspname = s.schemaname
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = s.sequencename
LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid
    AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE s.last_value > 0 LIMIT 500
"""
DATABASES = """
SELECT datname, age(datfrozenxid) AS xid_age, mxid_age(datminmxid) AS mxid_age, datconnlimit
FROM pg_database WHERE datallowconn ORDER BY 2 DESC LIMIT 100
"""
SLOTS = """
SELECT s.slot_name, s.slot_type, s.database, s.active, s.temporary, s.wal_status, s.restart_lsn,
       pg_wal_lsn_diff(here.lsn, s.restart_lsn)::int8 AS retained_bytes,
       age(s.xmin) AS xmin_age, age(s.catalog_xmin) AS catalog_xmin_age,
       (to_jsonb(s)->>'inactive_since')::timestamptz AS inactive_since,
       to_jsonb(s)->>'invalidation_reason' AS invalidation_reason
FROM pg_replication_slots s,
     (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                  ELSE pg_current_wal_lsn() END AS lsn) here LIMIT 100
"""
REPLICAS = """
SELECT r.pid, r.application_name, host(r.client_addr) AS client_addr, r.usename, r.state,
       r.sync_state, r.sent_lsn, r.flush_lsn, r.replay_lsn, r.replay_lag,
       pg_wal_lsn_diff(here.lsn, r.replay_lsn)::int8 AS replay_lag_bytes,
       age(r.backend_xmin) AS xmin_age
FROM pg_stat_replication r,
     (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                  ELSE pg_current_wal_lsn() END AS lsn) here LIMIT 100
"""
ROLE_SETTINGS = """
SELECT d.datname, r.rolname, split_part(said, '=', 1) AS name,
       substr(said, strpos(said, '=') + 1) AS value
FROM pg_db_role_setting s CROSS JOIN unnest(s.setconfig) said
LEFT JOIN pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_roles r ON r.oid = s.setrole
WHERE (s.setdatabase = 0 OR d.datname = current_database())
  AND split_part(said, '=', 1) IN ('statement_timeout', 'default_transaction_read_only') LIMIT 100
"""
SUBSCRIPTIONS = """
SELECT s.subname, s.subenabled, w.pid, w.last_msg_receipt_time
FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid
LEFT JOIN pg_stat_subscription w ON w.subid = s.oid AND w.relid IS NULL
WHERE d.datname = current_database() LIMIT 100
"""
PREPARED = """
SELECT gid, owner, database, prepared, age(transaction) AS xid_age
FROM pg_prepared_xacts ORDER BY prepared LIMIT 20
"""
STATEMENTS = """
SELECT s.queryid::text AS queryid, s.calls, s.total_exec_time, s.mean_exec_time, s.rows,
       s.temp_blks_written, left(s.query, 300) AS query
FROM {} s ORDER BY s.total_exec_time DESC LIMIT 20
"""

LOOKS: tuple[Look, ...] = (
    Look(view="server", sql=SERVER),
    Look(view="recovery", sql=RECOVERY),
    Look(view="pg_stat_activity", sql=ACTIVITY),
    Look(view="pg_locks", sql=LOCKS),
    Look(view="pg_prepared_xacts", sql=PREPARED),
    Look(view="pg_replication_slots", sql=SLOTS),
    Look(view="pg_stat_replication", sql=REPLICAS),
    Look(
        view="pg_stat_wal_receiver",
        sql="SELECT pid, status, sender_host, sender_port, slot_name, latest_end_time"
        " FROM pg_stat_wal_receiver",
        only="standby",
    ),
    Look(
        view="pg_stat_database_conflicts",
        sql="SELECT * FROM pg_stat_database_conflicts WHERE datname = current_database()",
        only="standby",
    ),
    Look(view="pg_stat_archiver", sql="SELECT * FROM pg_stat_archiver"),
    Look(view="pg_stat_bgwriter", sql="SELECT * FROM pg_stat_bgwriter"),
    Look(view="pg_stat_checkpointer", sql="SELECT * FROM pg_stat_checkpointer", since=17),
    Look(view="pg_stat_wal", sql="SELECT * FROM pg_stat_wal", since=14),
    Look(
        view="pg_stat_database",
        sql="SELECT datname, numbackends, deadlocks, temp_files, temp_bytes, blks_hit, blks_read,"
        " checksum_failures, stats_reset FROM pg_stat_database"
        " WHERE datname = current_database() OR checksum_failures > 0",
    ),
    Look(view="pg_database", sql=DATABASES),
    Look(
        view="pg_roles",
        sql="SELECT rolname, rolconnlimit FROM pg_roles WHERE rolconnlimit >= 0 AND rolcanlogin"
        " LIMIT 200",
    ),
    Look(view="pg_db_role_setting", sql=ROLE_SETTINGS),
    Look(view="pg_stat_user_tables", sql=TABLES),
    Look(view="pg_stat_user_indexes", sql=INDEXES),
    Look(view="pg_sequences", sql=SEQUENCES),
    Look(
        view="pg_stat_progress_vacuum",
        sql="SELECT pid, relid, phase, heap_blks_total, heap_blks_scanned"
        " FROM pg_stat_progress_vacuum WHERE datname = current_database()",
    ),
    Look(
        view="pg_stat_progress_create_index",
        sql="SELECT pid, relid, index_relid, phase FROM pg_stat_progress_create_index"
        " WHERE datname = current_database()",
    ),
    Look(view="pg_subscription", sql=SUBSCRIPTIONS),
    Look(
        view="pg_wal",
        sql="SELECT count(*) AS files, coalesce(sum(size), 0)::int8 AS bytes FROM pg_ls_waldir()",
    ),
)
# Only superusers may read it unless they let others, so nothing is said where it is not.
FILES = """
SELECT sourcefile, sourceline, name, setting, error FROM pg_file_settings
WHERE error IS NOT NULL AND NOT applied LIMIT 50
"""
MAY_READ_FILES = """
SELECT has_function_privilege('pg_show_all_file_settings()', 'EXECUTE')
   AND has_table_privilege('pg_file_settings', 'SELECT')
"""
