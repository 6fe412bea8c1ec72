"""Causes by PostgreSQL's own words: what a connection was answered, and what the log says."""

from __future__ import annotations

import pytest

from agents.database.triage.judge import triage
from agents.database.triage.snapshot import Snapshot
from agents.triage.findings import Severity
from agents.triage.proof import unproven

NOW = "2026-03-01 12:00:00.5+00"


def causes(snapshot: Snapshot) -> list[str]:
    found = triage(snapshot)
    assert unproven(found, snapshot) == []
    return [root.cause for root in found.roots]


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("FATAL:  sorry, too many clients already", "sessions/connections-exhausted"),
        (
            "FATAL: remaining connection slots are reserved for roles with the SUPERUSER attribute",
            "sessions/connections-exhausted",
        ),
        (
            'FATAL:  password authentication failed for user "web"',
            "connection/authentication-failed",
        ),
        ('FATAL:  database "shpo" does not exist', "connection/no-such-database"),
        ('FATAL:  role "wbe" does not exist', "connection/no-such-role"),
        ("FATAL:  the database system is starting up", "connection/starting-up"),
        ("FATAL:  the database system is shutting down", "connection/shutting-down"),
        (
            (
                'FATAL:  no pg_hba.conf entry for host "10.0.0.9", user "web", database "shop",'
                " no encryption"
            ),
            "connection/no-hba-entry",
        ),
        (
            'could not translate host name "db" to address: Name or service not known',
            "connection/name-not-resolved",
        ),
        (
            "failed to resolve host 'db': [Errno -3] Temporary failure",
            "connection/name-not-resolved",
        ),
        (
            'connection to server at "10.0.0.5", port 5432 failed: Connection refused',
            "connection/refused",
        ),
        ("connection timeout expired", "connection/timed-out"),
        ("No route to host", "connection/unreachable"),
        ("server does not support SSL, but SSL was required", "connection/tls"),
        ("SSL error: certificate verify failed", "connection/tls"),
        ("server closed the connection unexpectedly", "connection/closed"),
    ],
)
def test_what_a_connection_was_answered_names_the_cause(line: str, cause: str) -> None:
    assert causes(Snapshot.of(target="shop", failures=line)) == [cause]


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        (
            'ERROR:  could not extend file "base/5/1": No space left on device',
            "storage/disk-full",
        ),
        ("PANIC:  could not write to file: No space left on device", "storage/disk-full"),
        (
            "LOG:  server process (PID 42) was terminated by signal 9: Killed",
            "server/crashed",
        ),
        ("ERROR:  invalid page in block 7 of relation base/5/99", "storage/checksum-failures"),
        ("ERROR:  could not read block 3 in file", "storage/corruption"),
        (
            'WARNING:  database "shop" must be vacuumed within 9000000 transactions',
            "vacuum/xid-wraparound",
        ),
        ("ERROR:  out of shared memory", "locks/too-many-locks"),
        ("LOG:  archive command failed with exit code 1", "wal/archive-failing"),
        (
            (
                "FATAL:  could not receive data from WAL stream: ERROR:  requested WAL segment"
                " 000000010000000000000009 has already been removed"
            ),
            "replication/wal-removed",
        ),
        (
            'ERROR:  nextval: reached maximum value of sequence "orders_id_seq" (2147483647)',
            "storage/sequence-exhausted",
        ),
        ("ERROR:  out of memory", "server/out-of-memory"),
        ("ERROR:  deadlock detected", "locks/deadlocks"),
    ],
)
def test_one_line_of_the_log_is_enough_where_it_is_grave(line: str, cause: str) -> None:
    snapshot = Snapshot.of(logs=f"2026-03-01 11:59:00 UTC [7] {line}", taken_at=NOW)
    assert causes(snapshot)[0] == cause


@pytest.mark.parametrize(
    "line",
    [
        "2026-03-01 09:00:00 UTC [7] ERROR:  deadlock detected",  # hours ago
        "2026-03-01 11:59:00 UTC [7] STATEMENT:  SELECT 'ERROR: deadlock detected'",
        "2026-03-01 11:59:00 UTC [7] DETAIL:  No space left on device, says a user",
        "2026-03-01 11:59:00 UTC [7] LOG:  checkpoint complete: wrote 9 buffers",
        '2026-03-01 11:59:00 UTC [7] LOG:  automatic vacuum of table "shop.public.orders"',
    ],
)
def test_other_lines_are_no_findings(line: str) -> None:
    assert causes(Snapshot.of(logs=line, taken_at=NOW)) == []


def test_one_slip_of_a_password_is_no_alarm() -> None:
    line = 'FATAL:  password authentication failed for user "web"'
    once = triage(Snapshot.of(logs=[line], taken_at=NOW))
    often = triage(Snapshot.of(logs=[line] * 3, taken_at=NOW))
    assert [root.severity for root in (*once.roots, *often.roots)] == [
        Severity.INFO,
        Severity.WARNING,
    ]
