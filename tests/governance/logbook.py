"""A log to attack: written by the product, then changed by somebody who owns the tables."""

from __future__ import annotations

import random
from typing import Any

from django.conf import settings
from django.db import connection

from governance.audit import notes, sink
from governance.audit.chain import GENESIS, chained, leaf
from governance.audit.checkpoints import signer
from governance.audit.keys import signing_key
from governance.audit.merkle import Frontier
from governance.audit.notes import Note
from governance.audit.record import record
from governance.audit.sequence import sequence
from governance.models import AuditEvent, AuditLink, Checkpoint
from governance.types import About, ActorKind, Principal

ADA = Principal(kind=ActorKind.USER, name="ada")
TABLES = ("governance_auditevent", "governance_auditlink", "governance_checkpoint")


def write(count: int) -> None:
    """So many events, linked."""
    for number in range(count):
        record(
            "something_happened",
            actor=ADA,
            action=f"did {number}",
            trace_id=f"t-{number % 3}",
            data={"n": number, "text": "ä\u2028 '\"\\"},
            about=About(session_id="s-1", agent="aura", action_class="write"),
        )
    sequence()


def signed_log(*sizes: int) -> list[Note]:
    """A log with a checkpoint at each of these sizes, each kept outside as well."""
    outside: list[Note] = []
    for size in sizes:
        write(size - (newest().size if outside else 0))
        signer.sign_head()
        outside.append(Note.read(newest().note))
    return outside


def newest() -> Checkpoint:
    found = Checkpoint.objects.order_by("-id").first()
    assert found is not None
    return found


def guards_off() -> None:
    """Whoever owns the tables can do that."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only")


def sql(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def bodies() -> list[tuple[int, bytes]]:
    """(event id, bytes) in the order of the log."""
    links = AuditLink.objects.order_by("seq").values_list("event_id", "event__body")
    return [(key, bytes(body)) for key, body in links]


def relink(events: list[tuple[int, bytes]]) -> None:
    """A chain over these events that holds in itself: no key is needed for that."""
    sql("DELETE FROM governance_auditlink")
    previous = GENESIS
    for seq, (key, body) in enumerate(events, start=1):
        own = chained(previous, body)
        AuditLink.objects.create(
            seq=seq, event_id=key, prev_hash=previous, hash=own, leaf=leaf(body)
        )
        previous = own


def sign_again() -> None:
    """With the stolen key: every checkpoint anew over what is there, and a new file for them."""
    key = signing_key()
    assert key is not None
    sizes = sorted({row.size for row in Checkpoint.objects.all()})
    sql("DELETE FROM governance_checkpoint")
    settings.AURA.log_checkpoints.unlink()
    tree, leaves = Frontier(), [leaf(body) for _, body in bodies()]
    for size in [s for s in sizes if s < len(leaves)] + [len(leaves)]:
        tree.extend(leaves[tree.size : size])
        note = notes.signed(key, notes.Checkpoint(key.public.name, tree.size, tree.root()))
        sql(
            "INSERT INTO governance_checkpoint (origin, size, root, frontier, note, signed_at)"
            " VALUES (%s, %s, %s, %s, %s, now())",
            key.public.name, tree.size, tree.root(), tree.packed, str(note),
        )  # fmt: skip
        with sink.held(settings.AURA.log_checkpoints, 1) as file:
            file.append(note, durably=False)
    signer._signed = None


# --- attacks: each leaves a chain that holds in itself --------------------------------------------


def edit(rng: random.Random) -> None:
    events = bodies()
    at = rng.randrange(len(events))
    key, body = events[at]
    forged = body.replace(b'"did ', b'"DID ')
    sql("UPDATE governance_auditevent SET body = %s WHERE id = %s", forged, key)
    sql(
        "UPDATE governance_auditevent SET action = replace(action, 'did', 'DID') WHERE id = %s", key
    )
    events[at] = (key, forged)
    relink(events)


def delete(rng: random.Random) -> None:
    events = bodies()
    key, _ = events.pop(rng.randrange(len(events)))
    relink(events)
    sql("DELETE FROM governance_auditevent WHERE id = %s", key)


def insert(rng: random.Random) -> None:
    record("something_happened", actor=ADA, action="did nothing of the kind")
    sql("DELETE FROM governance_auditpending")
    events = bodies()
    late = AuditEvent.objects.latest("id")
    events.insert(rng.randrange(len(events)), (late.pk, bytes(late.body)))
    relink(events)


def swap(rng: random.Random) -> None:
    events = bodies()
    one, other = rng.sample(range(len(events)), 2)
    events[one], events[other] = events[other], events[one]
    relink(events)


def fork(rng: random.Random) -> None:
    """From one place on another history of the same length."""
    events = bodies()
    at = rng.randrange(len(events))
    _cut(events, at)
    write(len(events) - at)


def truncate(rng: random.Random) -> None:
    events = bodies()
    _cut(events, rng.randrange(1, len(events)))


def rollback(rng: random.Random) -> None:
    """An older backup: everything in the database is as it was at a checkpoint."""
    events = bodies()
    sizes = sorted({row.size for row in Checkpoint.objects.all()})[:-1]
    _cut(events, rng.choice(sizes))


def wipe(rng: random.Random) -> None:
    del rng
    _cut(bodies(), 0)
    write(3)


def _cut(events: list[tuple[int, bytes]], at: int) -> None:
    relink(events[:at])
    gone = [key for key, _ in events[at:]]
    sql("DELETE FROM governance_auditevent WHERE id = ANY(%s)", gone)
    sql("DELETE FROM governance_checkpoint WHERE size > %s", at)


ATTACKS = (edit, delete, insert, swap, fork, truncate, rollback, wipe)
