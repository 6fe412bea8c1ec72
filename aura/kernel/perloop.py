"""What all visitors of an event loop share, for as long as there are any."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar
from weakref import WeakKeyDictionary


class Stoppable(Protocol):
    """What is shared."""

    def stop(self) -> None:
        """The last visitor has left."""


Shared = TypeVar("Shared", bound=Stoppable)


class PerLoop(Generic[Shared]):
    """One for each running loop, made for its first visitor and stopped after its last.

    `linger_s`: so long it waits for another one first, where making it takes longer than its use.
    """

    def __init__(self, make: Callable[[], Shared], *, linger_s: float = 0.0) -> None:
        self._make = make
        self._linger_s = linger_s
        self._made: WeakKeyDictionary[asyncio.AbstractEventLoop, Shared] = WeakKeyDictionary()
        self._visitors: WeakKeyDictionary[asyncio.AbstractEventLoop, int] = WeakKeyDictionary()

    def __len__(self) -> int:
        """How many loops have visitors."""
        return len(self._made)

    def here(self) -> Shared | None:
        """What the running loop shares; None while it has no visitors."""
        return self._made.get(asyncio.get_running_loop())

    @contextmanager
    def visit(self) -> Iterator[Shared]:
        """What the running loop shares."""
        loop = asyncio.get_running_loop()
        shared = self._made.get(loop) or self._made.setdefault(loop, self._make())
        self._visitors[loop] = self._visitors.get(loop, 0) + 1
        try:
            yield shared
        finally:
            self._visitors[loop] -= 1
            if not self._visitors[loop] and self._linger_s:
                loop.call_later(self._linger_s, self._leave, loop, shared)
            elif not self._visitors[loop]:
                self._leave(loop, shared)

    def _leave(self, loop: asyncio.AbstractEventLoop, shared: Shared) -> None:
        if self._visitors.get(loop) or self._made.get(loop) is not shared:
            return  # somebody came meanwhile, or it was stopped already
        del self._made[loop], self._visitors[loop]
        shared.stop()
