"""Looking again and again, through restarts of the server."""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from governance.cli import show
from governance.cli.desk import Desk, headline
from governance.cli.frame import Failure, say
from governance.cli.service import Away

AGAIN_S = 1.0
T = TypeVar("T")


class Countdown:
    """`seconds` from now, None is for ever."""

    def __init__(self, seconds: float | None) -> None:
        self._ends = None if seconds is None else time.monotonic() + seconds

    def left_s(self) -> float:
        return float("inf") if self._ends is None else max(0.0, self._ends - time.monotonic())

    def over(self) -> bool:
        return self.left_s() <= 0

    def next_s(self, most: int) -> int:
        """Whole seconds for one long poll."""
        return max(1, int(min(self.left_s(), most)))


def until_back(ask: Callable[[], T], *, clock: Countdown) -> T:
    """What `ask` says, asked again while the server is away; says once that it is, and is back."""
    told = False
    while True:
        try:
            answer = ask()
        except Away as away:
            if clock.over():
                raise
            if not told:
                say(f"{away}; trying again", error=True)
            told = True
            time.sleep(AGAIN_S)
        else:
            if told:
                say("The server is back.", error=True)
            return answer


def requests(desk: Desk, *, every_s: float, machine: bool) -> None:
    """Tell of requests that come and that end, and decide what is typed, until interrupted."""
    typed = _typed()
    known: dict[str, dict[str, Any]] = {}
    for_ever = Countdown(None)
    while True:
        waiting = {str(a.get("approval_id")): a for a in until_back(desk.pending, clock=for_ever)}
        for key in waiting.keys() - known.keys():
            _tell(waiting[key], machine=machine)
        for key in known.keys() - waiting.keys():
            ended = until_back(partial(desk.get, key), clock=for_ever)
            _tell(ended, machine=machine)
        known = waiting
        _act(desk, known, typed, Countdown(every_s))


def _act(
    desk: Desk, known: dict[str, dict[str, Any]], typed: queue.Queue[str], clock: Countdown
) -> None:
    """Do what is typed until the time is up; after a decision there is something to see at once."""
    while not clock.over():
        try:
            line = typed.get(timeout=min(clock.left_s(), 3600))
        except queue.Empty:
            continue
        try:
            decide(desk, known, line)
        except Failure as failure:
            say(str(failure), error=True)
        else:
            return


def decide(desk: Desk, known: dict[str, dict[str, Any]], line: str) -> None:
    """`ID [reason]` approves, `!ID reason` denies, what was shown alone. Raises `Failure`."""
    name, _, reason = line.strip().partition(" ")
    key, reason = name.removeprefix("!"), reason.strip()
    if key not in known:
        raise Failure(f"{show.clean(key)} does not wait here: ID [reason] approves, !ID denies")
    seen = str(known[key].get("fingerprint", ""))
    if not name.startswith("!"):
        desk.approve(key, reason, seen=seen)
    elif reason:
        desk.deny(key, reason, seen=seen)
    else:
        raise Failure("say why: !ID reason")


def _tell(approval: dict[str, Any], *, machine: bool) -> None:
    say(show.as_json(approval, one_line=True) if machine else headline(approval))


def _typed() -> queue.Queue[str]:
    """Lines of standard input, read beside; none come when nobody can type."""
    lines: queue.Queue[str] = queue.Queue()

    def read() -> None:
        for line in sys.stdin:
            if line.strip():
                lines.put(line)

    if sys.stdin is not None:
        threading.Thread(target=read, daemon=True).start()
    return lines
