"""Changes YAML text where it is, so that a diff shows the changed lines and nothing else.

A round trip through a parser re-indents lists, unifies quotes and strips blanks. Here ruamel.yaml
tells where each node stands, the text is changed at that place, and the result is parsed again and
must equal the data with the same change made. What cannot be changed so is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from agents.manifests import yamlstyle

Path = tuple[str | int, ...]
Parent = tuple[Node, str | int] | None  # the node above, and the key or index below it
MAX_CHARS = 200_000
MAX_BRACKETS = 2000
MAX_ALIASES = 10  # more are no manifest, and a few dozen can describe an endless document

# Whatever a text makes the parser raise, it is a file that cannot be edited.
_UNREADABLE = (
    YAMLError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    RecursionError,
)


class EditRefused(Exception):
    """The text cannot be changed in place; the message says why."""


class Unreadable(EditRefused):
    """The text is no YAML that could be edited."""


def documents(text: str) -> list[Any]:
    """The data of every document. Raises `Unreadable`. The data is shared: do not change it."""
    found = _parsed(text)
    if isinstance(found, str):
        raise Unreadable(found)
    return found


# A conversation is read anew for every reply: most texts are parsed many times over.
@lru_cache(maxsize=512)
def _parsed(text: str) -> list[Any] | str:
    """The documents, or why there are none."""
    aliases = len(re.findall(r"(?<=[\s\[,:-])\*\w", text))
    brackets = text.count("[") + text.count("{")
    if len(text) > MAX_CHARS or aliases > MAX_ALIASES or brackets > MAX_BRACKETS:
        return "the file is larger or more nested than a manifest"
    try:
        return list(YAML(typ="safe", pure=True).load_all(text))
    except _UNREADABLE as error:
        return f"the file is no plain YAML: {type(error).__name__}"


@lru_cache(maxsize=128)
def _nodes(text: str) -> list[Node]:
    """The nodes of every document, with their places in the text."""
    documents(text)
    return list(YAML(typ="rt").compose_all(text))


def assign(text: str, document: int, path: Path, value: Any) -> str:
    """Set the value at `path`; missing mappings on the way are made.

    `value` is a scalar, list or mapping of plain data. Raises `EditRefused`.
    """

    def change(data: Any) -> None:
        *way, last = path
        for key in way:
            if isinstance(data, dict) and data.get(key) is None:
                data[key] = {}
            data = data[key]
        data[last] = value

    return _edit(text, document, lambda t, root: _assigned(t, root, path, value), change)


def append(text: str, document: int, path: Path, value: Any, *, at: int | None = None) -> str:
    """Add `value` to the list at `path` (made when missing), before index `at`."""

    def change(data: Any) -> None:
        *way, last = path
        for key in way:
            if isinstance(data, dict) and data.get(key) is None:
                data[key] = {}
            data = data[key]
        if data.get(last) is None:
            data[last] = []
        items = data[last]
        items.insert(len(items) if at is None else at, value)

    return _edit(text, document, lambda t, root: _appended(t, root, path, value, at), change)


def remove(text: str, document: int, path: Path) -> str:
    """Remove the key or list item at `path`; a list that becomes empty stays as `[]`."""

    def change(data: Any) -> None:
        *way, last = path
        for key in way:
            data = data[key]
        del data[last]

    return _edit(text, document, lambda t, root: _removed(t, root, path), change)


def _edit(
    text: str, document: int, splice: Callable[[str, Node], str], change: Callable[[Any], None]
) -> str:
    """Splice, then compare with what the same change makes of the data."""
    crlf = "\r\n" in text
    plain = text.replace("\r\n", "\n")
    try:
        expected = _unshared(documents(plain))
        change(expected[document])
        result = splice(plain, _nodes(plain)[document])
        same = documents(result) == expected
    except _UNREADABLE as error:
        raise EditRefused("the file is written in a way that this change does not fit") from error
    if not same:
        raise EditRefused("the file is written in a way that this change does not fit")
    return result.replace("\n", "\r\n") if crlf else result


def _unshared(data: Any) -> Any:
    """A copy in which an alias is a value of its own: a change through one then shows."""
    if isinstance(data, dict):
        return {key: _unshared(value) for key, value in data.items()}
    return [_unshared(value) for value in data] if isinstance(data, list) else data


def _assigned(text: str, root: Node, path: Path, value: Any) -> str:
    parent: Parent = None
    node = root
    for depth, key in enumerate(path):
        found = _child(node, key)
        if found is None:
            return _put(text, node, parent, path[depth:], value)
        parent, node = (node, key), found
    if isinstance(node, ScalarNode) and not _is_null(node) and not isinstance(value, list | dict):
        return _splice(text, node.start_mark.index, _end(text, node), _like(node, value))
    if _is_empty(node):
        return _filled(text, node, parent, value)
    raise EditRefused("a value of another shape stands there")


def _put(text: str, node: Node, parent: Parent, missing: Path, value: Any) -> str:
    """A new key in the mapping `node`; the rest of `missing` becomes nested mappings."""
    for key in reversed(missing[1:]):
        value = {key: value}
    if _is_empty(node):
        return _filled(text, node, parent, {missing[0]: value})
    if not isinstance(node, MappingNode):
        raise EditRefused("a value of another shape stands there")
    if node.flow_style:
        return _into_flow(text, node, f"{missing[0]}: {yamlstyle.flow(value)}")
    column = node.value[0][0].start_mark.column
    return _insert_lines(
        text, _last_line(text, node), yamlstyle.block({missing[0]: value}, text), column
    )


def _appended(text: str, root: Node, path: Path, value: Any, at: int | None) -> str:
    parent: Parent = None
    node = root
    for depth, key in enumerate(path):
        found = _child(node, key)
        if found is None:
            return _put(text, node, parent, path[depth:], [value])
        parent, node = (node, key), found
    if _is_empty(node):
        return _filled(text, node, parent, [value])
    if not isinstance(node, SequenceNode):
        raise EditRefused("a value of another shape stands there")
    if node.flow_style:
        if at is not None and at < len(node.value):
            start = node.value[at].start_mark.index
            return _splice(text, start, start, f"{yamlstyle.flow(value)}, ")
        return _into_flow(text, node, yamlstyle.flow(value))
    column = node.start_mark.column
    if at == 0:
        start = text.rfind("\n", 0, node.start_mark.index) + 1
    else:
        start = _last_line(text, node if at is None else node.value[at - 1])
    return _insert_lines(text, start, yamlstyle.block([value], text, flush=True), column)


def _removed(text: str, root: Node, path: Path) -> str:
    node: Any = root
    for key in path[:-1]:
        node = _child(node, key) or node
    target = _child(node, path[-1])
    if target is None:
        raise EditRefused("there is nothing to remove")
    if node.flow_style:
        return _out_of_flow(text, node, target)
    if isinstance(node, SequenceNode):
        if len(node.value) == 1:
            return _emptied(text, node, target)
        dash = text.rfind("-", 0, target.start_mark.index)
        start = text.rfind("\n", 0, dash) + 1
    else:
        key_node = next(k for k, v in node.value if v is target)
        start = text.rfind("\n", 0, key_node.start_mark.index) + 1
    return _splice(text, start, _last_line(text, target), "")


def _emptied(text: str, node: Node, target: Node) -> str:
    """The only item of a list goes: `resources:` becomes `resources: []`."""
    colon = text.rfind(":", 0, node.start_mark.index) + 1
    first = text.rfind("\n", 0, node.start_mark.index) + 1
    if first < colon:
        raise EditRefused("the list begins on the line of its key")
    gone = _splice(text, first, _last_line(text, target), "")
    return _splice(gone, colon, colon, " []")


def _filled(text: str, node: Node, parent: Parent, value: Any) -> str:
    """Something where nothing was: `resources: {}` or `env:` without a value."""
    if parent is None or not isinstance(parent[0], MappingNode):
        raise EditRefused("there is no key that the value could follow")
    key = next(k for k, _ in parent[0].value if k.value == str(parent[1]))
    colon = text.index(":", key.end_mark.index) + 1
    start, end = node.start_mark.index, node.end_mark.index
    if start == end:  # a value that is not there has its mark somewhere below
        start = end = colon
    if not isinstance(value, list | dict) or parent[0].flow_style:
        new = yamlstyle.flow(value)
        return _splice(text, start, end, f" {new}" if start == colon else new)
    comment = text[end : _line_end(text, end)].rstrip()
    below = yamlstyle.INDENT if isinstance(value, dict) else yamlstyle.offset(text)
    lines = _indented(yamlstyle.block(value, text, flush=True), key.start_mark.column + below)
    return _splice(text, colon, _line_end(text, end), f"{comment}\n{lines.rstrip()}")


def _into_flow(text: str, node: Node, item: str) -> str:
    close = text.rfind("]" if isinstance(node, SequenceNode) else "}", 0, node.end_mark.index)
    before = text[:close].rstrip()
    separator = " " if before.endswith(",") else ", "
    return f"{before}{separator}{item}{text[len(before) :]}"


def _out_of_flow(text: str, node: Any, target: Node) -> str:
    items = [v if isinstance(node, SequenceNode) else v[1] for v in node.value]
    starts = [v if isinstance(node, SequenceNode) else v[0] for v in node.value]
    index = next(i for i, item in enumerate(items) if item is target)
    start, end = starts[index].start_mark.index, target.end_mark.index
    if index + 1 < len(items):
        end = starts[index + 1].start_mark.index
    elif index:
        start = items[index - 1].end_mark.index
    return _splice(text, start, end, "")


def _child(node: Node, key: str | int) -> Node | None:
    if isinstance(node, SequenceNode) and isinstance(key, int) and 0 <= key < len(node.value):
        item: Node = node.value[key]
        return item
    if isinstance(node, MappingNode):
        return next((value for name, value in node.value if name.value == str(key)), None)
    return None


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and not node.style and node.value in ("", "~", "null")


def _is_empty(node: Node) -> bool:
    return _is_null(node) or (isinstance(node, MappingNode | SequenceNode) and not node.value)


def _end(text: str, node: ScalarNode) -> int:
    """Where a scalar ends; a block scalar's mark includes the line break, which stays."""
    end: int = node.end_mark.index
    return len(text[:end].rstrip()) if node.style in ("|", ">") else end


