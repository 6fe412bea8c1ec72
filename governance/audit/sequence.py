"""Gives committed events their place in the chain.

Writers never queue for the head: they insert, commit, and then call `sequence()`, which takes one
advisory lock and links whatever is pending in one batch. Who finds the lock taken leaves: the
holder looks again after letting go, hence sees everything committed before that moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from django.db import connection, transaction

from aura.kernel import rows
from aura.kernel.telemetry import metrics, shared
from governance.models import AuditLink
from governance.signals import events_sequenced

LOCK = 0x41555253  # "AURS": the advisory lock of the sequencer, and of nobody else
BATCH = 1000

PATIENCE = "SELECT set_config('lock_timeout', %s, true)"
# A function of the database (migration 0011): this runs after every commit that tells the log
# something, and with every intent.
LINK = "SELECT first, leaves FROM governance_link(%s, %s)"


@dataclass(frozen=True, slots=True)
class Linked:
    """What a pass linked: the places from `first` on, with these leaf hashes.

    `whole`: nothing that the pass could see is left over.
    """

    first: int
    leaves: tuple[bytes, ...]

    @property
    def last(self) -> int:
        return self.first + len(self.leaves) - 1

    @property
    def whole(self) -> bool:
        return len(self.leaves) < BATCH


def sequence() -> int:
    """Link all committed, unlinked events; return how many this call linked."""
    count = 0
    while _any_waits() and (linked := _link_waiting()) is not None:
        count += len(linked.leaves)
        _tell(linked)
    return count


def sequence_batch() -> bool:
    """Link at most a batch; whether to look again: something waited, and more may wait now."""
    if not _any_waits():
        return False
    linked = _link_waiting()
    if linked is not None:
        _tell(linked)
    return True


def sequence_waiting(patience_s: float) -> None:
    """The same, but wait for whoever is at it: what was committed before the call is linked.

    Raises `OperationalError` when the lock is not to be had in that time.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(PATIENCE, [f"{round(patience_s * 1000)}ms"])
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        linked = _link_waiting()
        whole = linked is None or linked.whole
    if linked is not None:
        _tell(linked)
    if not whole:
        sequence_waiting(patience_s)


def sequence_within() -> Linked | None:
    """Link what waits as the last thing of the caller's transaction, its own events included.

    That spares the commit of a pass. Nobody waits for the lock: who finds it taken leaves (None).
    """
    linked = _link_waiting()
    if linked is not None:
        transaction.on_commit(partial(_tell, linked), robust=True)
    return linked


def _tell(linked: Linked) -> None:
    metrics.EVENTS_LINKED.labels(shared.place()).inc(len(linked.leaves))
    events_sequenced.send_robust(sender=AuditLink, first=linked.first, last=linked.last)


def _any_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM governance_auditpending)")
        return bool(cursor.fetchone()[0])


def _link_waiting() -> Linked | None:
    """A batch, or None when another process is at it or none is left; a statement, so all or none.

    In an open transaction it goes in one message with what that has to write.
    """
    found = rows.ask(LINK, [LOCK, BATCH])
    first, leaves = found or (None, ())
    return Linked(first, tuple(map(bytes, leaves))) if first else None
