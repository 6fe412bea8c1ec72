"""Whether ending something freed what it should have: judged by locks and by who waits."""

from __future__ import annotations

from agents.database.connect import Session
from agents.database.report import counted
from agents.database.sessions import Seen
from agents.database.verifying import Finding, Status

_STILL_WAITING = """
SELECT pid, pg_blocking_pids(pid) AS behind FROM pg_stat_activity
WHERE pid = ANY (%s) AND wait_event_type = 'Lock' AND cardinality(pg_blocking_pids(pid)) > 0
"""


def cancelled(before: Seen, now: Seen | None) -> Finding:
    """What a cancellation did. `now` is None where nobody has the pid any more."""
    pid = before.pid
    if now is None or not now.same_as(before.preconditions()):
        return Finding(status=Status.OK, text=f"Session {pid} ended by itself meanwhile.")
    if not before.active:
        return Finding(
            status=Status.WARNING,
            final=True,
            text=f"session {pid} was {before.facts['state']} and ran no statement, so cancelling"
            f" changed nothing: {_still_holds(now)} terminate_connection would free them.",
        )
    if now.active and now.facts["query_start"] == before.facts["query_start"]:
        return Finding(
            status=Status.ESCALATION,
            text=f"session {pid} was told to cancel and still runs its statement. It may be undoing"
            " what it did, or be where it does not listen; terminate_connection is the next step.",
        )
    waiters = set(before.waiters) & set(now.waiters)
    if waiters:
        return Finding(
            status=Status.WARNING,
            text=f"the statement of session {pid} was cancelled, yet {_still_holds(now)}"
            f" {counted(len(waiters), 'session')} still waiting for it."
            " terminate_connection would free them.",
        )
    return Finding(status=Status.OK, text=f"The statement of session {pid} was cancelled.")


def _still_holds(now: Seen) -> str:
    tables = f" on {', '.join(now.tables)}" if now.tables else ""
    return f"it still holds {counted(now.locks, 'lock')}{tables}."


def ended(db: Session, before: Seen, now: Seen | None) -> Finding:
    """What ending a session did."""
    pid = before.pid
    if now is not None and now.same_as(before.preconditions()):
        return Finding(
            status=Status.ESCALATION,
            text=f"session {pid} was told to end and is still there, {now.facts['state']}. It may"
            " be undoing a long transaction; a person has to look.",
        )
    waiting = db.rows(_STILL_WAITING, [list(before.waiters)]) if before.waiters else []
    if waiting:
        others = sorted({other for row in waiting for other in row["behind"]})
        return Finding(
            status=Status.WARNING,
            text=f"session {pid} is gone and its locks are free, yet"
            f" {counted(len(waiting), 'session')} that waited for it now"
            f" {'waits' if len(waiting) == 1 else 'wait'} for {', '.join(map(str, others))}.",
        )
    freed = (
        f" {counted(len(before.waiters), 'session')} no longer waiting." if before.waiters else ""
    )
    return Finding(status=Status.OK, text=f"Session {pid} has ended.{freed}")
