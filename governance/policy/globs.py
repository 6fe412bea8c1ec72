"""Shell patterns of names: `*` and `?` never match a `/`, `[a-z]` and `[^a-z]` are ranges.

The dialect is that of Go's `filepath.Match`, which the document of the policies uses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

MAX_CODE = 0x10FFFF
PATTERN_CHARS: Final = 1000
STARS_MOST: Final = 2  # with more, a regular expression may try ways without end


@dataclass(frozen=True, slots=True)
class One:
    """One character out of `ranges` (code points, both ends included), or outside of them."""

    ranges: tuple[tuple[int, int], ...]
    outside: bool = False

    def has(self, char: str) -> bool:
        return any(low <= ord(char) <= high for low, high in self.ranges) is not self.outside


@dataclass(frozen=True, slots=True)
class Many:
    """Any number of characters other than `/`."""


Token = One | Many
NOT_SLASH = One(((ord("/"), ord("/")),), outside=True)


class BadPattern(ValueError):
    """The pattern cannot be read; the text says why."""


@lru_cache(maxsize=4096)
def tokens(pattern: str) -> tuple[Token, ...]:
    """The pattern in parts. Raises `BadPattern`."""
    if len(pattern) > PATTERN_CHARS:
        raise BadPattern(f"it has more than {PATTERN_CHARS} characters")
    return tuple(_tokens(pattern))


def exactly(text: str) -> Iterator[Token]:
    """The parts of a pattern that fits this text alone."""
    return (One(((ord(char), ord(char)),)) for char in text)


def _tokens(pattern: str) -> Iterator[Token]:
    place = 0
    while place < len(pattern):
        char = pattern[place]
        if char == "*":
            yield Many()
        elif char == "?":
            yield NOT_SLASH
        elif char == "[":
            token, place = _range(pattern, place)
            yield token
            continue
        else:
            char, place = _literal(pattern, place)
            yield One(((ord(char), ord(char)),))
            continue
        place += 1


def _literal(pattern: str, place: int) -> tuple[str, int]:
    if pattern[place] != "\\":
        return pattern[place], place + 1
    if place + 1 == len(pattern):
        raise BadPattern("it ends with a backslash that escapes nothing")
    return pattern[place + 1], place + 2


def _range(pattern: str, place: int) -> tuple[One, int]:
    place += 1
    outside = pattern[place : place + 1] == "^"
    place += outside
    ranges: list[tuple[int, int]] = []
    while pattern[place : place + 1] != "]" or not ranges:
        if place >= len(pattern) or pattern[place] in "-]":
            raise BadPattern("a [ is not closed, or its range is empty")
        low, place = _literal(pattern, place)
        high = low
        if pattern[place : place + 1] == "-":
            if place + 1 >= len(pattern) or pattern[place + 1] == "]":
                raise BadPattern("a range has no end")
            high, place = _literal(pattern, place + 1)
        if high < low:
            raise BadPattern(f"the range {low}-{high} runs backwards")
        ranges.append((ord(low), ord(high)))
    return One(tuple(ranges), outside), place + 1


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern as a regular expression for `fullmatch`. Raises `BadPattern`."""
    parts = tokens(pattern)
    return re.compile(
        "".join("[^/]*" if isinstance(part, Many) else _class(part) for part in parts), re.DOTALL
    )


def _class(one: One) -> str:
    inside = "".join(rf"\U{low:08x}-\U{high:08x}" for low, high in one.ranges)
    return f"[{'^' if one.outside else ''}{inside}]"


def matches(pattern: str, name: str) -> bool:
    """Whether the whole name fits the pattern. Nobody's name makes it take long."""
    if not _has_many_stars(pattern):
        return compiled(pattern).fullmatch(name) is not None
    machine = tokens(pattern)
    places = closure(machine, {0})
    for char in name:
        places = step(machine, places, char)
    return len(machine) in places


@lru_cache(maxsize=4096)
def _has_many_stars(pattern: str) -> bool:
    return sum(isinstance(token, Many) for token in tokens(pattern)) > STARS_MOST


def closure(machine: tuple[Token, ...], places: Iterable[int]) -> frozenset[int]:
    """The places, and those that are reached from them without a character."""
    found = set[int]()
    for place in places:
        found.add(place)
        while place < len(machine) and isinstance(machine[place], Many):
            place += 1  # noqa: PLW2901 - what any number of characters matches may be nothing
            found.add(place)
    return frozenset(found)


def step(machine: tuple[Token, ...], places: frozenset[int], char: str) -> frozenset[int]:
    """Where one more character leads; the end of the machine is where all of it was matched."""
    after = set[int]()
    for place in places:
        token = machine[place] if place < len(machine) else None
        if isinstance(token, Many):
            if char != "/":
                after.add(place)
        elif token is not None and token.has(char):
            after.add(place + 1)
    return closure(machine, after)
