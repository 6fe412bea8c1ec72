"""Writes data as YAML text that every parser of Kubernetes tools reads the same way."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml as pyyaml
from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

INDENT = 2
WIDTH = 100_000  # never break a line: a broken value is a changed line too many


_NUMERIC = re.compile(
    r"[-+]?\.?\d[\d_]*\.?[\d_]*(?:[eE][-+]?\d+)?|0[xob][0-9a-fA-F_]+|\d[\d_]*(?::[\d_]+)+(?:\.\d*)?"
)
_SIMPLE = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./:@+=-]*(?<!:)")
_WORDS = frozenset({"y", "n", "nan", "inf"})


def plain(value: str) -> bool:
    """True when every YAML parser reads the bare text as this very string.

    Parsers of Kubernetes tools follow YAML 1.1, where `on`, `1:20` and `1e3` are no strings.
    """
    if not _SIMPLE.fullmatch(value) or _NUMERIC.fullmatch(value) or value.lower() in _WORDS:
        return False
    try:
        return bool(pyyaml.safe_load(value) == value)
    except (pyyaml.YAMLError, ValueError):
        return False


def scalar(value: Any) -> str:
    """A scalar in one line, bare where that is safe."""
    if isinstance(value, str) and plain(value):
        return value
    return json.dumps(value, ensure_ascii=False)


def flow(value: Any) -> str:
    """Data in one line, for lists and mappings that are written so already."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def offset(text: str) -> int:
    """How far lists stand right of their key in this text: 0 or `INDENT`, which is the default."""
    match = re.search(
        r"^(?P<key> *(?:- )?)[\w./-]+:[^\S\n]*(?:#[^\n]*)?\n(?P<item> *)- ", text, re.MULTILINE
    )
    return INDENT if match is None or len(match["item"]) > len(match["key"]) else 0


def block(value: Any, text: str, *, flush: bool = False) -> str:
    """`value` in block style, its lists indented as those of `text`."""
    return dump([value], lists=offset(text), flush=flush)


def dump(values: Iterable[Any], *, lists: int = INDENT, flush: bool = False) -> str:
    """Documents as text, keys in the order given.

    `lists` is the `offset` of lists; `flush` keeps an outermost list at the margin all the same.
    """
    out = io.StringIO()
    writer = YAML()
    writer.width = WIDTH
    writer.default_flow_style = False
    writer.indent(mapping=INDENT, sequence=INDENT + lists, offset=lists)
    data = [_quoted(value) for value in values]
    if len(data) == 1:
        writer.dump(data[0], out)
    else:
        writer.dump_all(data, out)
    text = out.getvalue()
    outer = flush and lists and isinstance(data[0], list)
    return re.sub(rf"(?m)^ {{{lists}}}", "", text) if outer else text


def _quoted(value: Any) -> Any:
    """Data whose strings survive every parser: quoted where a bare one would be something else."""
    if isinstance(value, Mapping):
        return {key: _quoted(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_quoted(item) for item in value]
    if isinstance(value, str) and not plain(value):
        return DoubleQuotedScalarString(value)
    return value
