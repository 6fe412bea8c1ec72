"""Redis says which task has changed; nothing is lost without it, only later."""

from __future__ import annotations

import logging
from functools import partial
from uuid import UUID

from django.db import transaction
from redis.exceptions import RedisError

from agents.helpdesk import lane
from aura.kernel.bell import Publisher
from aura.kernel.errands import Errands
from aura.kernel.telemetry import metrics

CHANNEL = "aura.tasks"
WAKE_UP = "agents.helpdesk.wake"

logger = logging.getLogger(__name__)

_publisher = Publisher(CHANNEL)
_announcements = Errands("tasks")
_messages = Errands("task wake-ups")


def changed(key: str) -> None:
    """Wake who waits for this task once the transaction has committed."""
    announce = partial(_publisher.announce, key)
    transaction.on_commit(partial(_announcements.run_soon, announce), robust=True)


def wake(run_id: UUID) -> None:
    """Wake a worker for this run once the transaction has committed; the sweep finds the rest."""
    transaction.on_commit(partial(wake_now, run_id), robust=True)


def wake_now(run_id: UUID) -> None:
    """Wake a worker for the task of this run."""
    _messages.run_soon(partial(_send, run_id))


def _send(run_id: UUID) -> None:
    try:
        lane.put(run_id)
    except (RedisError, OSError) as error:
        metrics.WAKEUPS_LOST.labels(WAKE_UP).inc()
        logger.warning("the wake-up of run %s could not be sent: %s", run_id, error)
