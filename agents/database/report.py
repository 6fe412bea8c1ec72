"""What a tool reports: a text of sentences and compact tables, and the same as plain data.

Neither holds a credential: what queries, settings and connection strings carry is taken out here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import isfinite, log
from typing import Any

from agents.runtime.tool import ToolResult
from aura.kernel.secrets import redact, redact_value

WIDEST = 100  # characters of a cell
Row = Mapping[str, Any]
# What SQL itself says of a password; `password=…` and URLs are found anywhere.
_PASSWORD = re.compile(
    r"(?i)(\bpassword\s+(?:e|u&)?)('(?:[^']|'')*(?:'|$)|\$(\w*)\$.*?(?:\$\3\$|$))"
)
STEP = 1024
_UNITS = ("kB", "MB", "GB", "TB", "PB")


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table of a report; the rows' keys are its columns, unless `columns` picks some."""

    title: str
    rows: Sequence[Row]
    columns: Sequence[str] = ()
    empty: str = ""  # said where there are no rows; nothing: the table is left out

    def __str__(self) -> str:
        if not self.rows:
            return self.empty
        columns = self.columns or list(self.rows[0])
        title = f"{self.title}:\n" if self.title else ""
        return title + grid(columns, [[row.get(column) for column in columns] for row in self.rows])


def report(*parts: object, **data: Any) -> ToolResult:
    """The result of a tool: `parts` are sentences, tables and lists of sentences, in order."""
    lines = [str(part) for part in _flat(parts)]
    content = "\n\n".join(line for line in lines if line)
    clean = redact_value(plain(data))
    assert isinstance(clean, dict)  # noqa: S101 - a mapping stays one
    return ToolResult(content=redact(content), data=clean)


def grid(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """An aligned text table; numbers stand right."""
    cells = [[cell(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    right = [
        all(row[at] is None or _is_number(row[at]) for row in rows) for at in range(len(columns))
    ]
    return "\n".join(
        "  ".join(
            text.rjust(width) if numeric else text.ljust(width)
            for text, width, numeric in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in [list(columns), *cells]
    )


def cell(value: Any, most: int = WIDEST) -> str:
    """A value on one line, at most `most` characters long."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}" if abs(value) < 1 else f"{value:.1f}"
        case datetime():
            return value.isoformat(sep=" ", timespec="seconds")
        case list() | tuple():
            return one_line(", ".join(str(item) for item in value), most)
    return one_line(str(value), most)


def one_line(text: str, most: int = WIDEST) -> str:
    """White space joined, what a terminal would obey shown as `?`, the rest cut off."""
    text = " ".join(text.split())
    text = "".join(mark if mark.isprintable() else "?" for mark in text[: most + 1])
    return text if len(text) <= most else f"{text[: most - 1]}…"


def masked(sql: str | None) -> str:
    """The text of a query without the passwords in it."""
    return redact(_PASSWORD.sub(r"\1'[redacted:password]'", sql or ""))


def plain(value: Any) -> Any:
    """A value of PostgreSQL as JSON has it: times as ISO 8601, intervals as seconds."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return _scalar(value)


def _scalar(value: Any) -> Any:
    match value:
        case Decimal() | float() if not isfinite(value):
            value = None
        case Decimal():
            value = int(value) if value == value.to_integral_value() else float(value)
        case datetime() | date():
            value = value.isoformat()
        case timedelta():
            value = round(value.total_seconds(), 3)
        case bytes() | bytearray() | memoryview():
            value = bytes(value).hex()
    return value if isinstance(value, int | float | str | None) else str(value)


def size(bytes_: float | None) -> str:
    """A number of bytes for people: `1.5 GB`, in steps of 1024."""
    if bytes_ is None:
        return "unknown"
    if abs(bytes_) < STEP:
        return f"{int(bytes_)} bytes"
    power = min(int(log(abs(bytes_), STEP)), len(_UNITS))
    return f"{bytes_ / STEP**power:.1f} {_UNITS[power - 1]}"


def span(seconds: float | None) -> str:
    """A duration for people: `3 h 12 min`."""
    if seconds is None:
        return "unknown"
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"  # noqa: PLR2004
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if hours < 1:
        return f"{minutes} min {whole % 60} s"
    if days < 1:
        return f"{hours} h {minutes % 60} min"
    return f"{days} d {hours % 24} h"


def counted(number: int, word: str, words: str = "") -> str:
    """`1 table`, `2 tables`."""
    return f"{number} {word if number == 1 else words or word + 's'}"


def _flat(parts: Iterable[object]) -> Iterable[object]:
    for part in parts:
        if isinstance(part, list | tuple):
            yield "\n".join(str(item) for item in part)
        else:
            yield part


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)
