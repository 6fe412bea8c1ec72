"""Tells a worker to look at a ticket. A wake-up may be lost: the sweep finds what is due.

Messages leave in a thread of their own, so that no request waits for a Redis that hangs.
"""

from __future__ import annotations

import logging
from functools import partial
from uuid import UUID

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from aura.kernel.errands import Errands
from aura.kernel.telemetry import metrics, tracing

ADVANCE = "tickets.tasks.advance"
TIDY = "tickets.tasks.tidy"
DELIVER = "tickets.tasks.deliver"

logger = logging.getLogger(__name__)

_messages = Errands("wake-ups")


def wake(ticket_id: UUID) -> None:
    """Wake a worker once the current transaction has committed.

    What is to happen then happens in the order in which it was wished: who is in a hurry calls this
    early. A worker that finds nothing to do goes again.
    """
    transaction.on_commit(partial(wake_now, ticket_id), robust=True)


def tidy_up(ticket_id: UUID) -> None:
    """Let a worker tidy up after a ticket once the current transaction has committed."""
    transaction.on_commit(partial(_send_soon, TIDY, ticket_id), robust=True)


def wake_now(ticket_id: UUID) -> None:
    """Send the wake-up; when Redis is away, say so and leave it to the sweep."""
    _send_soon(ADVANCE, ticket_id)


def deliver_now() -> None:
    """Have a worker look for webhooks to deliver."""
    _send_soon(DELIVER)


def _send_soon(task: str, ticket_id: UUID | None = None) -> None:
    _messages.run_soon(partial(_send, task, ticket_id))


def _send(task: str, ticket_id: UUID | None) -> None:
    ticket = str(ticket_id or "")
    try:
        with tracing.span("enqueue", kind="producer", task=task, ticket=ticket):
            current_app.send_task(task, args=[ticket] if ticket else [], retry=False)
    except (OperationalError, RedisError, OSError) as error:
        metrics.WAKEUPS_LOST.labels(task).inc()
        logger.warning("%s of ticket %s could not be sent: %s", task, ticket or "-", error)
