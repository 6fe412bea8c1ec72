"""A column of a Table, and how cells are written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agents.sandbox import clock
from agents.sandbox.objects import Object, meta

Cells = Callable[[Object], list[Any]]


@dataclass(frozen=True, slots=True)
class Column:
    """`priority` 1 is printed with `-o wide` alone."""

    name: str
    type: str = "string"
    priority: int = 0
    format: str = ""
    description: str = ""

    def definition(self) -> Object:
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": self.description or self.name,
            "priority": self.priority,
        }


def columns(text: str) -> tuple[Column, ...]:
    """`Name Ready:integer …`; names joined by `_`, those after `|` are wide."""
    found, priority = [], 0
    for word in text.split():
        if word == "|":
            priority = 1
            continue
        name, _, kind = word.partition(":")
        form = "name" if name == "Name" else ""
        found.append(Column(name.replace("_", " "), kind or "string", priority, form))
    return tuple(found)


def age_of(obj: Object) -> str:
    return clock.age(meta(obj).get("creationTimestamp"))


def pairs(values: Mapping[str, str] | None) -> str:
    return ",".join(f"{key}={value}" for key, value in (values or {}).items()) or "<none>"


def selector(value: Object | None) -> str:
    """A LabelSelector in one line."""
    if not value:
        return "<none>"
    parts = [f"{key}={label}" for key, label in (value.get("matchLabels") or {}).items()]
    for each in value.get("matchExpressions") or ():
        values = f" ({','.join(each['values'])})" if each.get("values") else ""
        parts.append(f"{each['key']} {each['operator'].lower()}{values}")
    return ",".join(parts) or "<none>"


def listed(values: Iterable[Any], nothing: str = "<none>") -> str:
    return ",".join(str(value) for value in values) or nothing
