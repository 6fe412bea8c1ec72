"""The queue: which worker may work on which run, proved by a token (ARCHITECTURE §4).

A Celery message only says "look"; who may work is decided here, in the database, by its clock.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from django.db import (
    DatabaseError,
    InterfaceError,
    OperationalError,
    close_old_connections,
    connection,
    transaction,
)
from django.db.models import Case, Exists, F, IntegerField, Q, QuerySet, When
from django.db.models.functions import Now

from agents.models import Run, StopSwitch
from agents.runtime import keeping, presence
from aura.kernel import rows

_MS = timedelta(milliseconds=1)
LEASE = timedelta(seconds=8)
RENEW_S = 2.0
FRESH = timedelta(seconds=10)  # a run due for less than this is about to be picked up
MAX_ATTEMPTS = 5
OUTAGE_PAUSE_S = 0.5

logger = logging.getLogger(__name__)

_UNCLAIMED = Q(lease_until__isnull=True) | Q(lease_until__lt=Now())
_NOT_STOPPED = ~Exists(StopSwitch.objects.all())  # a row at most: it costs a look at one page

# Written out, because every commit of every turn begins with it.
_RENEW = """
UPDATE agents_run SET
    lease_until = statement_timestamp() + %s * interval '1 ms',
    worked_ms = worked_ms + greatest(
        0, (extract(epoch FROM statement_timestamp() - lease_until) * 1000)::bigint + %s
    )
WHERE id = %s AND token = %s AND lease_until IS NOT NULL
    AND NOT EXISTS (SELECT FROM agents_stopswitch)
"""
_QUEUE = """
UPDATE agents_run SET due_at = statement_timestamp() + %s * interval '1 ms' WHERE id = %s
"""
_RELEASE = """
UPDATE agents_run SET
    lease_until = NULL, due_at = statement_timestamp() + %s::bigint * interval '1 ms'
WHERE id = %s AND token = %s
"""
# `due` for one run.
_DUE = """
id = %s AND due_at <= statement_timestamp()
    AND (lease_until IS NULL OR lease_until < statement_timestamp())
    AND NOT EXISTS (SELECT FROM agents_stopswitch)
"""
_CLAIM = f"""
UPDATE agents_run SET
    token = token + 1, attempts = attempts + 1,
    lease_until = statement_timestamp() + %s * interval '1 ms'
