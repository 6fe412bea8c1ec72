"""The body of an event as a table that people read; the exact bytes stand below it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

FACTS_MOST: Final = 60
TEXT_CHARS: Final = 2000
HEAD: Final = {"id", "timestamp", "type", "traceId", "actor", "action", "key"}  # told above it
_WORD_BEGINS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

Fact = tuple[str, str]  # its name, and what it says


def facts(event: Any) -> tuple[list[Fact], int]:
    """What an event says, the nested parts by their way, and how many more there are."""
    if not isinstance(event, dict):
        return [], 0
    data = event.get("data")
    if isinstance(data, dict) and "toolCall" in data:
        data = {name: value for name, value in data.items() if name != "payload"}  # says it again
    told = {name: value for name, value in event.items() if name not in HEAD | {"data"}}
    found = list(_flat("", told | (data if isinstance(data, dict) else {"data": data})))
    return found[:FACTS_MOST], max(0, len(found) - FACTS_MOST)


def _flat(way: str, value: Any) -> Iterator[Fact]:
    if isinstance(value, dict):
        for name, inner in value.items():
            words = _words(str(name))
            yield from _flat(f"{way}: {words}" if way else words, inner)
    elif isinstance(value, list) and any(isinstance(one, dict | list) for one in value):
        for number, inner in enumerate(value, start=1):
            yield from _flat(f"{way} {number}", inner)
    elif value not in ("", None, []):
        yield way, _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= TEXT_CHARS else f"{text[:TEXT_CHARS]}… (all of it below)"


def _words(name: str) -> str:
    """`approvalId` -> `approval id`."""
    return _WORD_BEGINS.sub(" ", name).replace("_", " ").lower()
