"""Unified diffs in bounded time: `difflib` takes minutes for two long texts that it finds alike."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Final

MOST_LINES: Final = 5000  # of both texts, between their common beginning and end; 0.2 s at worst
HASH_CHARS: Final = 12
_PLACES: Final = re.compile(r"(?<=[-+])\d+")


def unified(
    before: Sequence[str],
    after: Sequence[str],
    *,
    names: tuple[str, str] = ("", ""),
    context: int = 3,
) -> Iterator[str]:
    """Lines of a unified diff, none where the texts are alike. Where the difference is too large
    to be found, one line below the names says so, with the hashes of both.
    """
    same = _alike(before, after)
    if same == len(before) == len(after):
        return
    rest = min(len(before), len(after)) - same
    same_end = min(rest, _alike(before[::-1], after[::-1]))
    # What is around the first and the last change is shown too.
    first, left = max(0, same - context), max(0, same_end - context)
    old, new = before[first : len(before) - left], after[first : len(after) - left]
    if old and new and len(old) + len(new) > MOST_LINES:
        yield from (f"--- {names[0]}", f"+++ {names[1]}")
        yield f"changed, too large to show: {_told(before)}, now {_told(after)}"
        return
    for line in difflib.unified_diff(old, new, *names, lineterm="", n=context):
        yield _moved(line, first) if line.startswith("@@") else line


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    """How many lines at the beginning are the same."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _moved(heading: str, lines: int) -> str:
    """`@@ -1,2 +1,3 @@` of a part that so many lines come before."""
    return _PLACES.sub(lambda match: str(int(match[0]) + lines), heading)


def _told(lines: Sequence[str]) -> str:
    digest = hashlib.sha256("\n".join(lines).encode(errors="replace")).hexdigest()
    return f"{len(lines)} lines (SHA-256 {digest[:HASH_CHARS]}…)"
