"""Reads YAML node by node, and complains of everything wrong with its line and column.

No anchors, aliases, tags or second documents, no key twice, no guessing of types: `no` is not a
name, `010` is no number. Nothing is taken from the environment.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import yaml

from governance import yamltext
from governance.yamltext import NotReadable

WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,8})")
KINDS = {"bool": "a truth value", "int": "a number", "float": "a number", "null": "empty"}


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing wrong; line and column count from 1."""

    line: int
    column: int
    message: str


class PolicyRefused(Exception):
    """The text is not used. Its words are one line a fault: `source:line:column: message`."""

    def __init__(self, source: str, faults: Collection[Fault]) -> None:
        self.source, self.faults = source, sorted(faults)
        super().__init__(
            "\n".join(f"{source}:{f.line}:{f.column}: {f.message}" for f in self.faults)
        )


def compose(text: str, source: str) -> yaml.Node:
    """The root node of the one document in `text`. Raises `PolicyRefused`."""
    try:
        return yamltext.compose(text)
    except NotReadable as error:
        fault = Fault(error.line, error.column, error.message)
        raise PolicyRefused(source, [fault]) from None


@dataclass(slots=True)
class Reader:
    """Typed looks at nodes. What does not fit is a fault, and reads as None or as empty."""

    faults: list[Fault] = field(default_factory=list)
    places: Sequence[tuple[str, Collection[str]]] = ()  # (words, keys) of the document's levels

    def fault(self, node: yaml.Node, message: str) -> None:
        mark = node.start_mark
        self.faults.append(Fault(mark.line + 1, mark.column + 1, message))

    def mapping(
        self, node: yaml.Node, what: str, keys: Collection[str], *, needs: Collection[str] = ()
    ) -> dict[str, yaml.Node]:
        """The values by their keys, of which only `keys` are known; `needs` must be there."""
        if not isinstance(node, yaml.MappingNode):
            self.fault(node, f"{what} must be a mapping (key: value)")
            return {}
        found: dict[str, yaml.Node] = {}
        for key_node, value in node.value:
            key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else ""
            if key in found:
                self.fault(key_node, f"{key} is there twice")
            elif key not in keys:
                self.fault(key_node, f"{what} has no key {key!r}{self._hint(key, keys)}")
            found[key] = value
        for key in needs:
            if key not in found:
                self.fault(node, f"{what} needs {key}")
        return {key: value for key, value in found.items() if key in keys}

    def _hint(self, word: str, known: Collection[str]) -> str:
        elsewhere = next((where for where, keys in self.places if word in keys), "")
        near = difflib.get_close_matches(word, known, n=1)
        if elsewhere:
            return f"; it belongs {elsewhere}"
        return f"; did you mean {near[0]}?" if near else f"; it has {', '.join(known)}"

    def sequence(self, node: yaml.Node, what: str) -> list[yaml.Node]:
        """The items of a list that must hold at least one."""
        if not isinstance(node, yaml.SequenceNode):
            self.fault(node, f"{what} must be a list")
            return []
        if not node.value:
            self.fault(node, f"{what} must not be empty")
        return list(node.value)

    def text(self, node: yaml.Node, what: str) -> str:
        """A text that is not empty; what YAML takes for something else must be quoted."""
        kind = _kind(node)
        if kind != "str":
            is_what = KINDS.get(kind, f"a {kind}")
            self.fault(node, f"{what} must be text and is {is_what}; quote it if it is meant so")
            return ""
        if not node.value.strip():
            self.fault(node, f"{what} must not be empty")
        hidden = [char for char in node.value if not (char.isprintable() or char == "\n")]
        if hidden:
            self.fault(node, f"{what} holds a character that nobody sees, U+{ord(hidden[0]):04X}")
        return str(node.value)

    def texts(self, node: yaml.Node, what: str) -> list[str]:
        """A list of texts, none of them twice."""
        found: dict[str, None] = {}
        for item in self.sequence(node, what):
            text = self.text(item, f"an item of {what}")
            if text and text in found:
                self.fault(item, f"{text} is there twice")
            found[text] = None
        return list(found)

    def truth(self, node: yaml.Node, what: str) -> bool:
        if _kind(node) != "bool" or node.value not in ("true", "false"):
            self.fault(node, f"{what} must be true or false")
        return bool(node.value == "true")

    def whole(self, node: yaml.Node, what: str, *, least: int, most: int = 999_999_999) -> int:
        if _kind(node) == "int" and WHOLE.fullmatch(node.value):
            value = int(node.value)
            if least <= value <= most:
                return value
        self.fault(node, f"{what} must be a whole number from {least} to {most}")
        return least

    def choice(self, node: yaml.Node, what: str, among: Collection[str]) -> str:
        """One of the texts of `among`; empty when it is none."""
        text = node.value if isinstance(node, yaml.ScalarNode) else ""
        if text in among:
            return str(text)
        said = f"{what} must be one of {', '.join(among)}"
        self.fault(node, f"{said} and not {text!r}" if text else said)
        return ""


def _kind(node: yaml.Node) -> str:
    return str(node.tag).rsplit(":", 1)[-1]
