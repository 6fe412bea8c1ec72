"""The rows of versions: which is active, which waits, and what the log is told of it.

Inside the lock of `alone`, for `activation` alone.
"""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Q
from django.utils.timezone import now

from governance import notices
from governance.audit.record import record
from governance.models import PolicyVersion
from governance.notices import Kind, Message
from governance.policy import current, seals
from governance.policy.comparison import Comparison
from governance.policy.deciders import path_of
from governance.types import ActorKind, Principal

# Any number that no other advisory lock of the product uses.
LOCK = 0x504F4C49
CHANGES_TOLD = 10


def wait(version: PolicyVersion, *, by: Principal, compared: Comparison) -> None:
    version.proposed_by, version.proposed_over, version.waiting = str(by), active(), True
    version.save(update_fields=["proposed_by", "proposed_over", "waiting"])
    event = record(
        seals.PROPOSED,
        actor=by,
        action=f"policy {version.digest[:12]}",
        data={
            "payload": _payload(version, compared)
            | {"seal": seals.of_proposal(version.digest, str(by), version.proposed_over)}
        },
    )
    notices.tell(_notice(version, by=by, compared=compared, event=str(event.key)))


def make_active(
    version: PolicyVersion, *, by: Principal, compared: Comparison, confirmed: bool
) -> None:
    proposed_by = version.proposed_by if confirmed else str(by)
    confirmed_by = str(by) if confirmed else ""
    people = {"proposedBy": proposed_by, "confirmedBy": confirmed_by}
    payload = _payload(version, compared) | people | seals.numbered(version.digest)
    # What waits was compared with the version that goes now.
    PolicyVersion.objects.filter(Q(active=True) | Q(waiting=True)).update(
        active=False, waiting=False
    )
    version.active, version.waiting, version.activated_at = True, False, now()
    version.proposed_by, version.confirmed_by = proposed_by, confirmed_by
    version.save()
    record(
        seals.ACTIVATED,
        actor=by,
        action=f"policy {version.digest[:12]}",
        data={"payload": payload},
    )
    reload()


def _notice(version: PolicyVersion, *, by: Principal, compared: Comparison, event: str) -> Message:
    return Message(
        key=f"{event}-policy",
        kind=Kind.POLICY,
        head="POLICY WAITS",
        what=f"{version} loosens the one in force",
        lines=[f"proposed by {by}", *compared.words[:CHANGES_TOLD]],
        page=path_of(version),
        call="Compare and decide: it takes a second person",
        priority=notices.HIGH,
        tags=["balance_scale"],
    )


def _payload(version: PolicyVersion, compared: Comparison) -> dict[str, object]:
    return {
        "digest": version.digest,
        "previous": active(),
        "source": version.source,
        "loosens": compared.loosens,
        "changes": compared.words,
    }


def active() -> str:
    """The digest of the active row; empty while the built-in default counts."""
    return PolicyVersion.objects.filter(active=True).values_list("digest", flat=True).first() or ""


def alone() -> None:
    """One change at a time; until the transaction's end."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def reload() -> None:
    """This process sees the change at once, and again when it is committed."""
    current.forget()
    transaction.on_commit(current.forget)


def principal_of(person: User) -> Principal:
    return Principal(kind=ActorKind.USER, name=person.get_username())
