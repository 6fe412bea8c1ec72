"""Gives committed events their place in the chain.

Writers never queue for the head: they insert, commit, and then call `sequence()`, which takes one
advisory lock and links whatever is pending in one batch. Who finds the lock taken leaves: the
holder looks again after letting go, hence sees everything committed before that moment.
"""

from __future__ import annotations

from functools import partial

from django.db import connection, transaction

from aura.kernel.telemetry import metrics, shared
from governance.audit.chain import GENESIS, hashes, leaf
from governance.models import AuditLink
from governance.signals import events_sequenced

LOCK = 0x41555253  # "AURS": the advisory lock of the sequencer, and of nobody else
BATCH = 1000

# Written out: this runs after every commit that tells the log something.
WAITING = """
SELECT e.id, e.body FROM governance_auditevent AS e
WHERE e.id IN (SELECT event_id FROM governance_auditpending ORDER BY event_id LIMIT %s)
ORDER BY e.id
"""
HEAD = "SELECT seq, hash FROM governance_auditlink ORDER BY seq DESC LIMIT 1"
LINK = """
WITH linked AS (DELETE FROM governance_auditpending WHERE event_id = ANY(%(events)s))
INSERT INTO governance_auditlink (seq, event_id, prev_hash, hash, leaf)
SELECT * FROM unnest(
    %(places)s::bigint[], %(events)s::bigint[], %(before)s::bytea[], %(own)s::bytea[],
    %(leaves)s::bytea[]
)
"""


def sequence() -> int:
    """Link all committed, unlinked events; return how many this call linked."""
    linked = 0
    while _any_waits() and (span := _link_batch()) is not None:
        first, last = span
        linked += last - first + 1
        _tell(first, last)
    return linked


def sequence_within() -> None:
    """Link what waits as the last thing of the caller's transaction, its own events included.

    That spares the commit of a pass. Nobody waits for the lock: who finds it taken leaves.
    """
    span = _link_waiting()
    if span is not None:
        transaction.on_commit(partial(_tell, *span), robust=True)


def _tell(first: int, last: int) -> None:
    metrics.EVENTS_LINKED.labels(shared.place()).inc(last - first + 1)
    events_sequenced.send_robust(sender=AuditLink, first=first, last=last)


def _any_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM governance_auditpending)")
        return bool(cursor.fetchone()[0])


def _link_batch() -> tuple[int, int] | None:
    """(first, last) place of the batch, or None when another process is at it or none is left."""
    with transaction.atomic(durable=False):
        return _link_waiting()


def _link_waiting() -> tuple[int, int] | None:
    """The same inside the transaction that is open."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            return None
        cursor.execute(WAITING, [BATCH])
        waiting = [(key, bytes(body)) for key, body in cursor.fetchall()]
        if not waiting:
            return None
        cursor.execute(HEAD)
        seq, previous = cursor.fetchone() or (0, GENESIS)
        bodies = [body for _, body in waiting]
        chain = list(hashes(bodies, start=bytes(previous)))
        places = range(seq + 1, seq + 1 + len(waiting))
        cursor.execute(
            LINK,
            {
                "places": list(places),
                "events": [key for key, _ in waiting],
                "before": [before for before, _ in chain],
                "own": [own for _, own in chain],
                "leaves": [leaf(body) for body in bodies],
            },
        )
    return places[0], places[-1]
