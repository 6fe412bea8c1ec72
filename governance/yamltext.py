"""One YAML document as nodes, without its traps: no anchors, aliases, tags or second documents.

Looked at on the stream of events, before anything is built.
"""

from __future__ import annotations

import yaml

MAX_CHARS = 2_000_000
MAX_DEPTH = 20


class NotReadable(Exception):
    """The text is no YAML, or more than is read; line and column count from 1."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.message, self.line, self.column = message, line, column


def compose(text: str) -> yaml.Node:
    """The root node of the one document in `text`. Raises `NotReadable`."""
    if len(text) > MAX_CHARS:
        raise NotReadable(f"longer than {MAX_CHARS} characters")
    try:
        _look_over(text)
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        words = " ".join(part for part in (error.context, error.problem) if part)
        raise NotReadable(f"not YAML: {words}", *place) from None
    except (yaml.YAMLError, UnicodeError):
        raise NotReadable("not YAML: it holds characters that YAML forbids") from None
    if root is None:
        raise NotReadable("there is nothing in it")
    return root


def _look_over(text: str) -> None:
    """Refuse what must not be built."""
    depth = documents = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        mark = event.start_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
        if documents > 1:
            raise NotReadable("a second document begins; keep to one", *place)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise NotReadable(f"nested deeper than {MAX_DEPTH} levels", *place)
        if said := _unreadable(event):
            raise NotReadable(said, *place)


def _unreadable(event: yaml.Event) -> str:
    if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
        return "anchors and aliases (& and *) are not read; write it out"
    if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag:
        return f"the tag {event.tag} is not read"
    return ""
