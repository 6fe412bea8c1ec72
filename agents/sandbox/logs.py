"""What containers wrote: the running one's lines and those of the one before."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from agents.sandbox import clock

_KEPT = 10_000  # lines a container

Line = tuple[float, str]  # seconds since the epoch, text without its newline


def _lines() -> deque[Line]:
    return deque(maxlen=_KEPT)


@dataclass(slots=True)
class ContainerLog:
    current: deque[Line] = field(default_factory=_lines)
    previous: deque[Line] | None = None
    written: int = 0  # lines ever, so that a follower knows what is new


class Logs:
    def __init__(self) -> None:
        self._of: dict[tuple[str, str], ContainerLog] = {}

    def of(self, uid: str, container: str) -> ContainerLog:
        """The log of one container of the pod with this uid."""
        return self._of.setdefault((uid, container), ContainerLog())

    def write(self, uid: str, container: str, *lines: str) -> None:
        log = self.of(uid, container)
        moment = clock.now()
        log.current.extend((moment, line) for line in lines)
        log.written += len(lines)

    def restart(self, uid: str, container: str) -> None:
        log = self.of(uid, container)
        log.previous, log.current = log.current, _lines()

    def forget(self, uid: str) -> None:
        for key in [key for key in self._of if key[0] == uid]:
            del self._of[key]
