"""Ending sessions that have only sat there for long: listed by `dry_run`, ended without it."""

from __future__ import annotations

from typing import Any

import psycopg
from pydantic import Field

from agents.database.connect import Row, session
from agents.database.report import Table, counted, report, span
from agents.database.targets import Target, TargetArguments, resource_of, target_of
from agents.database.verifying import Finding, Schedule, Status, verified, worded
from agents.runtime.tool import CallContext, Inspection, Tool, ToolFailure, ToolResult
from governance.types import ActionClass

NAME = "terminate_idle_connections"
SHORTEST_MIN, LONGEST_MIN = 5, 30 * 24 * 60
MOST = 200

# Idle, and in no transaction. Superusers' sessions and our own are nobody's leftovers.
_IDLE = """
SELECT a.pid, a.usename AS "user", a.application_name AS application,
       coalesce(host(a.client_addr), 'local') AS client,
       extract(epoch FROM clock_timestamp() - a.state_change)::float8 AS idle_s,
       extract(epoch FROM a.backend_start)::text AS backend_start
FROM pg_stat_activity a LEFT JOIN pg_roles r ON r.oid = a.usesysid
WHERE a.datname = current_database() AND a.backend_type = 'client backend' AND a.state = 'idle'
  AND a.pid <> pg_backend_pid() AND NOT coalesce(r.rolsuper, false)
  AND a.state_change < clock_timestamp() - make_interval(mins => %s)
ORDER BY a.state_change LIMIT %s
"""
_TERMINATE = """
SELECT pg_terminate_backend(pid) AS done FROM pg_stat_activity
WHERE pid = %s AND coalesce(extract(epoch FROM backend_start)::text, %s) = %s
  AND coalesce(state, 'idle') = 'idle'
"""
_LEFT = """
SELECT pid FROM pg_stat_activity
JOIN unnest(%s::int[], %s::text[]) AS told (pid, began) USING (pid)
WHERE extract(epoch FROM backend_start)::text = told.began
"""


class IdleArguments(TargetArguments):
    idle_minutes: int = Field(
        ge=SHORTEST_MIN,
        le=LONGEST_MIN,
        description="Only sessions that have been idle, in no transaction, for at least so long",
    )
    database: str = Field(
        default="",
        max_length=63,
        description="Name of the database whose sessions are meant: that of connection_string",
    )
    dry_run: bool = Field(default=False, description="List them and end none")


def tool() -> Tool:
    return Tool(
        name=NAME,
        title="Terminate Idle Connections",
        description=(
            "Ends the sessions of the database that have been idle for long and are in no"
            " transaction; with dry_run it lists them."
        ),
        action_class=_class,
        parameters=IdleArguments,
        run=_run,
        resource=resource_of,
        idempotent=True,
        inspect=_inspect,
        tags=("postgresql", "sessions", "connections", "remediation"),
        examples=("Which connections of orders have been idle for an hour?",),
    )


def _class(arguments: IdleArguments) -> ActionClass:
    return ActionClass.READ if arguments.dry_run else ActionClass.DESTRUCTIVE


def _run(arguments: IdleArguments, _: CallContext) -> ToolResult:
    target = target_of(arguments)
    found = _idle(target, arguments)
    if arguments.dry_run:
        return _told(arguments, found, f"{_many(found)} idle for {_least(arguments)} or longer.")
    signalled, refused = _ended(target, found)
    finding, retries = verified(lambda: _left(target, signalled), Schedule(attempts=2))
    return _told(
        arguments,
        signalled,
        f"{worded(finding)}{_refusals(refused)}",
        terminated=[row["pid"] for row in signalled],
        refused=refused,
        verify_status=(
            Status.WARNING.value
            if refused and finding.status is Status.OK
            else finding.status.value
        ),
        retry_count=retries,
    )


def _inspect(arguments: IdleArguments, _: CallContext) -> Inspection:
    """Sessions come and go: what is approved is the rule, and these are those of this moment."""
    target = target_of(arguments)
    found = _idle(target, arguments)
    rule = f"Sessions of {target.label} that are idle for {_least(arguments)} or longer are ended"
    return Inspection(plan=f"{rule}; at this moment {_many(found)}.\n{_table(found)}")


def _idle(target: Target, arguments: IdleArguments) -> list[Row]:
    with session(target, NAME) as db:
        name = str(db.value("SELECT current_database()"))
        if arguments.database not in ("", name):
            raise ToolFailure(
                f"connection_string means the database {name}: to end sessions of"
                f" {arguments.database!r}, name that one by its own id."
            )
        return db.rows(_IDLE, [arguments.idle_minutes, MOST])


def _ended(target: Target, found: list[Row]) -> tuple[list[Row], list[dict[str, Any]]]:
    """(those that took the signal, those that were not ours to end, with the reason)."""
    signalled, refused = [], []
    with session(target, NAME, mode="autocommit") as db:
        for row in found:
            try:
                began = row["backend_start"]
                if db.value(_TERMINATE, [row["pid"], began, began]):
                    signalled.append(row)
            except psycopg.errors.InsufficientPrivilege as error:
                refused.append({"pid": row["pid"], "user": row["user"], "reason": _first(error)})
    return signalled, refused


def _left(target: Target, signalled: list[Row]) -> Finding:
    pids = [row["pid"] for row in signalled]
    with session(target, NAME) as db:
        left = db.rows(_LEFT, [pids, [row["backend_start"] for row in signalled]])
    if left:
        still = ", ".join(str(row["pid"]) for row in left)
        text = f"told to end and still there: {still}"
        return Finding(status=Status.ESCALATION, text=text)
    return Finding(status=Status.OK, text=f"{counted(len(pids), 'idle session')} ended.")


def _told(arguments: IdleArguments, rows: list[Row], text: str, **data: Any) -> ToolResult:
    return report(
        text,
        _table(rows),
        sessions=[{k: v for k, v in row.items() if k != "backend_start"} for row in rows],
        count=len(rows),
        dry_run=arguments.dry_run,
        **data,
    )


def _table(rows: list[Row]) -> Table:
    shown = [{**row, "idle": span(row["idle_s"])} for row in rows]
    return Table("", shown, ("pid", "user", "application", "client", "idle"))


def _refusals(refused: list[dict[str, Any]]) -> str:
    if not refused:
        return ""
    pids = ", ".join(str(one["pid"]) for one in refused)
    return f" VERIFICATION WARNING: may not be ended by this role: {pids} ({refused[0]['reason']})."


def _many(rows: list[Row]) -> str:
    most = " (the first, there may be more)" if len(rows) == MOST else ""
    return f"{counted(len(rows), 'session')}{most}"


def _least(arguments: IdleArguments) -> str:
    return counted(arguments.idle_minutes, "minute")


def _first(error: psycopg.Error) -> str:
    return (error.diag.message_primary or str(error)).strip()
