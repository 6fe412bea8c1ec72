"""Looking again until something is so, bounded, and ended with the run that waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

from agents.runtime.interrupt import current

FIRST_S: Final = 0.1
LONGEST_S: Final = 2.0

T = TypeVar("T")


def until(look: Callable[[], T], enough: Callable[[T], bool], *, seconds: float) -> tuple[T, int]:
    """What was seen last, and how often somebody looked: at once, then ever more seldom.

    Ends when it is enough or the time is up. Raises `Interrupted` when the run is stopped.
    """
    end = time.monotonic() + seconds
    pause, looked = FIRST_S, 0
    while True:
        current().check()
        found = look()
        looked += 1
        left = end - time.monotonic()
        if left <= 0 or enough(found):
            return found, looked
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, LONGEST_S)
