"""Judges one SQL statement before it is run: read, write, destructive, or not to be run at all.

PostgreSQL's own parser reads it (pglast, the grammar of version 18). A statement is `read` only
where every part of it is on an allow-list. What the text does not show (views, rules, triggers,
policies, operators and functions of somebody's own under a known name) is left to what stands
behind this: a READ ONLY transaction, `shadows.py`, and a role without rights.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pglast import ast, parse_sql
from pglast.error import Error

from agents.database.sqlrules import PLANNED, emptied, meet
from agents.database.sqltree import DESTRUCTIVE, READ, UNKNOWN, WRITE, Findings, nodes, words
from agents.database.verdict import Names, Verdict

LONGEST = 20_000  # characters; the parser's own stack is far from its end there
NO = frozenset({"false", "off", "0"})
_RANK = {READ: 0, WRITE: 1, DESTRUCTIVE: 2, UNKNOWN: 3}


@lru_cache(maxsize=64)  # a call is judged when it is checked, classified, inspected and run
def judge(sql: str) -> Verdict:
    """The verdict on a text that should be one statement."""
    try:
        statement = _only_statement(sql)
    except _Refused as refused:
        return Verdict(action_class=UNKNOWN, verb="", reasons=(str(refused),))
    return _judge(statement)


class _Refused(Exception):
    """No single statement to judge."""


def _only_statement(sql: str) -> Any:
    if "\0" in sql:
        raise _Refused("the statement holds a NUL character, behind which nothing would be seen")
    if len(sql) > LONGEST:
        raise _Refused(f"the statement is longer than {LONGEST} characters")
    try:
        statements = parse_sql(sql)
    except (Error, UnicodeEncodeError) as error:
        raise _Refused(f"PostgreSQL's parser does not take it: {error.args[0]}") from None
    if len(statements) != 1:
        count = len(statements) or "no"
        raise _Refused(f"one call runs exactly one statement, and this holds {count}")
    return statements[0].stmt


def _judge(statement: Any) -> Verdict:
    plan_only = isinstance(statement, ast.ExplainStmt) and not _analyzes(statement)
    inner = statement.query if isinstance(statement, ast.ExplainStmt) else statement
    found = Findings()
    for node in nodes(inner):
        meet(node, found)
    plannable = isinstance(inner, PLANNED) and not found.unknown_calls
    worst = max((c for c, _ in found.said), key=_RANK.__getitem__, default=READ)
    if found.unproven and worst is READ:
        worst = WRITE
        found.say(WRITE, f"not proven to only read: {', '.join(sorted(found.unproven))}")
    reasons = tuple(dict.fromkeys(reason for c, reason in found.said if c is worst))
    if plan_only and plannable and worst is not UNKNOWN:
        worst, reasons = READ, ()  # planned, never run
    return Verdict(
        action_class=worst,
        verb="EXPLAIN" if isinstance(statement, ast.ExplainStmt) else words(inner),
        reasons=reasons,
        names=Names(
            functions=frozenset(found.functions),
            operators=frozenset(found.operators),
            attributes=frozenset(found.attributes),
        ),
        plannable=plannable,
        returns=_returns(statement),
        relations=tuple(emptied(inner)),
    )


def _returns(statement: Any) -> bool:
    if isinstance(statement, ast.SelectStmt):
        return not any(isinstance(node, ast.IntoClause) for node in nodes(statement))
    looks = isinstance(statement, ast.ExplainStmt | ast.VariableShowStmt)
    return looks or getattr(statement, "returningClause", None) is not None


def _analyzes(explain: Any) -> bool:
    """Whether it runs the statement. Any spelling but a plain `false` counts as yes."""
    return any(
        str(getattr(option.arg, "sval", getattr(option.arg, "ival", True))).lower() not in NO
        for option in explain.options or ()
        if option.defname.lower() == "analyze"
    )
