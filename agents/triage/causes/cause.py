"""One name of the vocabulary."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """`name` is `category/cause`, `title` what people read, `about` what the state means."""

    name: str
    title: str
    about: str


def family(category: str, *rows: tuple[str, str, str]) -> Iterable[Cause]:
    """The causes of one category, of rows (cause, title, about)."""
    for cause, title, about in rows:
        yield Cause(name=f"{category}/{cause}", title=title, about=about)
