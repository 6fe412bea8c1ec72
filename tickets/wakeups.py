"""Tells a worker to look at a ticket. A wake-up may be lost: the sweep finds what is due."""

from __future__ import annotations

import logging
from functools import partial
from uuid import UUID

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

ADVANCE = "tickets.tasks.advance"
TIDY = "tickets.tasks.tidy"

logger = logging.getLogger(__name__)


def wake(ticket_id: UUID) -> None:
    """Wake a worker once the current transaction has committed."""
    transaction.on_commit(partial(wake_now, ticket_id), robust=True)


def tidy_up(ticket_id: UUID) -> None:
    """Let a worker tidy up after a ticket once the current transaction has committed."""
    transaction.on_commit(partial(_send, TIDY, ticket_id), robust=True)


def wake_now(ticket_id: UUID) -> None:
    """Send the wake-up; when Redis is away, say so and leave it to the sweep."""
    _send(ADVANCE, ticket_id)


def _send(task: str, ticket_id: UUID) -> None:
    try:
        current_app.send_task(task, args=[str(ticket_id)], retry=False)
    except (OperationalError, RedisError, OSError) as error:
        logger.warning("%s of ticket %s could not be sent: %s", task, ticket_id, error)
