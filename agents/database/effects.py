"""How far a change of rows reaches, before it and inside its transaction, and whether it stayed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
from psycopg import sql

from agents.database.connect import Session, session
from agents.database.failures import told
from agents.database.statement import Value, look
from agents.database.targets import Target
from agents.runtime import interrupt
from agents.runtime.tool import ToolFailure

MOST_COUNTED = 100_000  # rows of a table about to be emptied; beyond, statistics tell

# Of this transaction alone, by triggers, cascades and functions included.
_CHANGED = """
SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::int8 FROM pg_stat_xact_user_tables
"""
_KIND = """
SELECT c.oid, c.relkind::text AS kind FROM pg_class c WHERE c.oid = to_regclass(%s)
"""
_LIKELY = """
WITH RECURSIVE below AS (
    SELECT %s::oid AS oid UNION SELECT i.inhrelid FROM pg_inherits i JOIN below ON inhparent = oid
)
SELECT coalesce(sum(greatest(c.reltuples, s.n_live_tup, 0)), 0)::int8
FROM below JOIN pg_class c USING (oid) LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
"""
NOTICED_S, NOTICED_PAUSE_S = 10.0, 0.05
UNKNOWN_END = (
    "The line broke while the change was being committed, and it cannot be seen whether it was:"
    " look at the rows before doing it again."
)


def changed(db: Session) -> int:
    """Rows this transaction has written so far, in all tables of users."""
    return int(db.value(_CHANGED))


def held(db: Session, relation: Sequence[str]) -> int:
    """Rows of a table: counted up to a limit, beyond it as many as statistics say; 0: no table."""
    name = sql.Identifier(*relation)
    found = db.row(_KIND, [name.as_string(db.connection)])
    if not found or found["kind"] not in "rmp":
        return 0
    count = sql.SQL("SELECT count(*) FROM (SELECT FROM {} LIMIT {}) AS part")
    rows = db.connection.execute(count.format(name, sql.Literal(MOST_COUNTED + 1))).fetchone()
    counted = int(rows[0]) if rows else 0
    if counted <= MOST_COUNTED:
        return counted
    return max(counted, int(db.value(_LIKELY, [found["oid"]])))


def estimate(db: Session, query: str, parameters: Sequence[Value]) -> tuple[int | None, str]:
    """(rows PostgreSQL expects to change, its plan as text); None where it changes none.

    From PostgreSQL 14 on the node that changes rows is said to return none: what counts is what it
    is given, below it.
    """
    [[told_json]] = look(db, f"EXPLAIN (FORMAT JSON) {query}", parameters, most=1).rows
    lines = look(db, f"EXPLAIN {query}", parameters, most=200).rows
    [top] = json.loads(str(told_json))
    changes = [node for node in _nodes(top["Plan"]) if node["Node Type"] == "ModifyTable"]
    given = [int(below["Plan Rows"]) for node in changes for below in _given(node)]
    return (sum(given) if changes else None), "\n".join(str(line) for [line] in lines)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


def _given(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What feeds a node, without the CTEs and subplans that merely hang below it."""
    for below in node.get("Plans", ()):
        if below.get("Parent Relationship") in {"Outer", "Member"}:
            yield below


def commit(db: Session, target: Target, tool: str) -> None:
    """COMMIT. Where the line breaks over it, the server is asked whether it was done.

    Raises `ToolFailure` when it was not, or when that cannot be seen.
    """
    transaction = db.value("SELECT pg_current_xact_id_if_assigned()::text")
    try:
        db.execute("COMMIT")
        db.settled = True
    except psycopg.Error as error:
        if not db.connection.closed:
            raise  # the server said no: nothing was changed
        if transaction is not None and not _was_committed(target, tool, transaction):
            plain = "The line broke before the change was committed: nothing was changed."
            raise ToolFailure(told(tool, target.label, plain, str(error))) from None
        db.settled = True


def _was_committed(target: Target, tool: str, transaction: str) -> bool:
    fate, deadline = "in progress", time.monotonic() + NOTICED_S
    try:
        with session(target, tool) as later:
            # The server notices some time later that the line is gone.
            while fate == "in progress" and time.monotonic() < deadline:
                interrupt.current().check()
                fate = later.value("SELECT pg_xact_status(%s::xid8)", [transaction])
                if fate == "in progress":
                    time.sleep(NOTICED_PAUSE_S)
    except interrupt.Interrupted:
        raise
    except ToolFailure as failure:
        raise ToolFailure(told(tool, target.label, UNKNOWN_END, str(failure))) from None
    if fate not in {"committed", "aborted"}:
        raise ToolFailure(told(tool, target.label, UNKNOWN_END))
    return bool(fate == "committed")
