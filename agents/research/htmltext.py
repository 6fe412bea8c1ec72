"""The text of an HTML page. Pure, and linear in the length of the page whatever it holds.

No tree is built: parsers that build one take minutes for a megabyte of nested elements.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape

_TAG = re.compile(
    r"<(?:(?P<comment>!--)|(?P<end>/?)(?P<name>[a-zA-Z][a-zA-Z0-9]*)[^<>]*>|[!?][^<>]*>)"
)
# What these hold is not read by people.
_SKIPPED = frozenset({"script", "style", "noscript", "template", "svg", "iframe", "object"})
# These stand within a line; every other element begins a new one.
_INLINE = re.compile(
    "a|abbr|b|bdi|bdo|cite|code|data|dfn|em|font|i|kbd|label|mark|q|s|samp|small|span|strong|sub"
    "|sup|time|tt|u|var|wbr"
)
_SPACES = re.compile(r"[^\S\n]+")
_EMPTY_LINES = re.compile(r"\n(?: ?\n)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What people see of a page: its title, and its text a paragraph a line."""

    title: str
    text: str


def read(html: str) -> Page:
    """Title and text of a page; what is broken in it is read as far as it goes."""
    pieces: list[str] = []
    title = ""
    place = 0
    while match := _TAG.search(html, place):
        pieces.append(html[place : match.start()])
        place = match.end()
        name = (match["name"] or "").lower()
        if match["comment"]:
            place = _behind(html, "-->", place)
        elif name == "title" and not match["end"] and not title:
            stop = _end_of(html, name, place)
            title, place = html[place:stop], stop
        elif name in _SKIPPED and not match["end"]:
            place = _end_of(html, name, place)
        elif name and not _INLINE.fullmatch(name):
            pieces.append("\n")
    pieces.append(html[place:])
    return Page(title=" ".join(unescape(title).split()), text=_tidy(unescape("".join(pieces))))


def _behind(html: str, mark: str, place: int) -> int:
    found = html.find(mark, place)
    return len(html) if found < 0 else found + len(mark)


def _end_of(html: str, name: str, place: int) -> int:
    """Where the closing tag of an element begins; the page's end when it is missing."""
    found = re.compile(f"</{name}", re.IGNORECASE).search(html, place)
    return found.start() if found else len(html)


def _tidy(text: str) -> str:
    lines = _SPACES.sub(" ", text.replace("\r", "\n"))
    return _EMPTY_LINES.sub("\n\n", "\n".join(line.strip() for line in lines.split("\n"))).strip()
