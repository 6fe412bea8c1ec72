"""The statements that `aura.kernel.rows` sends, composed once for each model, and their values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import (
    BigIntegerField,
    BooleanField,
    CharField,
    DateTimeField,
    Field,
    IntegerField,
    JSONField,
    Model,
    PositiveBigIntegerField,
    PositiveIntegerField,
    TextField,
    UUIDField,
)

Fields = tuple["Field[Any, Any]", ...]
# With a field its attribute and the type whose values go as they are; None: none do.
Columns = tuple[tuple["Field[Any, Any]", str, type | None], ...]
PLAIN: dict[type, type] = {
    CharField: str,
    TextField: str,
    IntegerField: int,
    BigIntegerField: int,
    PositiveIntegerField: int,
    PositiveBigIntegerField: int,
    UUIDField: UUID,
    DateTimeField: datetime,
    BooleanField: bool,
}


def values_of(columns: Columns, row: Model, *, add: bool) -> list[Any]:
    """What is sent: a plain text or number in a column of its kind goes as it is."""
    database = connections[DEFAULT_DB_ALIAS]  # without the detour of `connection` for each field
    values = []
    for field, name, plain in columns:
        value = getattr(row, name) if plain else None
        if type(value) is not plain:
            value = field.get_db_prep_save(field.pre_save(row, add), database)
        values.append(value)
    return values


def _to_write(fields: Fields) -> Columns:
    return tuple((field, field.attname, _goes_as_it_is(field)) for field in fields)


def _goes_as_it_is(field: Field[Any, Any]) -> type | None:
    sets_itself = getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
    return None if sets_itself else PLAIN.get(type(field))


@cache
def insertion(model: type[Model], *, makes_key: bool) -> tuple[Columns, str, str, str]:
    """(columns, statement up to its values, values of one row, column of the key)."""
    meta = model._meta  # noqa: SLF001 - public by its documentation
    fields = tuple(f for f in meta.concrete_fields if not (makes_key and f.primary_key))
    assert meta.pk is not None  # noqa: S101 - every model has one
    return (
        _to_write(fields),
        f"INSERT INTO {quoted(meta.db_table)} ({listed(fields)}) VALUES ",  # noqa: S608 - our own names
        f"({', '.join(['%s'] * len(fields))})",
        quoted(meta.pk.column),
    )


@cache
def change(model: type[Model], names: tuple[str, ...]) -> tuple[Columns, str]:
    """(columns, statement that writes them, its last value the key)."""
    table, key, fields = _columns(model, names)
    assignments = ", ".join(f"{quoted(field.column)} = %s" for field in fields)
    return _to_write(fields), f"UPDATE {table} SET {assignments} WHERE {key} = %s"  # noqa: S608 - our own names


@dataclass(frozen=True, slots=True)
class Whole:
    """How all of a row is read by its key. `decoders`: by the place of what needs one."""

    fields: Fields
    names: list[str]
    decoders: list[tuple[int, Callable[..., Any]]]
    statement: str

    def decoded(self, found: Sequence[Any]) -> list[Any]:
        """What the database gave, as attributes."""
        values = list(found)
        for place, decode in self.decoders:
            values[place] = decode(values[place], None, connection)
        return values


@cache
def whole(model: type[Model], by: str = "") -> Whole:
    """How a row of this model is read. `by`: the column that finds it, if not its key."""
    fields = tuple(model._meta.concrete_fields)  # noqa: SLF001 - public by its documentation
    table, key, named = _columns(model, (by,) if by else ())
    if named:
        key = quoted(named[0].column)
    decoders = [
        (place, decode)
        for place, field in enumerate(fields)
        if (decode := getattr(field, "from_db_value", None)) is not None
    ]
    statement = f"SELECT {listed(fields)} FROM {table} WHERE {key} = %s"  # noqa: S608 - our own names
    return Whole(fields, [field.attname for field in fields], decoders, statement)


@cache
def reading(model: type[Model], names: tuple[str, ...]) -> tuple[Fields, str]:
    """(fields, statement that locks a row by its key and reads them)."""
    table, key, fields = _columns(model, names)
    if any(isinstance(field, JSONField) for field in fields):
        raise TypeError("JSON is not read here")
    return fields, f"SELECT {listed(fields)} FROM {table} WHERE {key} = %s FOR UPDATE"  # noqa: S608 - our own names


def _columns(model: type[Model], names: tuple[str, ...]) -> tuple[str, str, Fields]:
    meta = model._meta  # noqa: SLF001 - public by its documentation
    fields = []
    for name in names:
        field = meta.get_field(name)
        assert isinstance(field, Field)  # noqa: S101 - a relation's other side is no column
        fields.append(field)
    assert meta.pk is not None  # noqa: S101 - every model has one
    return quoted(meta.db_table), quoted(meta.pk.column), tuple(fields)


def listed(fields: Fields) -> str:
    """The columns of `fields`, as a statement names them."""
    return ", ".join(quoted(field.column) for field in fields)


def quoted(name: str | None) -> str:
    """A table or column, as a statement names it."""
    assert name is not None  # noqa: S101 - a concrete field has a column
    return connection.ops.quote_name(name)
