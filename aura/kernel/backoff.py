"""How long to wait before the next try: longer each time, and never all at the same moment."""

from __future__ import annotations

import random

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
