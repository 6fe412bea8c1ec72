"""Long texts made short."""

from __future__ import annotations


def cut(text: str, most: int) -> str:
    """The first `most` characters, and `…` where there are more."""
    return text if len(text) <= most else f"{text[:most]}…"


def one_line(text: str, most: int) -> str:
    """The same, with all white space joined."""
    return cut(" ".join(text.split()), most)
