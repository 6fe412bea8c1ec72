"""Tools on sessions: look at one, cancel what it runs, end it, or end those that only sit there.

Cancelling and ending look first, by themselves: what cannot be looked at is not touched. Afterwards
they look whether it freed what it should have freed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg import errors
from pydantic import AliasChoices, Field

from agents.database import idle_sessions
from agents.database.connect import session
from agents.database.failures import told
from agents.database.freeing import cancelled, ended
from agents.database.report import report
from agents.database.sessions import Seen, as_data, find, gone, plan, refuse_special
from agents.database.targets import Target, TargetArguments, resource_of, target_of
from agents.database.verifying import Finding, Schedule, Status, verified, worded
from agents.runtime.tool import CallContext, Inspection, NeedsPerson, Tool, ToolFailure, ToolResult
from governance.types import ActionClass

LARGEST_PID = 2**31 - 1
CANCEL, TERMINATE = "cancel_query", "terminate_connection"
TERMINATE_SCHEDULE = Schedule(attempts=2, initial_delay_s=5.0)

# The operator may not see when others began; then the look just before it counts.
_CANCEL = """
SELECT pg_cancel_backend(pid) AS done FROM pg_stat_activity
WHERE pid = %s AND coalesce(extract(epoch FROM backend_start)::text, %s) = %s
"""
_TERMINATE = """
SELECT pg_terminate_backend(pid) AS done FROM pg_stat_activity
WHERE pid = %s AND coalesce(extract(epoch FROM backend_start)::text, %s) = %s
"""
_STATEMENTS = {CANCEL: _CANCEL, TERMINATE: _TERMINATE}
_WORDS = {CANCEL: "CANCELLATION", TERMINATE: "TERMINATION"}


class SessionArguments(TargetArguments):
    pid: int = Field(
        ge=1,
        le=LARGEST_PID,
        validation_alias=AliasChoices("pid", "process_id"),
        description="Process id of the session, as get_active_connections lists it",
    )


def session_tools() -> list[Tool]:
    return [
        Tool(
            name="get_session_info",
            title="Get Session Info",
            description=(
                "One session: who it is, its transaction and how long undoing it may take, its"
                " locks, who waits for it, and its last query."
            ),
            action_class=ActionClass.READ,
            parameters=SessionArguments,
            run=_info,
            resource=resource_of,
            idempotent=True,
            tags=("postgresql", "sessions", "locks"),
            examples=("What does session 4711 on orders do?",),
        ),
        Tool(
            name=CANCEL,
            title="Cancel Query",
            description=(
                "Cancels the statement that a session runs; the session stays. It frees nothing of"
                " a session that is idle in a transaction: use terminate_connection for that."
            ),
            action_class=ActionClass.WRITE,
            parameters=SessionArguments,
            run=_cancel,
            resource=resource_of,
            inspect=_inspect_cancel,
            probe=_probe_cancel,
            tags=("postgresql", "sessions", "remediation"),
            examples=("Cancel the query of session 4711 on orders",),
        ),
        Tool(
            name=TERMINATE,
            title="Terminate Connection",
            description=(
                "Ends a session: its statement, its transaction (which is undone), its connection."
            ),
            action_class=ActionClass.DESTRUCTIVE,
            parameters=SessionArguments,
            run=_terminate,
            resource=resource_of,
            inspect=_inspect_terminate,
            probe=_probe_terminate,
            tags=("postgresql", "sessions", "locks", "remediation"),
            examples=("End session 4711 on orders, which blocks the others",),
        ),
        idle_sessions.tool(),
    ]


# --- looking --------------------------------------------------------------------------------------


def _info(arguments: SessionArguments, _: CallContext) -> ToolResult:
    target = target_of(arguments)
    seen = _look(target, "get_session_info", arguments.pid)
    return report(plan(seen, target.label), **as_data(seen))


def _look(target: Target, tool: str, pid: int) -> Seen:
    """The session as it is now. Raises `ToolFailure` where there is none to be seen."""
    seen = _look_for(target, tool, pid)
    if seen is None:
        raise gone(pid, target.label)
    return seen


def _look_for(target: Target, tool: str, pid: int) -> Seen | None:
    with session(target, tool) as db:
        return find(db, pid)


def _look_to_end(target: Target, tool: str, pid: int) -> Seen:
    seen = _look(target, tool, pid)
    refuse_special(seen)
    return seen


def _inspect_cancel(arguments: SessionArguments, _: CallContext) -> Inspection:
    target = target_of(arguments)
    seen = _look_to_end(target, CANCEL, arguments.pid)
    said = f"{plan(seen, target.label)}\n\nIts statement would be cancelled."
    if not seen.active:
        said += f" It runs none: it is {seen.facts['state']}, and nothing would be freed."
    return seen.inspection(said, seen.statement())


def _inspect_terminate(arguments: SessionArguments, _: CallContext) -> Inspection:
    target = target_of(arguments)
    seen = _look_to_end(target, TERMINATE, arguments.pid)
    said = f"{plan(seen, target.label)}\n\nIt would be ended and its transaction undone."
    return seen.inspection(said, seen.preconditions())


# --- acting ---------------------------------------------------------------------------------------


def _cancel(arguments: SessionArguments, context: CallContext) -> ToolResult:
    target = target_of(arguments)
    before = _look_to_end(target, CANCEL, arguments.pid)
    _refuse_other(before, before.statement(), context.preconditions)
    _signal(target, CANCEL, before)
    found, retries = verified(lambda: cancelled(before, _look_for(target, CANCEL, before.pid)))
    return _told(target, CANCEL, before, found, retries)


def _terminate(arguments: SessionArguments, context: CallContext) -> ToolResult:
    target = target_of(arguments)
    before = _look_to_end(target, TERMINATE, arguments.pid)
    _refuse_other(before, before.preconditions(), context.preconditions)
    _signal(target, TERMINATE, before)

    def look() -> Finding:
        with session(target, TERMINATE) as db:
            return ended(db, before, find(db, before.pid))

    found, retries = verified(look, TERMINATE_SCHEDULE)
    return _told(target, TERMINATE, before, found, retries)


def _refuse_other(
    seen: Seen, identity: Mapping[str, Any], preconditions: Mapping[str, Any]
) -> None:
    """A pid that now is somebody else's, or a transaction that nobody was asked about."""
    if preconditions and preconditions != identity:
        what = "in another transaction or statement than" if seen.same_as(preconditions) else "not"
        raise ToolFailure(
            f"Session {seen.pid} is {what} the one that was looked at before. Nothing was done;"
            " look again with get_session_info."
        )


