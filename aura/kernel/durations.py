"""Durations as Go writes them (`time.ParseDuration`): `30s`, `2m`, `1m30s`, `500ms`, `1.5h`; and as
people read them: `4 h`, `1 h 30 min`.
"""

from __future__ import annotations

import re
from typing import Final

_SECONDS: Final = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h)", re.ASCII)
_WHOLE = re.compile(rf"([+-]?)((?:{_PART.pattern})+)", re.ASCII)
TEXT_CHARS = 50


def seconds(text: str) -> float | None:
    """The seconds of a duration; None for a text that is none. `0` needs no unit."""
    if text in {"0", "+0", "-0"}:
        return 0.0
    match = _WHOLE.fullmatch(text) if len(text) <= TEXT_CHARS else None
    if match is None:
        return None
    total = sum(float(part[1]) * _SECONDS[part[2]] for part in _PART.finditer(match[2]))
    return -total if match[1] == "-" else total


def words(length_s: float) -> str:
    """As people say it, in the two largest units: `42 s`, `1 min 30 s`, `4 h`, `1 h 5 min`."""
    minutes, rest_s = divmod(int(length_s), 60)
    hours, rest = divmod(minutes, 60)
    if hours:
        return f"{hours:,} h {rest} min" if rest else f"{hours:,} h"
    if minutes:
        return f"{minutes} min {rest_s} s" if rest_s else f"{minutes} min"
    return f"{rest_s} s"
