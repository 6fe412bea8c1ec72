"""What is made once is made once, also by a crowd."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from aura.kernel.once import Once

CROWD = 8


def test_a_crowd_that_asks_at_once_gets_one_and_the_same() -> None:
    made: list[object] = []
    door = threading.Barrier(CROWD)

    def make(key: str) -> object:
        thing = object()
        made.append((key, thing))
        threading.Event().wait(0.05)  # long enough for the others to ask too
        return thing

    get = Once(make)

    def ask(_: int) -> object:
        door.wait(60)
        return get("a")

    with ThreadPoolExecutor(CROWD) as threads:
        given = set(threads.map(ask, range(CROWD)))
    assert len(made) == len(given) == 1
    assert get("b") not in given


def test_cleared_it_is_made_again() -> None:
    get = Once(lambda _: object())
    first = get("a")
    assert get("a") is first
    get.cache_clear()
    assert get("a") is not first
