"""Text for people: plain columns, and nothing that a terminal would act on."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

WIDEST = 48
SOON_S = 0.5


def clean(value: Any) -> str:
    """A text of somebody else in one line: control and invisible characters written out."""
    text = "" if value is None else str(value)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def lines(text: str) -> str:
    """The same for a text of several lines."""
    return "\n".join(clean(line) for line in text.splitlines())


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> Iterator[str]:
    """Lines of left-aligned columns; what is too wide for one is cut."""
    cells = [list(head), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    for row in cells:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
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


def _cell(value: Any) -> str:
    text = clean(value)
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"
