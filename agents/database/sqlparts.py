"""What names within a statement say about it: functions, operators, types, relations, columns."""

from __future__ import annotations

from typing import Any

from pglast import ast

from agents.database import sqlwords
from agents.database.sqltree import PG_CATALOG, UNKNOWN, WRITE, Findings


def function(node: Any, found: Findings) -> None:
    schema, name = _qualified(node.funcname)
    if (why := sqlwords.why_refused(name)) is not None:
        found.unknown_calls = True
        found.say(UNKNOWN, f"{name}(): {why}")
    elif name not in sqlwords.FUNCTIONS or schema not in {"", PG_CATALOG}:
        found.unknown_calls = True
        found.say(WRITE, f"{name}() is not known to only read")
    elif not schema:
        found.functions.add(name)


def _operator_named(names: Any, found: Findings) -> None:
    schema, name = _qualified(names)
    if name in sqlwords.SYNTAX_OPERATORS:
        found.operators |= {"<", "<=", ">="}
    elif name not in sqlwords.OPERATORS or schema not in {"", PG_CATALOG}:
        found.unknown_calls = True
        found.say(WRITE, f"operator {name} is not known to only read")
    elif not schema:
        found.operators.add(name)


def expression(node: Any, found: Findings) -> None:
    _operator_named(node.name, found)


def sublink(node: Any, found: Findings) -> None:
    if node.operName:
        _operator_named(node.operName, found)


def sort(node: Any, found: Findings) -> None:
    if node.useOp:
        _operator_named(node.useOp, found)


def type_name(node: Any, found: Findings) -> None:
    schema, name = _qualified(node.names)
    if name not in sqlwords.TYPES or schema not in {"", PG_CATALOG}:
        found.unknown_calls = True
        full = f"{schema}.{name}" if schema else name
        found.say(WRITE, f"type {full} is not PostgreSQL's own: a cast to it may run code")


def sample(node: Any, found: Findings) -> None:
    schema, name = _qualified(node.method)
    if name not in sqlwords.SAMPLING or schema not in {"", PG_CATALOG}:
        found.unknown_calls = True
        found.say(WRITE, f"sampling by {name} is not known to only read")


def relation(node: Any, found: Findings) -> None:
    if node.relname in sqlwords.CREDENTIALS:
        found.say(UNKNOWN, f"{node.relname} holds credentials")


def column(node: Any, found: Findings) -> None:
    found.attributes |= _texts(node.fields[1:])


def indirection(node: Any, found: Findings) -> None:
    found.attributes |= _texts(node.indirection)


def _texts(parts: Any) -> set[str]:
    return {str(part.sval) for part in parts if isinstance(part, ast.String)}


def _qualified(names: Any) -> tuple[str, str]:
    """(schema or "", name) of a dotted name; with a database before it, the schema is unknown."""
    parts = [part.sval for part in names]
    return ".".join(parts[:-1]), parts[-1]
