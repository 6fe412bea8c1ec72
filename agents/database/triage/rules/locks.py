"""Waiting for locks: chains with one root, deadlocks, prepared transactions."""

from __future__ import annotations

from collections.abc import Iterator

from agents.database.blocking import Chain
from agents.database.report import counted, one_line, span
from agents.database.triage.clients import idle_in_transaction, who
from agents.database.triage.facts import Fact
from agents.database.triage.making import (
    CRITICAL,
    INFO,
    WARNING,
    by_hand,
    call,
    found,
    literal,
    session,
    thing,
)
from agents.database.triage.sessions import blocking, clients
from agents.database.triage.snapshot import Snapshot
from agents.triage.findings import Finding, Severity

# deadlock_timeout and log_lock_waits call a wait of 1 s unusual; users notice 5 s.
WAIT_S, WAIT_LONG_S, WAIT_BAD_S = 1.0, 5.0, 30.0
MANY_WAIT = 5
PILE_UP = 0.3  # of all sessions: then waiting is what uses the connections up
# A coordinator ends its prepared transactions at once; the documentation warns of any that stay.
PREPARED_S, PREPARED_LONG_S = 60.0, 300.0
# One deadlock an hour is more than chance; a counter of months says nothing of now.
DEADLOCKS_A_DAY = 24.0
LEAST_DAYS = 1 / 24


def chained(snapshot: Snapshot) -> Iterator[Finding]:
    """Sessions wait for one that holds a lock: the root, and what ending it would cost."""
    rows = {row.count("pid"): row for row in snapshot.of_view("pg_stat_activity")}
    for chain in blocking(snapshot):
        waiters = [rows[pid] for pid, *_ in chain.blocked if pid in rows]
        longest = max((_waited(snapshot, row) for row in waiters), default=0.0)
        if longest >= WAIT_S and chain.root:
            yield _chain(snapshot, chain, rows.get(chain.root), waiters, longest)


def _chain(
    snapshot: Snapshot, chain: Chain, root: Fact | None, waiters: list[Fact], longest: float
) -> Finding:
    pid = chain.root
    who_waits = counted(len(chain.blocked), "session waits", "sessions wait")
    held = _held(snapshot, waiters)
    state = _state(snapshot, root) if root else "not visible"
    pile = len(waiters) >= PILE_UP * len(clients(snapshot)) and len(waiters) >= MANY_WAIT
    return found(
        "locks/blocking-chain",
        session(snapshot, pid),
        _severity(longest, len(waiters)),
        0.95 if root else 0.7,
        f"{who_waits} for session {pid} for up to {span(longest)}{held}. The root: {state}."
        f"{_cost(snapshot, root)}",
        root,
        *waiters[:3],
        *_waits_for(snapshot, waiters)[:2],
        next_checks=(f"get_session_info(pid={pid})", "get_blocking_queries"),
        remedy=None
        if chain.circular
        else call(
            snapshot,
            f"End session {pid}: all {len(chain.blocked)} behind it go on.",
            *_how_to_end(root),
            pid=pid,
        ),
        explains=frozenset(session(snapshot, row.count("pid")) for row in waiters)
        | {
            f"{session(snapshot, pid)}#sessions/long-{what}"
            for what in ("statement", "transaction")
        }
        | (
            frozenset({f"{thing(snapshot)}#sessions/connections-exhausted"})
            if pile
            else frozenset()
        ),
    )


def _how_to_end(root: Fact | None) -> tuple[str]:
    """The mildest that frees the lock: a transaction of one statement ends with it."""
    alone = (
        root is not None
        and root.text("state") == "active"
        and root.moment("xact_start") == root.moment("query_start")
    )
    return ("cancel_query",) if alone else ("terminate_connection",)


def _severity(longest: float, waiting: int) -> Severity:
    if longest < WAIT_LONG_S:
        return INFO
    return CRITICAL if longest >= WAIT_BAD_S or waiting >= MANY_WAIT else WARNING


def _waited(snapshot: Snapshot, row: Fact) -> float:
    """Since when its lock is waited for (14+), else since when its statement runs."""
    for lock in _locks_of(snapshot, row):
        if (age := snapshot.age(lock, "waitstart")) is not None:
            return age
    return snapshot.age(row, "query_start") or 0.0


