"""Things made once a process, also when several threads ask for them first at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from typing import Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """`functools.cache` for one string argument, under a lock.

    The cache alone lets two threads make two clients; the one thrown away closes the connections
    of its pool while others use them.
    """

    def __init__(self, make: Callable[[str], T]) -> None:
        self._made = cache(make)
        self._lock = threading.Lock()

    def __call__(self, key: str) -> T:
        with self._lock:
            return self._made(key)

    def cache_clear(self) -> None:
        self._made.cache_clear()
