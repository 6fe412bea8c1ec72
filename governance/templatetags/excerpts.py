"""Long text on a page: cut by lines, with what of it is a diff told apart. Never unbounded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from django import template

from governance.templatetags.shown import visible

register = template.Library()

MOST_LINES: Final = 300
MOST_CHARS: Final = 24_000
LINE_CHARS: Final = 1_000
BEGINS_DIFF: Final = ("diff --git ", "--- ", "@@ ", "Would change in ", "Git")
KINDS: Final = {"+": "added", "-": "removed", "~": "changed", "@": "place"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line, every character visible. `kind`: added, removed, changed, place or nothing."""

    text: str
    kind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """The beginning of a text. `cut`: more of it was left out; `characters` counts all of it."""

    lines: tuple[Line, ...]
    cut: bool
    characters: int

    @property
    def text(self) -> str:
        """The lines as they stood."""
        return "\n".join(line.text for line in self.lines)

    @property
    def is_diff(self) -> bool:
        return any(line.kind for line in self.lines)


@register.filter
def excerpt(value: Any) -> Excerpt:
    """At most `MOST_LINES` lines, `MOST_CHARS` characters, and `LINE_CHARS` of each line."""
    text = str(value)
    kept: list[str] = []
    room, shortened = MOST_CHARS, False
    for line in islice(_split(text), MOST_LINES):
        if room <= 0:
            break
        most = min(LINE_CHARS, room)
        if len(line) > most:
            line, shortened = f"{line[:most]}… [{len(line) - most} more characters]", True  # noqa: PLW2901
        kept.append(visible(line))
        room -= len(line) + 1
    whole = len(kept) > text.count("\n")
    return Excerpt(lines=tuple(_told_apart(kept)), cut=shortened or not whole, characters=len(text))


@register.filter
def as_json(value: Any) -> str:
    """JSON over several lines; pass it on to `excerpt`, which makes it visible."""
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True, default=str)


def _split(text: str) -> Iterator[str]:
    """Its lines, one after the other: of a long text only the first are wanted."""
    start = 0
    while (end := text.find("\n", start)) >= 0:
        yield text[start:end].removesuffix("\r")
        start = end + 1
    yield text[start:]


def _told_apart(lines: list[str]) -> Iterator[Line]:
    """A line that begins with + or - is one of a diff only within one."""
    within = False
    for line in lines:
        if line.startswith(BEGINS_DIFF):
            within = True
        elif not line.strip():
            within = False
        kind = KINDS.get(line.lstrip()[:1], "") if within else ""
        yield Line(text=line, kind="place" if line.startswith(("+++ ", "--- ")) else kind)