def _locks_of(snapshot: Snapshot, row: Fact) -> list[Fact]:
    return [
        lock
        for lock in snapshot.of_view("pg_locks")
        if lock.truth("granted") is False and lock.count("pid") == row.count("pid")
    ]


def _waits_for(snapshot: Snapshot, waiters: list[Fact]) -> list[Fact]:
    return [lock for row in waiters for lock in _locks_of(snapshot, row)]


def _held(snapshot: Snapshot, waiters: list[Fact]) -> str:
    named = {
        lock.text("relation") for lock in _waits_for(snapshot, waiters) if lock.text("relation")
    }
    return f" on {', '.join(sorted(named)[:3])}" if named else ""


def _state(snapshot: Snapshot, root: Fact) -> str:
    state = "idle in a transaction" if idle_in_transaction(root) else root.text("state") or "?"
    since = snapshot.age(root, "state_change")
    said = f"{who(root)}, {state}{f' for {span(since)}' if since is not None else ''}"
    return f"{said}, last ran {one_line(root.text('query'), 80)}"


def _cost(snapshot: Snapshot, root: Fact | None) -> str:
    """What is lost by ending the root."""
    if root is None or (age := snapshot.age(root, "xact_start")) is None:
        return ""
    written = "it has written, which is undone" if root.text("backend_xid") else "it wrote nothing"
    return f" Ending it undoes a transaction of {span(age)}; {written}."


def deadlocks(snapshot: Snapshot) -> Iterator[Finding]:
    """Deadlocks are counted at a rate of one an hour or more."""
    started = snapshot.age(snapshot.one("server"), "started_at")
    for row in snapshot.of_view("pg_stat_database"):
        number, since = row.count("deadlocks"), snapshot.age(row, "stats_reset")
        days = max((since if since is not None else started or 0) / 86400, LEAST_DAYS)
        if number:
            often = number / days >= DEADLOCKS_A_DAY
            yield found(
                "locks/deadlocks",
                thing(snapshot),
                WARNING if often else INFO,
                0.7 if often else 0.3,
                f"{counted(number, 'deadlock')} in database {row.text('datname')} since its"
                f" counters began.",
                row,
                next_checks=('read_pg_log(filter="deadlock")',),
                remedy=by_hand(
                    "Let every transaction take its locks in the same order, and retry what the"
                    " server ends. log_lock_waits = on tells who met whom."
                ),
            )


def prepared(snapshot: Snapshot) -> Iterator[Finding]:
    """A prepared transaction that nobody ends keeps its locks and holds vacuum back."""
    blocked = next((len(it.blocked) for it in blocking(snapshot) if not it.root), 0)
    for row in snapshot.of_view("pg_prepared_xacts"):
        age, gid = snapshot.age(row, "prepared") or 0, row.text("gid")
        if age < PREPARED_S and not blocked:
            continue
        where = thing(snapshot, "prepared", gid)
        waits = f" {counted(blocked, 'session')} wait for such a one." if blocked else ""
        yield found(
            "locks/prepared-transaction",
            where,
            CRITICAL if blocked else WARNING if age >= PREPARED_LONG_S else INFO,
            0.9,
            f"Prepared transaction {gid} of {row.text('owner') or '?'} is open for {span(age)}."
            f"{waits}",
            row,
            *_behind_prepared(snapshot)[:3],
            remedy=by_hand(
                f"In database {row.text('database') or '?'}: ROLLBACK PREPARED {literal(gid)};"
                " (or COMMIT PREPARED, if its coordinator says so)"
            ),
            explains=frozenset(
                {
                    f"{where}#vacuum/held-back",
                    *(session(snapshot, it.count("pid")) for it in _behind_prepared(snapshot)),
                }
            ),
        )


def _behind_prepared(snapshot: Snapshot) -> list[Fact]:
    return [row for row in snapshot.of_view("pg_stat_activity") if "0" in row.listed("blocked_by")]


RULES = (chained, deadlocks, prepared)
