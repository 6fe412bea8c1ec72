"""Query parameters of listings. Every complaint is a `ValidationFailed` naming its parameter."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from django.http import QueryDict
from django.utils.dateparse import parse_datetime

from aura.kernel.errors import ValidationFailed

MAX_OFFSET = 1_000_000_000
MAX_DIGITS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which part of a listing is wanted."""

    limit: int
    offset: int

    @property
    def window(self) -> slice:
        return slice(self.offset, self.offset + self.limit)


def refuse(name: str, sentence: str) -> ValidationFailed:
    """The complaint about one parameter."""
    return ValidationFailed(f"Invalid query parameter {name}", details={name: [sentence]})


def page(query: QueryDict, *, default: int, most: int) -> Page:
    """`limit` 1..`most` and `offset` from 0."""
    return Page(
        limit=_number(query, "limit", default=default, low=1, high=most),
        offset=_number(query, "offset", default=0, low=0, high=MAX_OFFSET),
    )


def names(
    query: QueryDict, name: str, allowed: Collection[str], *, prefix: str | None = None
) -> list[str]:
    """A comma-separated (or repeated) parameter; empty elements are ignored, and what begins with
    `prefix` is allowed too.
    """
    given = [part.strip() for text in query.getlist(name) for part in text.split(",")]
    wanted = [part for part in given if part]
    for part in wanted:
        if part in allowed or (prefix and part.startswith(prefix)):
            continue
        also = [f"{prefix}…"] if prefix else []
        words = ", ".join([*allowed, *also])
        raise refuse(name, f"Unknown value {part[:100]!r}; allowed: {words}")
    return wanted


def moment(query: QueryDict, name: str) -> datetime | None:
    """An ISO 8601 time; one without a zone is taken as UTC."""
    text = query.get(name, "").strip()
    if not text:
        return None
    # A "+" of a zone arrives as a space when the client did not encode it.
    candidate = text.replace(" ", "+") if "T" in text else text
    try:
        parsed = parse_datetime(candidate) if text.isprintable() else None
    except (ValueError, OverflowError):
        parsed = None
    if parsed is None:
        raise refuse(name, "Must be an ISO 8601 time, e.g. 2026-01-15T14:30:00Z")
    try:
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except OverflowError:
        raise refuse(name, "Is out of range") from None


def _number(query: QueryDict, name: str, *, default: int, low: int, high: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    sentence = f"Must be a whole number from {low} to {high}"
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS):
        raise refuse(name, sentence)
    number = int(text)
    if not low <= number <= high:
        raise refuse(name, sentence)
    return number
