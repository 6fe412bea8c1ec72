"""Small words of the answers: ages as kubectl writes them, tables, lists that end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils.dateparse import parse_datetime
from django.utils.timezone import now

UNKNOWN: Final = "<unknown>"
NONE: Final = "<none>"
MOST_ROWS: Final = 200  # of a list, in text and data
MAX_CELL: Final = 300  # characters
_CONTROL: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_M, _H, _D, _Y = 60, 3600, 86_400, 31_536_000
# (below this many seconds, larger unit, its seconds, smaller unit or "", its seconds)
_SCALE: Final = (
    (2 * _M, "s", 1, "", 1),
    (10 * _M, "m", _M, "s", 1),
    (3 * _H, "m", _M, "", 1),
    (8 * _H, "h", _H, "m", _M),
    (2 * _D, "h", _H, "", 1),
    (8 * _D, "d", _D, "h", _H),
    (2 * _Y, "d", _D, "", 1),
    (8 * _Y, "y", _Y, "d", _D),
)


def duration(length: timedelta) -> str:
    """`45s`, `3m20s`, `5h12m`, `3d4h`, `40d`."""
    seconds = max(0, int(length.total_seconds()))
    for below, unit, size, lesser, lesser_size in _SCALE:
        if seconds < below:
            rest = seconds % size // lesser_size if lesser else 0
            return f"{seconds // size}{unit}" + (f"{rest}{lesser}" if rest else "")
    return f"{seconds // _Y}y"


def moment(stamp: object) -> datetime | None:
    """A time of the API."""
    try:
        return parse_datetime(stamp) if isinstance(stamp, str) else None
    except ValueError:
        return None


def age(stamp: object) -> str:
    """How long ago a time of the API was."""
    at = moment(stamp)
    return duration(now() - at) if at else UNKNOWN


def plain(text: str) -> str:
    """Text from outside without what would steer a terminal."""
    return _CONTROL.sub("", text)


def cell(value: object) -> str:
    """A value in one line."""
    text = " ".join(plain(str(value)).split()) if value not in (None, "") else NONE
    return text if len(text) <= MAX_CELL else f"{text[: MAX_CELL - 1]}…"


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns side by side, as kubectl prints them."""
    shown = [[cell(value) for value in row] for row in rows]
    widths = [
        max([len(header), *(len(row[at]) for row in shown)]) for at, header in enumerate(headers)
    ]
    return "\n".join(
        "   ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)).rstrip()
        for row in ([*headers], *shown)
    )


def pairs(values: Mapping[str, Any] | None) -> str:
    """`a=1, b=2`."""
    return ", ".join(f"{key}={value}" for key, value in sorted((values or {}).items())) or NONE


def listed(values: Iterable[object], *, most: int = 20) -> str:
    """`a, b and 3 more`."""
    every = [str(value) for value in values]
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return (", ".join(every[:most]) + more) or NONE


def counted(number: int, noun: str) -> str:
    """`1 pod`, `2 pods`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
