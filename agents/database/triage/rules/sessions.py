"""Connections that run out, transactions and statements that are open for too long."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents.database.report import counted, one_line, span
from agents.database.triage.clients import SESSIONS, idle_in_transaction, who
from agents.database.triage.facts import Fact
from agents.database.triage.making import (
    CRITICAL,
    INFO,
    WARNING,
    by_hand,
    call,
    found,
    session,
    thing,
)
from agents.database.triage.sessions import blocking, clients
from agents.database.triage.snapshot import Snapshot
from agents.triage.findings import Finding, Remedy, Severity

# Share of the usable connections. At 80 % a burst can exhaust them; at 95 % it has.
MANY, MOST, ALL = 0.8, 0.9, 0.95
# In OLTP a transaction takes milliseconds; idle_in_transaction_session_timeout is commonly 1 min.
IDLE_S, IDLE_LONG_S = 2.0, 60.0
# Of one that others wait for, which is felt sooner.
BLOCKS_S, BLOCKS_BAD_S = 5.0, 30.0
# A statement is told from 10 s on; a transaction of an hour is what keeps vacuum from cleaning.
STATEMENT_S, STATEMENT_LONG_S = 10.0, 300.0
TRANSACTION_S, TRANSACTION_LONG_S = 300.0, 3600.0
MOST_TOLD = 5
_UPKEEP = re.compile(
    r"\s*(?:VACUUM|ANALYZE|CREATE\s+(?:UNIQUE\s+)?INDEX|REINDEX|CLUSTER|COPY)\b", re.IGNORECASE
)
_COPIES = re.compile(r"pg_dump|pg_basebackup|pg_restore|vacuumdb|reindexdb", re.IGNORECASE)


def exhausted(snapshot: Snapshot) -> Iterator[Finding]:
    """Nearly all of max_connections is in use; who has most of them, and whether they are idle."""
    limit, used = _usable(snapshot), len(clients(snapshot))
    if not used or not limit or used / limit < MANY:
        return
    groups = snapshot.of_view(SESSIONS)
    top = groups[0]
    idle = sum(row.count("idle") for row in groups)
    share = used / limit
    yield found(
        "sessions/connections-exhausted",
        thing(snapshot),
        CRITICAL if share >= ALL else WARNING if share >= MOST else INFO,
        0.9,
        f"{used} of {limit:.0f} usable connections are taken, {top.count('sessions')} of them by"
        f" {who(top)}; {idle} are idle.",
        snapshot.setting("max_connections"),
        *groups[:3],
        ruled_out=() if idle >= used / 2 else (f"not idle sessions: {idle} of {used} are",),
        next_checks=("get_connection_stats", "get_blocking_queries"),
        remedy=_room(snapshot, top, idle=idle >= used / 2),
    )


def _usable(snapshot: Snapshot) -> float:
    """Connections that ordinary roles can have; 0 where it is not known."""
    most = snapshot.setting("max_connections")
    reserved = (
        setting.number or 0
        for name in ("superuser_reserved_connections", "reserved_connections")
        if (setting := snapshot.setting(name))
    )
    return max((most.number or 0) - sum(reserved), 0) if most else 0


def _room(snapshot: Snapshot, top: Fact, *, idle: bool) -> Remedy:
    if idle and top.text("datname"):
        return call(
            snapshot,
            "End sessions that have been idle for long; then give the client a pool with a limit.",
            "terminate_idle_connections",
            idle_minutes=5,
            database=top.text("datname"),
        )
    return by_hand(
        "Put a pooler before the server or limit the pool of the client that has most;"
        " ALTER SYSTEM SET max_connections needs a restart and memory."
    )


def limits(snapshot: Snapshot) -> Iterator[Finding]:
    """A role or a database has as many sessions as its CONNECTION LIMIT allows."""
    for view, name, limit, column in (
        ("pg_roles", "rolname", "rolconnlimit", "usename"),
        ("pg_database", "datname", "datconnlimit", "datname"),
    ):
        for row in snapshot.of_view(view):
            most = row.maybe(limit)
            if most is None or most <= 0:
                continue
            used = sum(it.text(column) == row.text(name) for it in clients(snapshot))
            if used >= most:
                kind = "ROLE" if view == "pg_roles" else "DATABASE"
                what = f"{kind.lower()}/{row.text(name)}"
                yield found(
                    "sessions/limit-reached",
                    f"{thing(snapshot)}/{what}",
                    WARNING,
                    0.9,
                    f"{kind.title()} {row.text(name)} has {used} sessions and may have {most:.0f}.",
                    row,
                    *[it for it in snapshot.of_view(SESSIONS) if it.text(column) == row.text(name)][
                        :2
                    ],
                    remedy=by_hand(
                        f'ALTER {kind} "{row.text(name)}" CONNECTION LIMIT {most * 2:.0f};'
                        " or close sessions of it."
                    ),
                )


def idle_transactions(snapshot: Snapshot) -> Iterator[Finding]:
    """A client leaves a transaction open: its locks and its view of dead rows stay."""
    behind = {chain.root: [pid for pid, *_ in chain.blocked] for chain in blocking(snapshot)}
    rows = {row.count("pid"): row for row in snapshot.of_view("pg_stat_activity")}
    aged = [
        (age, row)
        for row in clients(snapshot)
        if idle_in_transaction(row) and (age := snapshot.age(row, "state_change") or 0) >= IDLE_S
    ]
    for age, row in sorted(aged, key=lambda it: -it[0])[:MOST_TOLD]:
        waiting = [rows[pid] for pid in behind.get(row.count("pid"), ()) if pid in rows]
        yield _idle(snapshot, row, age, waiting)


def _idle(snapshot: Snapshot, row: Fact, age: float, waiting: list[Fact]) -> Finding:
    pid, severity = row.count("pid"), _severity(age, waiting=bool(waiting))
    wait = f" {counted(len(waiting), 'session')} wait for its locks." if waiting else ""
    return found(
        "sessions/idle-in-transaction",
        session(snapshot, pid),
        severity,
        0.6 if severity is INFO else 0.95,
        f"Session {pid} of {who(row)} has been idle in a transaction for {span(age)}."
        f"{wait} Its last statement: {one_line(row.text('query'), 80)}",
        row,
        *waiting[:2],
        next_checks=(f"get_session_info(pid={pid})",),
        remedy=_end(snapshot, pid),
        explains=frozenset(
            f"{session(snapshot, pid)}#{cause}"
            for cause in ("locks/blocking-chain", "vacuum/held-back")
        ),
    )


def _severity(age: float, *, waiting: bool) -> Severity:
    if waiting and age >= BLOCKS_S:
        return CRITICAL if age >= BLOCKS_BAD_S else WARNING
    return WARNING if age >= IDLE_LONG_S else INFO


def _end(snapshot: Snapshot, pid: int) -> Remedy:
    text = f"End session {pid}, which undoes its transaction; then mend the client, and set"
    return call(
        snapshot, f"{text} idle_in_transaction_session_timeout.", "terminate_connection", pid=pid
    )


def long_running(snapshot: Snapshot) -> Iterator[Finding]:
    """A statement runs for 10 s or more, or its transaction is open for 5 min or more."""
    aged = [
        (snapshot.age(row, "xact_start") or 0, row)
        for row in clients(snapshot)
        if row.text("state") == "active" and row.text("wait_event_type") != "Lock"
    ]
    for age, row in sorted(aged, key=lambda it: -it[0])[:MOST_TOLD]:
        statement = snapshot.age(row, "query_start") or 0
        if age > statement and age >= TRANSACTION_S:
            yield _transaction(snapshot, row, age)
        elif statement >= STATEMENT_S:
            yield _statement(snapshot, row, statement)


def _transaction(snapshot: Snapshot, row: Fact, age: float) -> Finding:
    pid = row.count("pid")
    return found(
        "sessions/long-transaction",
        session(snapshot, pid),
        WARNING if age >= TRANSACTION_LONG_S and not _expected(row) else INFO,
        0.8,
        f"Session {pid} of {who(row)} has had a transaction open for {span(age)}.",
        row,
        next_checks=(f"get_session_info(pid={pid})",),
        remedy=_end_long(snapshot, pid),
        explains=frozenset({f"{session(snapshot, pid)}#vacuum/held-back"}),
    )


def _statement(snapshot: Snapshot, row: Fact, age: float) -> Finding:
    pid = row.count("pid")
    wait = row.text("wait_event")
    return found(
        "sessions/long-statement",
        session(snapshot, pid),
        WARNING if age >= STATEMENT_LONG_S and not _expected(row) else INFO,
        0.7,
        f"Session {pid} of {who(row)} has run one statement for {span(age)}"
        f"{f', now in {wait}' if wait else ''}: {one_line(row.text('query'), 80)}",
        row,
        next_checks=(f"get_session_info(pid={pid})", "explain_query of its statement"),
        ruled_out=("it does not wait for a lock",),
        remedy=call(snapshot, f"Cancel the statement of session {pid}.", "cancel_query", pid=pid),
        explains=frozenset({f"{session(snapshot, pid)}#vacuum/held-back"}),
    )


def _end_long(snapshot: Snapshot, pid: int) -> Remedy:
    text = f"End session {pid}, if its work may be lost: its transaction is undone."
    return call(snapshot, text, "terminate_connection", pid=pid)


def _expected(row: Fact) -> bool:
    """Upkeep and backups take as long as they take."""
    return bool(_UPKEEP.match(row.text("query")) or _COPIES.search(row.text("application_name")))


RULES = (exhausted, limits, idle_transactions, long_running)
