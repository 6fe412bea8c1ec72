"""SIGTERM, SIGHUP and Ctrl-C: one meaning in each phase of a process that starts and serves."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Interrupted(BaseException):
    """The process was asked to end while it was starting. No broad `except` swallows it."""


def _all_but_interrupted(unraisable: Any) -> None:
    """A signal that met a finalizer is no fault of it: Python would print where it happened."""
    if not isinstance(unraisable.exc_value, Interrupted):
        sys.__unraisablehook__(unraisable)


class Interrupts:
    """While starting, the first signal raises `Interrupted`, later ones do not disturb the
    cleaning up; while serving a signal calls what was named; while ending it does nothing.
    """

    def __init__(self) -> None:
        self.asked = False
        self._react: Callable[[], object] | None = None
        self._starting = True
        sys.unraisablehook = _all_but_interrupted
        for number in SIGNALS:
            if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup
                signal.signal(number, self._handle)

    def call_instead(self, react: Callable[[], object]) -> None:
        """The start is over: a signal calls `react`."""
        self._starting, self._react = False, react
        if self.asked:  # Python drops what is raised inside a finalizer; the wish is not lost
            react()

    def ignore(self) -> None:
        self._starting, self._react = False, None

    def _handle(self, _number: int, _frame: Any) -> None:
        again, self.asked = self.asked, True
        if self._react is not None:
            self._react()
        elif self._starting and not again:
            raise Interrupted
