"""The work of a turn, the same on both sides: an instant model, one write with a 4 kB result."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

TOOL = "bench_write"
PROMPT = (
    "You write files of a repository, one at a time. Call the tool until all are written. " * 10
)
TASK = "Write the files of the deployment, then stop."
RESULT_CHARS = 4096


def arguments(number: int) -> dict[str, Any]:
    """What the model says in its turn `number`, from 1."""
    return {"path": f"apps/web/file-{number}.yaml"}


def effect(path: str) -> str:
    """4 kB of what a tool prints: lines alike, numbers not."""
    chance = random.Random(path)  # noqa: S311 - not a secret
    lines = (
        f"{path}:{n} pod web-{chance.randrange(16**8):08x} ready in {chance.random() * 1e3:.3f} ms"
        for n in range(100)
    )
    return "\n".join(lines)[:RESULT_CHARS]


class Turns:
    """When each turn of one conversation began: the moment the model was asked."""

    def __init__(self, count: int, *, at_each: Callable[[int], None] | None = None) -> None:
        self.count = count
        self.moments: list[float] = []
        self.began = self.ended = 0.0
        self.cpu_s = 0.0
        self._at_each = at_each

    def begin(self) -> None:
        self._cpu_before = time.process_time()
        self.began = time.perf_counter()

    def asked(self) -> int:
        """The number of the turn that begins now."""
        self.moments.append(time.perf_counter())
        if self._at_each:
            self._at_each(len(self.moments))
        return len(self.moments)

    def end(self) -> None:
        self.ended = time.perf_counter()
        self.cpu_s = time.process_time() - self._cpu_before

    @property
    def times_ms(self) -> list[float]:
        """From one request of the model to the next."""
        return [(after - before) * 1000 for before, after in pairwise(self.moments)]