def _last_leaf(node: Node) -> Node:
    """The last scalar or one-line collection in a node; the key where the last value is empty."""
    while isinstance(node, MappingNode | SequenceNode) and node.value and not node.flow_style:
        if isinstance(node, SequenceNode):
            node = node.value[-1]
        else:
            key, value = node.value[-1]
            node = key if _is_null(value) else value
    return node


def _last_line(text: str, node: Node) -> int:
    """The start of the line after a node, comments behind it on its line included.

    One past the end of the text where its last line has no line break.
    """
    content = text[: _last_leaf(node).end_mark.index].rstrip()
    return _line_end(text, len(content)) + 1


def _line_end(text: str, index: int) -> int:
    end = text.find("\n", index)
    return len(text) if end < 0 else end


def _insert_lines(text: str, start: int, block: str, column: int) -> str:
    lines = _indented(block, column)
    if start > len(text):  # the last line has no line break
        return f"{text}\n{lines}".rstrip("\n")
    return text[:start] + lines + text[start:]


def _indented(block: str, column: int) -> str:
    return "".join(
        f"{' ' * column}{line}" if line.strip() else line
        for line in block.splitlines(keepends=True)
    )


def _splice(text: str, start: int, end: int, new: str) -> str:
    return text[:start] + new + text[end:]


def _like(node: ScalarNode, value: Any) -> str:
    """A scalar in the style of the one that stood there."""
    if not isinstance(value, str):
        return yamlstyle.scalar(value)
    if node.style == "'":
        return "'" + value.replace("'", "''") + "'"
    return json.dumps(value, ensure_ascii=False) if node.style else yamlstyle.scalar(value)
