"""Time as the cluster tells it."""

# ruff: noqa: PLR2004 - the thresholds of kubectl are a table of their own
from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> float:
    """Seconds since the epoch."""
    return time.time()


def stamp(seconds: float | None = None) -> str:
    """RFC 3339 with whole seconds, as metav1.Time is written."""
    return _utc(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_stamp(seconds: float | None = None) -> str:
    """RFC 3339 with microseconds, as metav1.MicroTime is written."""
    return _utc(seconds).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def seconds_of(text: str) -> float:
    """Seconds since the epoch of an RFC 3339 time; ValueError for anything else."""
    return datetime.fromisoformat(text).timestamp()


def age(text: str | None, at: float | None = None) -> str:
    """How long ago `text` was, the way kubectl writes it: 45s, 3m, 2d."""
    if not text:
        return "<unknown>"
    return short(max(0.0, (now() if at is None else at) - seconds_of(text)))


def short(seconds: float) -> str:
    """A duration as kubectl writes it: two units below a threshold, one above."""
    total = int(seconds)
    minutes, hours, days = total // 60, total // 3600, total // 86400
    table = (
        (total < 120, f"{total}s"),
        (minutes < 10, f"{minutes}m{_rest(total % 60, 's')}"),
        (minutes < 180, f"{minutes}m"),
        (hours < 8, f"{hours}h{_rest(minutes % 60, 'm')}"),
        (hours < 48, f"{hours}h"),
        (hours < 192, f"{days}d{_rest(hours % 24, 'h')}"),
        (days < 730, f"{days}d"),
    )
    return next((text for fits, text in table if fits), f"{days // 365}y")


def _rest(amount: int, unit: str) -> str:
    return f"{amount}{unit}" if amount else ""


def _utc(seconds: float | None) -> datetime:
    return datetime.fromtimestamp(now() if seconds is None else seconds, UTC)
