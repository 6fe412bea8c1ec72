"""New rows as JSON, and the one statement that inserts any number of them.

PostgreSQL reads them into the table's own types. A statement with a value for each column of each
row would be another one for each number of rows, and costs the client five times as much.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

import orjson
from django.db.models import AutoField, Field, Model


class Packed(NamedTuple):
    """A row as it travels. `insert` is the part of a statement that takes a list of such rows."""

    insert: str
    row: bytes


def packed(row: Model) -> Packed:
    """A row that was never written. Raises `TypeError` where JSON has no form for what it holds.

    A column of the kind `auto_now` is not set.
    """
    insert, columns = _insertion(type(row))
    values = {column: getattr(row, name) for column, name in columns}
    return Packed(insert, orjson.dumps(values, default=_as_json))


def insertion(rows: Iterable[Packed]) -> tuple[str, list[str]]:
    """One statement that inserts them, and its values; those of a model in the order given."""
    of_model: dict[str, list[bytes]] = {}
    for insert, row in rows:
        of_model.setdefault(insert, []).append(row)
    values = [f"[{b','.join(of_one).decode()}]" for of_one in of_model.values()]
    return _together(tuple(of_model)), values


@cache
def _insertion(model: type[Model]) -> tuple[str, list[tuple[str, str]]]:
    """(statement, columns with their attributes), without a key that the database makes."""
    meta = model._meta  # noqa: SLF001 - public by its documentation
    fields: list[Field[Any, Any]] = [f for f in meta.concrete_fields if not _makes_itself(f)]
    columns = [(str(field.column), field.attname) for field in fields]
    listed = ", ".join(f'"{column}"' for column, _ in columns)
    table = f'"{meta.db_table}"'
    rows = f"json_populate_recordset(NULL::{table}, %s)"
    return f"INSERT INTO {table} ({listed}) SELECT {listed} FROM {rows}", columns  # noqa: S608 - our own names


def _makes_itself(field: Field[Any, Any]) -> bool:
    return isinstance(field, AutoField) or field.generated


@cache
def _together(inserts: tuple[str, ...]) -> str:
    *others, last = inserts
    named = ", ".join(f"row{n} AS ({insert})" for n, insert in enumerate(others))
    return f"WITH {named} {last}" if named else last


def _as_json(value: Any) -> Any:
    """What orjson does not know, as PostgreSQL reads it."""
    if isinstance(value, bytes | memoryview):
        return rf"\x{value.hex()}"
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"a row of {type(value).__name__} has no form in JSON")
