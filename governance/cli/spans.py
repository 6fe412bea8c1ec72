"""Moments and spans as people type them: `90s`, `1h`, `7d`, `2w`, or an RFC 3339 time."""

from __future__ import annotations

import argparse
import re
import time
from datetime import UTC, datetime, timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SPAN = re.compile(r"([0-9]{1,6})([smhdw])")


def now() -> datetime:
    """The moment, in UTC."""
    return datetime.fromtimestamp(time.time(), UTC)


def since(text: str) -> str:
    """The moment that is meant, as RFC 3339; for argparse."""
    if match := _SPAN.fullmatch(text):
        return _written(now() - timedelta(**{_UNITS[match[2]]: int(match[1])}))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a span (30m, 1h, 7d, 2w) nor a time (2026-11-22T14:00:00Z)"
        )
    return _written(moment)


def seconds(text: str) -> float:
    """A span in seconds, `5` and `5s` alike; for argparse."""
    match = _SPAN.fullmatch(text if text[-1:].isalpha() else f"{text}s")
    if match is None or int(match[1]) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no span such as 5s, 2m or 1h")
    return timedelta(**{_UNITS[match[2]]: int(match[1])}).total_seconds()


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
