"""What PostgreSQL shows as text, as values: recorded rows are JSON, CSV or the output of psql."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any

_TRUE, _FALSE = frozenset({"t", "true", "on", "yes", "1"}), frozenset({"f", "false", "off", "no"})
_SIZE = {"b": 1, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30, "tb": 1 << 40}
_TIME = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_AMOUNT = re.compile(r"^\s*(?P<number>-?\d+(?:\.\d+)?)\s*(?P<unit>[A-Za-z]*)\s*$")
_INTERVAL = re.compile(
    r"^(?P<sign>-)?(?:(?P<days>-?\d+) days? ?)?"
    r"(?:(?P<hours>-?\d+):(?P<minutes>\d+):(?P<seconds>\d+(?:\.\d+)?))?$"
)
_ZONE = re.compile(r"([+-]\d\d)$")
_NAMED_ZONE = re.compile(r" (?:UTC|GMT)$")
_LSN = re.compile(r"^([0-9A-Fa-f]{1,8})/([0-9A-Fa-f]{1,8})$")


def number(value: Any) -> float | None:
    """A finite number, or a text of one; None for anything else."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        said = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return said if isfinite(said) else None


def truth(value: Any) -> bool | None:
    if isinstance(value, bool) or value is None:
        return value
    word = str(value).strip().lower()
    return True if word in _TRUE else False if word in _FALSE or word == "0" else None


def moment(value: Any) -> datetime | None:
    """A point in time with its zone; UTC where none is said."""
    if isinstance(value, str):
        text = _ZONE.sub(r"\1:00", _NAMED_ZONE.sub("+00:00", value.strip()))
        try:
            value = datetime.fromisoformat(text)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def seconds(value: Any) -> float | None:
    """An interval in seconds: `00:01:02.5`, `1 day 02:00:00`, a number, a timedelta."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, str) and (found := _INTERVAL.match(value.strip())) and value.strip():
        part = {key: float(found[key] or 0) for key in ("days", "hours", "minutes", "seconds")}
        whole = timedelta(**part).total_seconds()
        return -whole if found["sign"] else whole
    return number(value)


def lsn(value: Any) -> int | None:
    """A place in the WAL, in bytes."""
    found = _LSN.match(str(value or ""))
    return (int(found[1], 16) << 32) + int(found[2], 16) if found else None


def listed(value: Any) -> tuple[str, ...]:
    """An array: a list, or a text such as `{1,2}`."""
    if isinstance(value, list | tuple):
        return tuple(str(item) for item in value)
    text = str(value or "").strip().strip("{}[]")
    return tuple(part.strip() for part in text.split(",") if part.strip())


def bytes_of(value: str, unit: str = "") -> float | None:
    """`4MB`, or 512 of the unit `8kB`, in bytes."""
    return _amount(value, unit, lambda name: _SIZE.get(name.lower()))


def seconds_of(value: str, unit: str = "") -> float | None:
    """`30s`, or 1000 of the unit `ms`, in seconds."""
    return _amount(value, unit, _TIME.get)


def _amount(value: str, unit: str, factor: Callable[[str], float | None]) -> float | None:
    found = _AMOUNT.match(value)
    if not found:
        return None
    amount, said = float(found["number"]), found["unit"]
    if said or not unit:
        by = factor(said) if said else 1
        return None if by is None else amount * by
    many = _AMOUNT.match(unit) if unit[0].isdigit() else None  # 8kB
    by = factor(many["unit"] if many else unit)
    return None if by is None else amount * by * (float(many["number"]) if many else 1)
