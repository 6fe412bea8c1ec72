"""Words of PostgreSQL in its log, and the cause that each names."""

from __future__ import annotations

from typing import TypeAlias

from agents.database.triage.making import CRITICAL, INFO, WARNING
from agents.triage.findings import Severity

FEW = 3  # refusals, errors: a person's slip happens once or twice
# (cause, words, severity, lines from which it is more than worth knowing, summary, remedy)
Phrase: TypeAlias = tuple[str, str, Severity, int, str, str]
PHRASES: tuple[Phrase, ...] = (
    (
        "storage/disk-full",
        r"No space left on device|could not extend file|disk full",
        CRITICAL,
        1,
        "The server meets a full disk.",
        "Free space or enlarge the volume; never delete files in pg_wal by hand.",
    ),
    (
        "storage/checksum-failures",
        r"page verification failed|invalid page in block|checksum mismatch",
        CRITICAL,
        1,
        "A block that was read is not what was written.",
        "Stop writing to what is damaged, check the storage, restore from a backup or a standby.",
    ),
    (
        "storage/corruption",
        (
            r"could not read block|could not access status of transaction|missing chunk number|"
            r"unexpected chunk|index .* contains (?:unexpected|corrupted)|"
            r"found xmin .* from before|heap tuple .* (?:lacks|points)|"
            r"invalid (?:memory alloc request size|primary checkpoint)|"
            r"could not locate a valid checkpoint|failed to re-find|posting list tuple|"
            r"right sibling's left-link"
        ),
        CRITICAL,
        1,
        "The server found data that cannot be: a sign of corruption.",
        "Check with pg_amcheck, REINDEX what is an index, restore tables from a backup.",
    ),
    (
        "server/crashed",
        (
            r"was terminated by signal|terminating any other active server processes|"
            r"database system was (?:not properly shut down|interrupted)|\bPANIC: "
        ),
        CRITICAL,
        1,
        "A server process died and all sessions were ended for recovery.",
        "Find out what ended it: signal 9 is mostly the kernel short of memory, signal 11 a fault.",
    ),
    (
        "server/out-of-memory",
        r"\bout of memory\b|Cannot allocate memory|could not (?:fork|map anonymous)",
        CRITICAL,
        1,
        "The server was refused memory.",
        "Lower work_mem, shared_buffers or connections, or give the machine more memory.",
    ),
    (
        "locks/too-many-locks",
        r"out of shared memory|max_locks_per_transaction",
        WARNING,
        1,
        "The lock table is full.",
        "ALTER SYSTEM SET max_locks_per_transaction = 256; and restart.",
    ),
    (
        "server/out-of-files",
        r"too many open files|Too many open files in system",
        WARNING,
        1,
        "The server has no file handle left.",
        "Raise the limit of open files of the service, or lower max_files_per_process.",
    ),
    (
        "vacuum/xid-wraparound",
        (
            r"must be vacuumed within|not accepting commands .* (?:wraparound|database)|"
            r"assign new (?:transaction IDs|XIDs)"
        ),
        CRITICAL,
        1,
        "Transaction ids run out.",
        "VACUUM the database that is named; end what holds vacuum back first.",
    ),
    (
        "locks/deadlocks",
        r"deadlock detected",
        WARNING,
        1,
        "Transactions locked each other out and one was ended.",
        "Let every transaction take its locks in the same order; retry what was ended.",
    ),
    (
        "wal/checkpoints-too-frequent",
        r"checkpoints are occurring too frequently",
        WARNING,
        FEW,
        "WAL fills max_wal_size long before checkpoint_timeout.",
        "ALTER SYSTEM SET max_wal_size to several times of what it is; SELECT pg_reload_conf();",
    ),
    (
        "wal/archive-failing",
        r"archive command (?:failed|was terminated)|archiving write-ahead log file .* failed",
        WARNING,
        1,
        "WAL cannot be archived and is kept until it can.",
        "Run archive_command by hand as the server's user and mend what it says.",
    ),
    (
        "replication/wal-removed",
        r"requested WAL segment .* has already been removed",
        CRITICAL,
        1,
        "The primary no longer has the WAL that a standby needs.",
        "Build the standby anew with pg_basebackup, with a replication slot this time.",
    ),
    (
        "replication/slot-lost",
        r"invalidating (?:obsolete |slot)|can no longer (?:get changes|access)",
        WARNING,
        1,
        "A replication slot was given up, because too much WAL was kept for it.",
        "Drop the slot and build what used it anew; raise max_slot_wal_keep_size.",
    ),
    (
        "replication/disconnected",
        (
            r"could not (?:connect to the primary server|receive data from WAL stream)|"
            r"terminating walsender process due to replication timeout"
        ),
        WARNING,
        FEW,
        "A standby loses its connection to the primary.",
        "Check primary_conninfo, the network and pg_hba.conf of the primary.",
    ),
    (
        "replication/subscription-failing",
        r"logical replication .* (?:worker .* exited|failed)|subscription .* has been disabled",
        WARNING,
        1,
        "A subscription cannot apply what it is sent.",
        "Mend the conflicting rows or schema, then ALTER SUBSCRIPTION … ENABLE.",
    ),
    (
        "replication/recovery-conflicts",
        r"due to conflict with recovery",
        WARNING,
        FEW,
        "Statements on a standby stood in the way of replay and were ended.",
        "Raise max_standby_streaming_delay, or set hot_standby_feedback = on.",
    ),
    (
        "configuration/invalid-file",
        (
            r"contains errors; no changes were applied|pg_hba\.conf was not reloaded|"
            r"LOG: .*(?:syntax error in file|invalid value for parameter|unrecognized config)"
        ),
        WARNING,
        1,
        "A configuration file has errors and is not applied.",
        "Correct the line that the log names and SELECT pg_reload_conf();",
    ),
    (
        "statements/statement-timeout",
        r"canceling statement due to statement timeout",
        WARNING,
        FEW,
        "Statements take longer than statement_timeout and are ended.",
        "See why they are slow (get_slow_queries, get_blocking_queries), or raise the timeout.",
    ),
    (
        "locks/lock-timeout",
        r"canceling statement due to lock timeout|could not obtain lock on",
        WARNING,
        FEW,
        "Statements give up waiting for a lock.",
        "Find who holds it: get_blocking_queries.",
    ),
    (
        "sessions/idle-in-transaction",
        r"due to idle-in-transaction timeout",
        WARNING,
        FEW,
        "Clients leave transactions open until the server ends them.",
        "Let the application commit before it does something else.",
    ),
    (
        "statements/read-only",
        r"cannot execute .* (?:in a read-only transaction|during recovery)",
        WARNING,
        FEW,
        "Writes meet a standby or a read-only session.",
        "Send writes to the primary; see default_transaction_read_only.",
    ),
    (
        "statements/permission-denied",
        r"permission denied for|must be owner of",
        WARNING,
        FEW,
        "A role lacks a privilege that its statements need.",
        "GRANT what is missing to the role that the log names.",
    ),
    (
        "statements/undefined-object",
        r"(?:relation|column|function|schema|type|operator) .* does not exist",
        WARNING,
        FEW,
        "Statements name what is not there: a migration is missing or search_path is wrong.",
        "Run the missing migration, or correct search_path.",
    ),
    (
        "storage/sequence-exhausted",
        r"reached maximum value of sequence|(?:integer|smallint) out of range",
        CRITICAL,
        1,
        "A sequence or its column is at its end: no row can be added.",
        "ALTER TABLE … ALTER COLUMN … TYPE bigint; and ALTER SEQUENCE … AS bigint;",
    ),
    (
        "statements/serialization-failures",
        r"could not serialize access",
        WARNING,
        10,
        "Transactions fail because others changed the same rows.",
        "Let the application run them again; shorten them.",
    ),
    (
        "statements/constraint-violations",
        (
            r"violates (?:unique|foreign key|check|not-null|exclusion) constraint|"
            r"null value in column"
        ),
        INFO,
        FEW,
        "Rows are refused by a constraint.",
        "See the constraint that the log names; it is mostly the application's data.",
    ),
)
# What brings about what, where both are in the log.
EXPLAINS = {
    "storage/disk-full": ("server/crashed", "wal/archive-failing"),
    "storage/corruption": ("server/crashed",),
    "server/out-of-memory": ("server/crashed",),
    "replication/wal-removed": ("replication/disconnected",),
}
