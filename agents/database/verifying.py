"""Looking, after a repair, whether it did what it was for: a few times, ever further apart."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings

from agents.runtime import interrupt

SETTLE_S = 0.2  # most effects are there by then
SPREAD = 0.25  # of a delay, so that many who look do not look at once


class Status(StrEnum):
    """`verify_status` of a result."""

    OK = "ok"
    WARNING = "warning"
    ESCALATION = "escalation_required"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a look found. `final`: looking again would show the same."""

    status: Status
    text: str
    final: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How often to look, and how long to wait before the second look; doubled each time."""

    attempts: int = 3
    initial_delay_s: float = 3.0

    def delays_s(self) -> list[float]:
        """Before each look. HELPDESK_VERIFY_* say otherwise where they are set."""
        attempts = settings.AURA.verify_max_attempts or self.attempts
        initial = settings.AURA.verify_initial_delay_s or self.initial_delay_s
        most = settings.AURA.verify_max_delay_s
        return [SETTLE_S, *(min(initial * 2**n, most) * _spread() for n in range(attempts - 1))]


STANDARD = Schedule()
_PREFIX = {
    Status.OK: "",
    Status.WARNING: "VERIFICATION WARNING: ",
    Status.ESCALATION: "VERIFICATION FAILED: ",
}


def worded(found: Finding) -> str:
    """The text of a finding as every repair tells it."""
    end = ". ESCALATION REQUIRED." if found.status is Status.ESCALATION else ""
    text = found.text.rstrip(".") if end else found.text
    return f"{_PREFIX[found.status]}{text}{end}"


def verified(look: Callable[[], Finding], schedule: Schedule = STANDARD) -> tuple[Finding, int]:
    """(what was found last, how often it was looked at again). Raises `Interrupted`."""
    found, retries = Finding(status=Status.ESCALATION, text=""), -1
    for delay_s in schedule.delays_s():
        _wait(delay_s)
        found, retries = look(), retries + 1
        if found.status is Status.OK or found.final:
            break
    return found, retries


def _wait(seconds: float) -> None:
    """Ended by the interrupt of the run, which then is raised."""
    stopped = threading.Event()
    with interrupt.current().ending(stopped.set):
        stopped.wait(seconds)
    interrupt.current().check()


def _spread() -> float:
    return random.uniform(1 - SPREAD, 1 + SPREAD)  # noqa: S311 - no secret
