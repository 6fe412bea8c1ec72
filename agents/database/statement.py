"""Runs one statement of somebody else's, by the protocol that takes one only.

Values are bound as `$1`, `$2` …, the server's own placeholders: the text that was judged is what is
run. A result is bounded; numbers and booleans come as such, all else as PostgreSQL prints it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, TypeAlias, cast

import psycopg
from psycopg.sql import SQL
from psycopg.types.string import TextLoader

from agents.database.connect import Session

Value: TypeAlias = str | int | float | bool | None
MOST_BYTES = 1 << 20  # of a result, as text
LONGEST_CELL = 20_000  # characters
COUNTED = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE"})
AS_SUCH = frozenset({"bool", "int2", "int4", "int8", "oid", "float4", "float8"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`more`: there were rows that are not here. `changed`: rows that the server counted."""

    columns: Sequence[str] = ()
    rows: Sequence[Sequence[Value]] = ()
    more: bool = False
    changed: int = 0


def look(session: Session, sql: str, parameters: Sequence[Value] = (), *, most: int) -> Answer:
    """The first `most` rows of a statement that returns some; then it is ended.

    Raises `psycopg.Error`, like `change`.
    """
    return _fetched(session, sql, parameters, most=most, to_the_end=False)


def change(
    session: Session, sql: str, parameters: Sequence[Value] = (), *, most: int, returns: bool
) -> Answer:
    """Run it to its end. `returns`: it has rows, of which the first `most` are kept."""
    if returns:
        return _fetched(session, sql, parameters, most=most, to_the_end=True)
    _as_judged(session)
    with psycopg.RawCursor(session.connection) as cursor:
        # A binary result cannot be had by the protocol that takes several statements.
        cursor.execute(_sql(sql), list(parameters), binary=True)
        tag = (cursor.statusmessage or "").partition(" ")[0]
        return Answer(changed=max(cursor.rowcount, 0) if tag in COUNTED else 0)


def _fetched(
    session: Session, sql: str, parameters: Sequence[Value], *, most: int, to_the_end: bool
) -> Answer:
    _as_judged(session)
    rows: list[list[Value]] = []
    seen, more, room = 0, False, MOST_BYTES
    with psycopg.RawCursor(session.connection) as cursor:
        for row in cursor.stream(_sql(sql), list(parameters)):
            seen += 1
            values = [_cell(value) for value in row]
            room -= sum(len(value) for value in values if isinstance(value, str))
            more = more or len(rows) == most or room < 0
            if not more:
                rows.append(values)
            elif not to_the_end:
                break
        columns = [column.name for column in cursor.description or ()]
    return Answer(columns=columns, rows=rows, more=more, changed=seen)


def _as_judged(session: Session) -> None:
    """Strings end where the judge saw them end; results are not turned into Python's types."""
    session.execute("SET LOCAL standard_conforming_strings = on")
    adapters = session.connection.adapters
    for kind in adapters.types:
        if kind.name not in AS_SUCH:
            adapters.register_loader(kind.oid, TextLoader)
        if kind.array_oid:
            adapters.register_loader(kind.array_oid, TextLoader)


def _sql(text: str) -> SQL:
    """A text that has been judged, as psycopg wants those that come from outside."""
    return SQL(text)


def _cell(value: Any) -> Value:
    if isinstance(value, bytes):  # of a database in SQL_ASCII
        value = value.decode(errors="replace")
    if isinstance(value, str) and len(value) > LONGEST_CELL:
        return f"{value[:LONGEST_CELL]}… ({len(value)} characters)"
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    return cast("Value", value)
