"""A verification of the whole log that a person asked for: done by a worker, one at a time.

One row (`LogCheck`) tells who asked, how far it is and what was found. A worker that is killed says
nothing any more, and after `SILENT` the check can be started again. When is said by the database's
clock alone: who asks and who verifies may be two machines.
"""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import Final

from celery import current_app
from django.db import transaction
from django.db.models.functions import Now
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from aura.kernel.errands import Errands
from governance.audit.verify import verify
from governance.models import LogCheck
from governance.types import Principal

TASK: Final = "governance.tasks.check_log"
ONLY: Final = 1  # the row
SILENT: Final = timedelta(seconds=20)
TELL_EVERY_S: Final = 0.5

logger = logging.getLogger(__name__)
_messages = Errands("checks of the log")


class State(StrEnum):
    """How a check stands."""

    NEVER = "never"
    WAITING = "waiting"  # for a worker
    RUNNING = "running"
    LOST = "lost"  # its worker, or the message to one
    FAILED = "failed"  # it could not be finished
    HOLDS = "holds"
    BROKEN = "broken"


class Superseded(Exception):
    """This check counted as lost, and another one was started."""


def latest() -> LogCheck:
    """The last one that was asked for."""
    return LogCheck.objects.filter(pk=ONLY).first() or LogCheck(pk=ONLY)


def state(check: LogCheck) -> State:
    """How it stands now."""
    if check.number == 0 or check.heard_at is None:
        return State.NEVER
    if check.error:
        return State.FAILED
    if check.ended_at is not None:
        return State.BROKEN if check.fault else State.HOLDS
    heard = LogCheck.objects.filter(pk=check.pk, number=check.number)
    if heard.filter(heard_at__lt=Now() - SILENT).exists():
        return State.LOST
    return State.WAITING if check.begun_at is None else State.RUNNING


def start(*, by: Principal) -> bool:
    """Have a worker verify the log. False: one is at it, whose verdict counts for this one too."""
    LogCheck.objects.get_or_create(pk=ONLY)
    with transaction.atomic():
        check = LogCheck.objects.select_for_update().get(pk=ONLY)
        if joined := state(check) in {State.WAITING, State.RUNNING}:
            begun = check.begun_at is not None
        else:
            begun = False
            check = LogCheck(
                pk=ONLY,
                number=check.number + 1,
                asked_by=by.name[:150],
                asked_at=Now(),
                heard_at=Now(),
            )
            check.save()
        if not begun:  # the message may have got lost; who comes second finds it begun
            transaction.on_commit(partial(_messages.run_soon, partial(_send, check.number)))
    return not joined


def run(number: int) -> None:
    """Verify everything, if this check still waits; the verdict goes where every one goes."""
    waiting = LogCheck.objects.filter(pk=ONLY, number=number, begun_at=None)
    if not waiting.update(begun_at=Now(), heard_at=Now()):
        return
    told = _Progress(number)
    try:
        verdict = verify(full=True, progress=told)
    except Superseded:
        return
    except Exception as error:
        told.end(error=f"{type(error).__name__}: {error}"[:1000])
        raise
    told.tell(verdict.hashed, max(verdict.events, verdict.hashed))
    told.end(fault=verdict.fault)


class _Progress:
    """Writes now and then how far it is. Raises `Superseded`."""

    def __init__(self, number: int) -> None:
        self._row = LogCheck.objects.filter(pk=ONLY, number=number)
        self._told = float("-inf")

    def __call__(self, done: int, total: int) -> None:
        if time.monotonic() - self._told >= TELL_EVERY_S:
            self.tell(done, total)

    def tell(self, done: int, total: int) -> None:
        if not self._row.update(checked=done, events=total, heard_at=Now()):
            raise Superseded
        self._told = time.monotonic()

    def end(self, *, fault: str = "", error: str = "") -> None:
        self._row.update(ended_at=Now(), fault=fault, error=error)


def _send(number: int) -> None:
    try:
        current_app.send_task(TASK, args=[number], retry=False)
    except (OperationalError, RedisError, OSError) as error:
        logger.warning("check %d of the log could not be sent: %s", number, error)
