"""Text for people: plain columns, and nothing that a terminal would act on."""

from __future__ import annotations

import json
import re
import shutil
import sys
import textwrap
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from unicodedata import combining, east_asian_width

WIDEST = 48
NARROWEST = 8
WRAPPED_CHARS = 4000  # of one line; a longer one is left to the terminal
SOON_S = 0.5
# Printable, says Unicode, and yet not to be seen: fillers, the blank of Braille, variation
# selectors (the one that colours a symbol only where no symbol precedes it).
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0e\uffa0"
    "\U000e0100-\U000e01ef]|(?<![\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001faff])\ufe0f"
)


def clean(value: Any) -> str:
    """A text of somebody else in one line: control and invisible characters written out."""
    text = "" if value is None else str(value)
    if not text.isprintable():
        text = "".join(c if c.isprintable() else _named(c) for c in text)
    return _UNSEEN.sub(lambda match: _named(match.group()), text)


def cells(text: str) -> int:
    """Columns of a terminal that a text takes: wide letters two, marks above others none."""
    if text.isascii():
        return len(text)
    return sum(2 if east_asian_width(c) in "WF" else 0 if combining(c) else 1 for c in text)


def room() -> int | None:
    """Columns of the terminal; None where no terminal reads."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def wrapped(text: str, *, width: int | None = None, indent: str = "") -> Iterator[str]:
    """Lines of somebody else's text, folded into so many columns."""
    for line in text.splitlines() or [""]:
        said = clean(line)
        if width is None or len(said) > WRAPPED_CHARS:
            yield f"{indent}{said}"
            continue
        folded = textwrap.wrap(
            said,
            max(width - len(indent), NARROWEST),
            break_on_hyphens=False,
        )
        yield from (f"{indent}{part.rstrip()}" for part in folded or [""])


def lines(text: str) -> str:
    """The same for a text of several lines."""
    return "\n".join(clean(line) for line in text.splitlines())


def table(
    head: Sequence[str], rows: Sequence[Sequence[Any]], *, width: int | None = None
) -> Iterator[str]:
    """Lines of left-aligned columns, `width` in all; what is too wide for one is cut."""
    made = [list(head), *([clean(value) for value in row] for row in rows)]
    widths = [min(max(cells(row[column]) for row in made), WIDEST) for column in range(len(head))]
    _narrow(widths, width)
    for row in made:
        padded = (_fitted(cell, wide) for cell, wide in zip(row, widths, strict=True))
        yield "  ".join(padded).rstrip()


def fields(record: Mapping[str, Any]) -> Iterator[str]:
    """A record as `name: value`, what is empty left out; objects as indented JSON."""
    width = max(map(len, record), default=0) + 1
    for name, value in record.items():
        if value in (None, "", [], {}):
            continue
        if isinstance(value, dict | list):
            text = json.dumps(value, indent=2, ensure_ascii=False)
            yield f"{clean(name)}:"
            yield "\n".join(f"  {clean(line)}" for line in text.splitlines())
        else:
            yield f"{clean(name) + ':':<{width}} {clean(value)}"


def moment(text: Any) -> str:
    """A time of the API as `2026-11-22 14:03:00`, UTC; what is none stays as it is."""
    try:
        return datetime.fromisoformat(str(text)).strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return clean(text)


def as_json(value: Any, *, one_line: bool = False) -> str:
    """For machines; ASCII, so that no terminal setting changes it."""
    return json.dumps(value, indent=None if one_line else 2)


@contextmanager
def patience(what: str) -> Iterator[None]:
    """Show a person that it is still going on, and for how long."""
    if not sys.stderr.isatty():
        yield
        return
    over = threading.Event()
    ticking = threading.Thread(target=_tick, args=(what, over), daemon=True)
    ticking.start()
    try:
        yield
    finally:
        over.set()
        ticking.join()


def _tick(what: str, over: threading.Event) -> None:
    began = time.monotonic()
    while not over.wait(SOON_S):
        sys.stderr.write(f"\r{what} … {time.monotonic() - began:.0f} s")
        sys.stderr.flush()
    sys.stderr.write("\r\033[K")


def _narrow(widths: list[int], width: int | None) -> None:
    """Take from the widest columns until all fit; never from the first, the id's."""
    while width is not None and sum(widths) + 2 * (len(widths) - 1) > width:
        widest = max(range(1, len(widths)), key=widths.__getitem__)
        if widths[widest] <= NARROWEST:
            return
        widths[widest] -= 1


def _fitted(text: str, width: int) -> str:
    """`text` in so many columns: filled up, or cut."""
    if cells(text) > width:
        while cells(text) > width - 1:
            text = text[: min(len(text) - 1, width - 1)]
        text += "…"
    return text + " " * (width - cells(text))


def _named(character: str) -> str:
    return character.encode("unicode_escape").decode()
