"""YAML without its traps: no duplicate keys, no alias bombs, no endless nesting; lines are known.

The limits are looked at on the stream of parser events, before anything is built, so that neither
memory nor the stack depends on what a file says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

MAX_NODES = 200_000  # after aliases are expanded; the largest bundles of definitions have 100,000
MAX_DEPTH = 100
MAX_ALIASES = 100

Path: TypeAlias = tuple[str | int, ...]


class Refused(Exception):
    """The text is not YAML, or is more than a manifest may be. `line` counts from 1."""

    def __init__(self, message: str, line: int | None, rule: str) -> None:
        super().__init__(message)
        self.message, self.line, self.rule = message, line, rule


@dataclass(frozen=True, slots=True)
class Document:
    """One document: plain Python values and the line of every path in them."""

    value: Any
    lines: Mapping[Path, int]


class _Loader(yaml.CSafeLoader):
    """Resolves scalars as YAML 1.1 does (`no` is false), as Kubernetes' own reader does."""


def load_all(text: str) -> list[Document]:
    """Every document of `text`. Raises `Refused`."""
    try:
        _measure(text)
        return list(_documents(text))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        words = " ".join(part for part in (error.context, error.problem) if part)
        raise Refused(f"not YAML: {words}", mark.line + 1 if mark else None, "parse") from None
    except (yaml.YAMLError, UnicodeError):
        raise Refused("not YAML: it holds characters YAML forbids", None, "parse") from None


# --- limits ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Meter:
    """Counts nodes as they would be with every alias written out."""

    sizes: dict[str, int] = field(default_factory=dict)  # of finished anchors
    opened: list[tuple[str | None, int]] = field(default_factory=list)  # anchor, size so far
    total: int = 0
    aliases: int = 0

    def add(self, size: int) -> None:
        self.total += size
        if self.opened:
            anchor, so_far = self.opened[-1]
            self.opened[-1] = (anchor, so_far + size)

    def close(self) -> None:
        anchor, size = self.opened.pop()
        if anchor:
            self.sizes[anchor] = size
        if self.opened:
            above, so_far = self.opened[-1]
            self.opened[-1] = (above, so_far + size)

    def alias(self, name: str, line: int | None) -> None:
        self.aliases += 1
        if self.aliases > MAX_ALIASES:
            raise Refused(f"more than {MAX_ALIASES} aliases", line, "limits")
        if any(anchor == name for anchor, _ in self.opened):
            raise Refused(f"*{name} stands inside its own anchor", line, "limits")
        self.add(self.sizes.get(name, 1))


def _measure(text: str) -> None:
    """Raise `Refused` when the text holds more than we build."""
    meter = _Meter()
    for event in yaml.parse(text, Loader=_Loader):
        line = event.start_mark.line + 1 if event.start_mark else None
        _count(meter, event, line)
        if len(meter.opened) > MAX_DEPTH:
            raise Refused(f"nested deeper than {MAX_DEPTH} levels", line, "limits")
        if meter.total > MAX_NODES:
            raise Refused(
                f"more than {MAX_NODES} values with its aliases written out", line, "limits"
            )


def _count(meter: _Meter, event: yaml.Event, line: int | None) -> None:
    match event:
        case yaml.DocumentStartEvent():
            meter.sizes.clear()
        case yaml.CollectionStartEvent():
            meter.add(1)
            meter.opened.append((event.anchor, 1))
        case yaml.CollectionEndEvent():
            meter.close()
        case yaml.AliasEvent():
            meter.alias(event.anchor or "", line)
        case yaml.ScalarEvent():
            meter.add(1)


# --- values ---------------------------------------------------------------------------------------


def _documents(text: str) -> Iterator[Document]:
    loader = _Loader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            lines: dict[Path, int] = {}
            if node is not None:
                yield Document(_value(loader, node, (), lines), lines)
    finally:
        loader.dispose()


def _value(loader: _Loader, node: yaml.Node, path: Path, lines: dict[Path, int]) -> Any:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return _mapping(loader, node, path, lines)
    if isinstance(node, yaml.SequenceNode):
        return [_value(loader, item, (*path, i), lines) for i, item in enumerate(node.value)]
    return _scalar(loader, node)


def _mapping(
    loader: _Loader, node: yaml.MappingNode, path: Path, lines: dict[Path, int]
) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = _key(loader, key_node)
        if key in seen:
            line = key_node.start_mark.line + 1
            raise Refused(
                f"the key {key!r} is there twice; the second would win", line, "duplicate-key"
            )
        seen.add(key)
    loader.flatten_mapping(node)  # writes out `<<`; keys of the mapping itself come last and win
    result = {}
    for key_node, value_node in node.value:
        key = _key(loader, key_node)
        inside = (*path, key if isinstance(key, int) else str(key))
        lines[inside] = key_node.start_mark.line + 1
        result[key] = _value(loader, value_node, inside, lines)
    return result


def _key(loader: _Loader, node: yaml.Node) -> Any:
    if not isinstance(node, yaml.ScalarNode):
        raise Refused(
            "a key must be a plain value; quote a template expression such as '{{ x }}'",
            node.start_mark.line + 1,
            "parse",
        )
    return _scalar(loader, node)


_CONVERTED = {f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float")}


def _scalar(loader: _Loader, node: yaml.Node) -> Any:
    """Null, bool, int or float as YAML says; all else, dates and unknown tags too, stays text."""
    if node.tag not in _CONVERTED:
        return node.value
    try:
        return loader.construct_object(node)
    except (ValueError, KeyError, yaml.constructor.ConstructorError):
        return node.value  # e.g. `!!int x`, or more digits than Python converts
