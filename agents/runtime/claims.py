"""The queue: which worker may work on which run, proved by a token (ARCHITECTURE §4).

A Celery message only says "look"; who may work is decided here, in the database, by its clock.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from django.db import DatabaseError, close_old_connections, connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from agents.models import Run

LEASE = timedelta(seconds=8)
RENEW_S = 2.0
FRESH = timedelta(seconds=10)  # a run due for less than this is about to be picked up
MAX_ATTEMPTS = 5

logger = logging.getLogger(__name__)

_UNCLAIMED = Q(lease_until__isnull=True) | Q(lease_until__lt=Now())


class LeaseLost(Exception):
    """Another worker holds the run now, or it was taken away: write nothing more."""


def due() -> QuerySet[Run]:
    """Runs that some worker should look at now."""
    return Run.objects.filter(_UNCLAIMED, due_at__lte=Now())


def busy(run_id: UUID) -> bool:
    """True when a live worker has the run, or one is about to."""
    held = Q(lease_until__gte=Now()) | Q(due_at__lte=Now(), due_at__gt=Now() - FRESH)
    return Run.objects.filter(held, pk=run_id).exists()


def queue(run_id: UUID, *, delay: timedelta = timedelta()) -> None:
    """Make the run due. Wake a worker after commit; a lost wake-up is found by the sweep."""
    Run.objects.filter(pk=run_id).update(due_at=Now() + delay)


def revoke(run_id: UUID) -> None:
    """Take the run from whoever has it: every later write of theirs fails."""
    Run.objects.filter(pk=run_id).update(token=F("token") + 1, lease_until=None, due_at=None)


def claim(run_id: UUID) -> Run | None:
    """The run, if it is due and free, now the caller's; its `token` fences their writes."""
    with transaction.atomic():
        run = due().select_for_update(skip_locked=True).filter(pk=run_id).first()
        if run is None:
            return None
        Run.objects.filter(pk=run_id).update(
            token=F("token") + 1, attempts=F("attempts") + 1, lease_until=Now() + LEASE
        )
        run.refresh_from_db()
    return run


def renew(run: Run) -> bool:
    """Keep the run for another lease; False when it is no longer ours, or was let go."""
    held = Run.objects.filter(pk=run.pk, token=run.token, lease_until__isnull=False)
    return held.update(lease_until=Now() + LEASE) == 1


@contextmanager
def fenced(run: Run) -> Iterator[None]:
    """A transaction that commits only while the run is ours. Raises `LeaseLost` otherwise.

    It locks the run's row first; whoever else changes a run and its owner locks in that order too.
    """
    with transaction.atomic():
        if not renew(run):
            raise LeaseLost(str(run.pk))
        yield


def release(run: Run, *, again_in: timedelta | None = None) -> None:
    """Let go of the run, inside `fenced`. Without `again_in` it sleeps until somebody queues it."""
    due_at = None if again_in is None else Now() + again_in
    Run.objects.filter(pk=run.pk, token=run.token).update(lease_until=None, due_at=due_at)


@contextmanager
def kept(run: Run) -> Iterator[None]:
    """Renew the lease in the background, so that a long call does not lose the run."""
    done = threading.Event()

    def heartbeat() -> None:
        try:
            while not done.wait(RENEW_S):
                if not _renewed(run):
                    return
        finally:
            connection.close()

    thread = threading.Thread(target=heartbeat, name=f"lease-{run.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _renewed(run: Run) -> bool:
    try:
        close_old_connections()
        return renew(run)
    except DatabaseError:
        logger.warning("lease of %s could not be renewed; trying again", run.pk)
        return True
