"""A JSON Schema of arguments as rows that people read. Pure.

Schemas of our tools are pydantic's; those of MCP servers are as their operators wrote them, so
whatever is not understood is any JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

DEEP: Final = 10  # references that are followed
MOST_CHOICES: Final = 200  # of a list to choose from; of more, one is typed
LIMITS: Final = (
    ("minimum", "at least {}"),
    ("exclusiveMinimum", "more than {}"),
    ("maximum", "at most {}"),
    ("exclusiveMaximum", "less than {}"),
    ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"),
    ("minItems", "at least {} items"),
    ("maxItems", "at most {} items"),
    ("pattern", "like {}"),
    ("format", "a {}"),
)


class Kind(StrEnum):
    """What an argument is, in words."""

    TEXT = "text"
    WHOLE = "whole number"
    NUMBER = "number"
    YES_NO = "yes or no"
    ONE_OF = "one of"
    SOME_OF = "some of"
    LIST = "list"
    OBJECT = "object"
    ANY = "any JSON"


SIMPLE: Final = {
    "string": Kind.TEXT,
    "integer": Kind.WHOLE,
    "number": Kind.NUMBER,
    "boolean": Kind.YES_NO,
    "array": Kind.LIST,
    "object": Kind.OBJECT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One argument. `default` is JSON, empty where there is none; `choices` are those of an enum.

    `nullable`: null is one of its values.
    """

    name: str
    kind: Kind
    required: bool
    nullable: bool
    default: str
    limits: str
    description: str
    choices: tuple[str, ...]
    schema: Mapping[str, Any]


def arguments(schema: Mapping[str, Any]) -> list[Argument]:
    """The properties of the schema of an object, in its order."""
    properties, required = schema.get("properties"), schema.get("required")
    if not isinstance(properties, dict):
        return []
    needed = required if isinstance(required, list) else []
    return [_argument(name, said, schema, name in needed) for name, said in properties.items()]


def _argument(name: str, said: Any, whole: Mapping[str, Any], required: bool) -> Argument:  # noqa: FBT001 - private
    given = said if isinstance(said, dict) else {}
    shape, nullable = _shape(given, whole)
    kind, choices = _kind(shape, whole)
    limits = [words.format(shape[key]) for key, words in LIMITS if key in shape]
    return Argument(
        name=name,
        kind=kind,
        required=required,
        nullable=nullable,
        default=_default(given),
        limits=", ".join(limits),
        description=str(given.get("description") or shape.get("description") or ""),
        choices=choices,
        schema=shape,
    )


def _shape(given: Mapping[str, Any], whole: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
    """The schema behind references and beside null, and whether null fits."""
    shape, nullable = _followed(given, whole), False
    options = shape.get("anyOf") or shape.get("oneOf")
    if isinstance(options, list):
        others = [
            one for one in options if not (isinstance(one, dict) and one.get("type") == "null")
        ]
        nullable = len(others) < len(options)
        shape = _followed(others[0], whole) if len(others) == 1 else {}
    types = shape.get("type")
    if isinstance(types, list):
        others = [one for one in types if one != "null"]
        nullable = nullable or "null" in types
        shape = {**shape, "type": others[0] if len(others) == 1 else None}
    return shape, nullable


def _followed(said: Any, whole: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema that a local reference leads to."""
    for _ in range(DEEP):
        if not isinstance(said, dict):
            return {}
        reference = said.get("$ref")
        if not isinstance(reference, str):
            return said
        said = whole
        for part in reference.removeprefix("#/").split("/"):
            said = said.get(part) if isinstance(said, Mapping) else None
    return {}


def _kind(shape: Mapping[str, Any], whole: Mapping[str, Any]) -> tuple[Kind, tuple[str, ...]]:
    if choices := _choices(shape):
        return Kind.ONE_OF, choices
    kind = SIMPLE.get(str(shape.get("type")), Kind.ANY)
    if kind is Kind.LIST and (choices := _choices(_followed(shape.get("items"), whole))):
        return Kind.SOME_OF, choices
    return kind, ()


def _choices(shape: Mapping[str, Any]) -> tuple[str, ...]:
    """The texts that are allowed; nothing where other values are, or too many."""
    said = shape.get("enum", [shape["const"]] if "const" in shape else None)
    if not isinstance(said, list) or len(said) > MOST_CHOICES:
        return ()
    return tuple(said) if all(isinstance(one, str) and one for one in said) else ()


def _default(given: Mapping[str, Any]) -> str:
    """Empty too where the default says nothing: null, an empty text or list."""
    default = given.get("default")
    if default is None or default in ("", [], {}):
        return ""
    return json.dumps(default, ensure_ascii=False)
