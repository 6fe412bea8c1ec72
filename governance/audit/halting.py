"""What a verification found stops effects everywhere; an admin lets them go on. docs/log.md"""

from __future__ import annotations

import logging

from django.db import transaction

from governance.audit import contradiction
from governance.audit.record import record
from governance.types import SYSTEM, Principal

logger = logging.getLogger(__name__)


def halt(problem: str) -> None:
    """No write and nothing destructive begins any more, on any machine, until it is accepted."""
    problem = " ".join(problem.split())
    if contradiction.was_found(problem):
        return
    logger.critical("the log does not hold, no effect begins any more: %s", problem)
    try:
        contradiction.remember(problem)
    except OSError as error:  # a process without a place of its own; the event stands for it
        logger.warning("it could not be noted in a file: %s", error)
    payload = {"problem": problem}
    record(contradiction.FOUND, actor=SYSTEM, action="log", data={"payload": payload})


def accept(*, reason: str, by: Principal) -> list[str]:
    """Effects begin again, in spite of what was found until now, which is returned."""
    with transaction.atomic():
        found = contradiction.problems()
        if found:
            payload = contradiction.acceptance(found, reason)
            record(contradiction.ACCEPTED, actor=by, action="log", data={"payload": payload})
    contradiction.settle()
    return found
