"""How long to wait before the next try: longer each time, and never all at the same moment."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

SPREAD = 0.2  # of the pause, to either side
MOST_STEPS = 64  # no pause grows any further; it only keeps the power a number


def pause_s(
    failures: int, *, first_s: float, longest_s: float = float("inf"), factor: float = 2.0
) -> float:
    """Seconds to wait after so many failures in a row, counted from 1.

    `first_s`, times `factor` for each further one, at most `longest_s`; spread around that, so that
    those who failed together do not come back together.
    """
    steps = min(failures - 1, MOST_STEPS)
    spread = random.uniform(1 - SPREAD, 1 + SPREAD)  # noqa: S311 - no secret
    return min(first_s * factor**steps, longest_s) * spread


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Retry-After, in seconds or as a date (RFC 9110 section 10.2.3); None for what says neither.

    The names of `headers` are in lower case. It may be any number: who obeys it bounds it.
    """
    value = headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None
