"""What the C library does with memory that was freed."""

from __future__ import annotations

import ctypes
from typing import Final

LARGE: Final = 1 << 20  # bytes
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


def give_back() -> None:
    """Have a large block returned to the system as soon as it is freed.

    glibc would do so with the first ones only: with each it takes the next ones of that size from
    what a thread keeps, and each of our threads kept 10 MB after one download of the log. Another C
    library is left as it is.
    """
    told = getattr(ctypes.CDLL(None), "mallopt", None)
    if told is not None:
        told(M_MMAP_THRESHOLD, LARGE)
        told(M_TRIM_THRESHOLD, LARGE)
