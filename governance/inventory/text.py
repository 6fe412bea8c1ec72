"""The text of an inventory, JSON or YAML, as plain values; and keys in it that nobody knows."""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import yaml

from governance.yamltext import NotReadable, compose

ALIKE = 0.8  # how much a key must be like a known one to be taken for a slip


class InventoryRefused(Exception):
    """The file cannot be used; one line a fault."""


def read(text: str) -> Any:
    """What the text says; every scalar of YAML is a text. Raises `InventoryRefused`."""
    return _json(text) if text.lstrip()[:1] in ("{", "[") else _yaml(text)


def strange(said: Any, known: Collection[str]) -> tuple[list[str], list[str]]:
    """(slips of the pen, other unknown keys) of a mapping; `_…` is for comments."""
    if not isinstance(said, Mapping):
        return [], []
    unknown = [str(key) for key in said if str(key) not in known and not str(key).startswith("_")]
    slips = [key for key in unknown if nearest(key, known)]
    return slips, [key for key in unknown if key not in slips]


def nearest(word: str, known: Collection[str]) -> str:
    """The known word that was probably meant; empty when there is none."""
    return next(iter(difflib.get_close_matches(word, known, n=1, cutoff=ALIKE)), "")


def _json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_once)
    except RecursionError:
        raise InventoryRefused("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise InventoryRefused(f"{place}: not JSON: {error.msg}") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise InventoryRefused(f"the key {key!r} is there twice")
        found[key] = value
    return found


def _yaml(text: str) -> Any:
    try:
        return _value(compose(text))
    except NotReadable as error:
        place = f"line {error.line} column {error.column}"
        raise InventoryRefused(f"{place}: {error.message}") from None


def _value(node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return _once(list(_pairs(node)))
    if isinstance(node, yaml.SequenceNode):
        return [_value(item) for item in node.value]
    return "" if _says_nothing(node) else node.value


def _says_nothing(node: yaml.Node) -> bool:
    return bool(node.tag == "tag:yaml.org,2002:null")


def _pairs(node: yaml.MappingNode) -> Iterator[tuple[str, Any]]:
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise InventoryRefused(f"line {key.start_mark.line + 1}: a key must be a word")
        if not _says_nothing(value):
            yield key.value, _value(value)
