"""One section of a Markdown file replaced; every other byte of it stays. Pure functions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from markdown_it import MarkdownIt

from agents.runtime.tool import ToolFailure

NEW_LEVEL: Final = 2
_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")  # as Markdown counts them


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading and what belongs to it: lines `body` to before `end`, from 0."""

    title: str
    level: int
    start: int
    body: int
    end: int


def sections(text: str) -> list[Section]:
    """The sections of a Markdown text; one ends where a heading of its level or above begins."""
    tokens = MarkdownIt().parse(text)
    heads = [
        (int(token.tag[1:]), tokens[at + 1].content.strip(), token.map[0], token.map[1])
        for at, token in enumerate(tokens)
        if token.type == "heading_open" and token.level == 0 and token.map
    ]
    last = len(_LINE.findall(text))
    return [
        Section(
            title=title,
            level=level,
            start=start,
            body=body,
            end=next((s for other, _, s, _ in heads[at + 1 :] if other <= level), last),
        )
        for at, (level, title, start, body) in enumerate(heads)
    ]


def replaced(text: str, title: str, content: str) -> str:
    """`text` with what stands below the heading `title` replaced; a new section comes last.

    Raises `ToolFailure` where two sections have this title, or where `content` would begin another.
    """
    wanted = " ".join(title.split())
    found = [s for s in sections(text) if " ".join(s.title.split()).casefold() == wanted.casefold()]
    if len(found) > 1:
        raise ToolFailure(f"{len(found)} sections are called {wanted!r}; rename one of them first")
    level = found[0].level if found else NEW_LEVEL
    _refuse_headings(content, level)
    if not found:
        before = f"{text.rstrip(chr(10))}\n\n" if text.strip() else ""
        return f"{before}{'#' * NEW_LEVEL} {wanted}\n\n{_closed(content)}"
    section, lines = found[0], _LINE.findall(text)
    head, rest = "".join(lines[: section.body]), "".join(lines[section.end :])
    comments = _leading_comments("".join(lines[section.body : section.end]))
    kept = f"{comments}\n" if comments and comments not in content else ""
    opening = head if head.endswith("\n") else f"{head}\n"
    result = f"{opening}{kept}\n{_closed(content)}{chr(10) if rest else ''}{rest}"
    others = [s.title for s in sections(rest)]
    if others and [s.title for s in sections(result)][-len(others) :] != others:
        raise ToolFailure("the content leaves a code block or a comment open; close it")
    return result


def _leading_comments(body: str) -> str:
    """Comments right below a heading are the people's who keep the file, and stay."""
    at = 0
    while body[at:].lstrip().startswith("<!--") and (end := body.find("-->", at)) >= 0:
        at = end + len("-->")
    return body[:at].strip()


def _closed(content: str) -> str:
    body = content.strip("\n")
    return f"{body}\n" if body.strip() else ""


def _refuse_headings(content: str, level: int) -> None:
    above = next((s for s in sections(content) if s.level <= level), None)
    if above:
        raise ToolFailure(
            f"the content holds the heading {above.title!r}, which would begin another section;"
            f" leave out the section's own heading, and use level {level + 1} or below inside it"
        )
