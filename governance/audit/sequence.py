"""Gives committed events their place in the chain.

Writers never queue for the head: they insert, commit, and then call `sequence()`, which takes one
advisory lock and links whatever is pending in one batch. Who finds the lock taken leaves: the
holder looks again after letting go, hence sees everything committed before that moment.
"""

from __future__ import annotations

from django.db import connection, transaction

from governance.audit.chain import GENESIS, hashes, leaf
from governance.models import AuditEvent, AuditLink, AuditPending
from governance.signals import events_sequenced

LOCK = 0x41555253  # "AURS": the advisory lock of the sequencer, and of nobody else
BATCH = 1000


def sequence() -> int:
    """Link all committed, unlinked events; return how many this call linked."""
    linked = 0
    while AuditPending.objects.exists():
        span = _link_batch()
        if span is None:
            return linked
        first, last = span
        linked += last - first + 1
        events_sequenced.send_robust(sender=AuditLink, first=first, last=last)
    return linked


def _link_batch() -> tuple[int, int] | None:
    """(first, last) place of the batch, or None when another process is at it or none is left."""
    with transaction.atomic(durable=False):
        if not _lock():
            return None
        events = list(
            AuditEvent.objects.filter(
                id__in=AuditPending.objects.order_by("event_id").values("event_id")[:BATCH]
            ).order_by("id")
        )
        if not events:
            return None
        head = AuditLink.objects.order_by("-seq").first()
        seq, previous = (head.seq, bytes(head.hash)) if head else (0, GENESIS)
        bodies = [bytes(event.body) for event in events]
        AuditLink.objects.bulk_create(
            AuditLink(seq=seq + n, event=event, prev_hash=before, hash=own, leaf=leaf(body))
            for n, (event, body, (before, own)) in enumerate(
                zip(events, bodies, hashes(bodies, start=previous), strict=True), start=1
            )
        )
        AuditPending.objects.filter(event_id__in=[event.id for event in events]).delete()
    return seq + 1, seq + len(events)


def _lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        return bool(cursor.fetchone()[0])