def _signal(target: Target, tool: str, before: Seen) -> None:
    """Level 1: the server takes the signal. Raises `ToolFailure` when it does not."""
    began = before.facts["backend_start"]
    with session(target, tool, mode="autocommit") as db:
        try:
            row = db.row(_STATEMENTS[tool], [before.pid, began, began])
        except errors.InsufficientPrivilege as error:
            plain = (
                f"{_WORDS[tool]} FAILED: the role that Aura makes repairs with may not signal"
                f" sessions of {before.facts['user']}: grant it pg_signal_backend"
                " (docs/databases.md)."
            )
            raise NeedsPerson(told(tool, target.label, plain, str(error))) from None
    if not row:
        raise gone(before.pid, target.label)
    if not row["done"]:
        plain = f"{_WORDS[tool]} FAILED: the server could not signal session {before.pid}."
        raise ToolFailure(told(tool, target.label, plain, "it may have ended in this moment"))


def _told(target: Target, tool: str, before: Seen, found: Finding, retries: int) -> ToolResult:
    return report(
        worded(found),
        plan(before, target.label),
        pid=before.pid,
        tool=tool,
        verify_status=found.status.value,
        retry_count=retries,
        before=as_data(before),
    )


# --- after a crash --------------------------------------------------------------------------------


def _probe_cancel(arguments: SessionArguments, context: CallContext) -> ToolResult | None:
    """None while that very statement runs on: cancelling it again is as good as once."""
    now = _probed(arguments, context, CANCEL)
    begun = context.preconditions.get("queryStart")
    if now is not None and now.active and now.facts["query_start"] == begun:
        return None
    return _found_done(arguments, CANCEL, "no longer runs that statement")


def _probe_terminate(arguments: SessionArguments, context: CallContext) -> ToolResult | None:
    if _probed(arguments, context, TERMINATE) is not None:
        return None
    return _found_done(arguments, TERMINATE, "is gone")


def _probed(arguments: SessionArguments, context: CallContext, tool: str) -> Seen | None:
    """That very session, if it is still there."""
    if not context.preconditions.get("backendStart"):
        raise ToolFailure("it is not known which session had this pid then")
    now = _look_for(target_of(arguments), tool, arguments.pid)
    return now if now is not None and now.same_as(context.preconditions) else None


def _found_done(arguments: SessionArguments, tool: str, what: str) -> ToolResult:
    return report(
        f"Session {arguments.pid} {what}; looked at after an interruption.",
        pid=arguments.pid,
        tool=tool,
        verify_status=Status.OK.value,
        retry_count=0,
    )