WHERE id = (SELECT id FROM agents_run WHERE {_DUE} FOR UPDATE SKIP LOCKED)
"""  # noqa: S608 - our own words


def _renewal(run: Run) -> list[Any]:
    """Values of `_RENEW`."""
    lease_ms = LEASE // _MS
    return [lease_ms, lease_ms, run.pk, run.token]


class LeaseLost(Exception):
    """Another worker holds the run now, or it was taken away: write nothing more."""


def due() -> QuerySet[Run]:
    """Runs that some worker should look at now: none while the stop switch is set."""
    return Run.objects.filter(_UNCLAIMED, _NOT_STOPPED, due_at__lte=Now())


def busy(run_id: UUID) -> bool:
    """True when a live worker has the run, or one is about to: none while all are stopped."""
    held = Q(lease_until__gte=Now()) | Q(_NOT_STOPPED, due_at__lte=Now(), due_at__gt=Now() - FRESH)
    return Run.objects.filter(held, pk=run_id).exists()


def queue(run_id: UUID, *, delay: timedelta = timedelta()) -> None:
    """Make the run due. Wake a worker after commit; a lost wake-up is found by the sweep."""
    with connection.cursor() as cursor:
        cursor.execute(_QUEUE, [delay // _MS, run_id])


def revoke(run_id: UUID) -> None:
    """Take the run from whoever has it: every later write of theirs fails."""
    Run.objects.filter(pk=run_id).update(token=F("token") + 1, lease_until=None, due_at=None)


def revoke_all() -> None:
    """Take every run from whoever has it. Unlike after `revoke`, they are due and go on later."""
    held = When(lease_until__isnull=False, attempts__gt=0, then=F("attempts") - 1)
    Run.objects.filter(due_at__isnull=False).update(
        token=F("token") + 1,
        lease_until=None,
        # to be stopped is not to break down
        attempts=Case(held, default=F("attempts"), output_field=IntegerField()),
    )


@contextmanager
def held(run_id: UUID) -> Iterator[Run | None]:
    """The run, claimed and kept until the end of the block; None when there is nothing to do."""
    with presence.marked(run_id, wanted=partial(_is_due, run_id)) as mark:
        run = claim(run_id, mark) if mark else None
        if run is None:
            yield None
        else:
            with kept(run):
                yield run


def claim(run_id: UUID, mark: presence.Mark | None = None) -> Run | None:
    """The run, if it is due and free, now the caller's; its `token` fences their writes."""
    with transaction.atomic():  # not `unhurried`: a token undone by a crash would be given twice
        run = rows.changed(Run, _CLAIM, [LEASE // _MS, run_id])
        if run is not None and mark is not None:
            mark.note(run.token)
    return run


def _is_due(run_id: UUID) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT FROM agents_run WHERE {_DUE}", [run_id])
        return cursor.fetchone() is not None


def release_abandoned() -> None:
    """Let go of the runs that killed workers of this machine held: their leases need no waiting."""
    for run_id, token in presence.abandoned():
        Run.objects.filter(pk=run_id, token=token).update(lease_until=None)


def renew(run: Run) -> bool:
    """Keep the run for another lease, and count the time since the last one as worked.

    False when it is no longer ours, was let go, or all is stopped.
    """
    with connection.cursor() as cursor:
        cursor.execute(_RENEW, _renewal(run))
        return bool(cursor.rowcount)


@contextmanager
def fenced(run: Run) -> Iterator[None]:
    """A transaction that does anything only while the run is ours. Raises `LeaseLost` otherwise.

    It locks the run's row first; whoever else changes a run and its owner locks in that order too.
    """
    with transaction.atomic(), rows.together():
        rows.demand(_RENEW, _renewal(run), otherwise=LeaseLost(str(run.pk)))
        yield


def unhurried() -> None:
    """Let this transaction commit without waiting for the disk.

    Nothing of it is lost with a worker; a crash of the database may undo it with all that followed.
    So it is for what is worth no more than to be done again.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit TO off")


def release(run: Run, *, again_in: timedelta | None = None) -> None:
    """Let go of the run, inside `fenced`. Without `again_in` it sleeps until somebody queues it."""
    again_ms = None if again_in is None else again_in // _MS
    rows.demand(_RELEASE, [again_ms, run.pk, run.token], otherwise=LeaseLost(str(run.pk)))


@contextmanager
def kept(run: Run) -> Iterator[None]:
    """Renew the lease in the background, so that a long call does not lose the run."""
    with _keeper.keeping(uuid4(), partial(_renewed, run), every_s=RENEW_S):
        yield


_keeper = keeping.Keeper()


def is_outage(error: Exception) -> bool:
    """Whether the database was away or ended the connection; else a statement is to blame."""
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    state = getattr(error.__cause__, "sqlstate", None)
    return state is None or state.startswith(("08", "57P"))


def outlast_outage(run: Run) -> None:
    """Wait until the database is back. Raises `LeaseLost` when the run is another's by then."""
    while True:
        connection.close()
        try:
            if renew(run):
                return
        except (OperationalError, InterfaceError):
            time.sleep(OUTAGE_PAUSE_S)
        else:
            raise LeaseLost(str(run.pk))


def _renewed(run: Run) -> bool:
    try:
        close_old_connections()
        with transaction.atomic():
            unhurried()
            with connection.cursor() as cursor:  # others are to be renewed too
                cursor.execute("SET LOCAL lock_timeout TO '1s'")
            return renew(run)
    except (DatabaseError, InterfaceError):
        logger.warning("lease of %s could not be renewed; trying again", run.pk)
        return True
