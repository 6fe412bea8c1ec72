"""How a policy document comes into force: kept as a row, compared, activated, told to the log.

One that loosens what is in force, in whatever way, waits until a second person confirms it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Q
from django.utils.timezone import now

from aura.kernel.errors import Forbidden, Problem
from governance.access import role_of
from governance.audit.record import record
from governance.inventory import Inventory
from governance.models import PolicyVersion
from governance.policy import current, seals
from governance.policy.diff import Change, diff
from governance.policy.loader import load
from governance.policy.witness import TooManyNames
from governance.types import SYSTEM, ActorKind, Principal, Role, folded

# Any number that no other advisory lock of the product uses.
LOCK = 0x504F4C49
SHADOWED = "policy_shadowed"


class PolicyNotActivated(Problem):
    """The text says why, and what to do."""

    code, status = "POLICY_NOT_ACTIVATED", 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """What came of it: active now, or waiting for a second person because of `changes`."""

    version: PolicyVersion
    active: bool
    changes: Sequence[Change] = ()
    unknown: bool = False  # the two documents overlap in too many ways to be compared


def keep(
    text: str, *, source: str, by: Principal, inventory: Inventory | None = None
) -> PolicyVersion:
    """The row of a document, made when it is new. Raises `PolicyRefused`."""
    digest = load(text, source, inventory=inventory).digest()
    fresh = {"text": text, "source": source[:500], "loaded_by": str(by)}
    version, _ = PolicyVersion.objects.get_or_create(digest=digest, defaults=fresh)
    return version


def propose(version: PolicyVersion, *, by: User, lost_key: bool = False) -> Activation:
    """Activate a version, or have it wait when it loosens anything.

    `lost_key`: the AURA_SECRET_KEY of the activations in the log is gone for good. Raises
    `Forbidden` for somebody without the role of an approver, `PolicyNotActivated`.
    """
    _require_role(by)
    if not lost_key and seals.stranger():
        raise PolicyNotActivated(
            f"{current.STRANGER}: run this with the settings of the server; where that key is lost,"
            " with --lost-key"
        )
    return _propose(version, by=_principal(by), confirmed_by_nobody=False)


def confirm(version: PolicyVersion, *, by: User) -> Activation:
    """The second person's yes to a version that waits. Raises `Forbidden`, `PolicyNotActivated`."""
    _require_role(by)
    with transaction.atomic():
        _alone()
        version.refresh_from_db()
        if not version.waiting:
            raise PolicyNotActivated(f"{version} does not wait for a second person")
        kind, _, name = version.proposed_by.partition(":")
        if kind == ActorKind.USER and folded(name) == folded(by.get_username()):
            raise Forbidden(f"{by.get_username()} proposed {version}; another person confirms it")
        if version.proposed_over != _in_force():
            raise PolicyNotActivated(
                f"the policy in force has changed since {version} was proposed; propose it again"
            )
        if not seals.proposed(version.digest, version.proposed_by, version.proposed_over):
            raise PolicyNotActivated(
                f"nobody is known to have proposed {version} as the database says; propose it again"
            )
        compared = _compared(version)
        _make_active(version, by=_principal(by), compared=compared, confirmed=True)
    return Activation(
        version=version, active=True, changes=compared.changes, unknown=compared.unknown
    )


def at_start(path: Path, *, inventory: Inventory | None) -> str:
    """Bring the file of the settings into force; the answer is what a person should be told.

    The first policy of an installation needs nobody's yes. Raises `PolicyRefused`.
    """
    version = keep(
        path.read_text(encoding="utf-8"), source=str(path), by=SYSTEM, inventory=inventory
    )
    if current.in_force(version):
        return ""
    if seals.stranger():
        return _denied_until()
    first = not any(seals.payloads(seals.ACTIVATED))
    if _propose(version, by=SYSTEM, confirmed_by_nobody=first).active:
        return ""
    return (
        f"{path} loosens the policy in force, which therefore stays: see `manage.py policy diff"
        f" {path}`; a person with the role approver or admin confirms the change with `manage.py"
        f" policy activate {version.digest[:12]} --confirm NAME`"
    )


def put_seal_in_place() -> str:
    """At a start: seal what an older version, or another key, brought into force.

    It happens once: what is written into the log later without a seal is never believed. The answer
    is what a person should be told, or nothing.
    """
    with transaction.atomic():
        _alone()
        last = seals.newest()
        if last is None and seals.any_there():
            return _denied_until()
        if last is not None and not last.stale:
            return ""
        digest = last.digest if last else _activated_before()
        record(
            seals.SEALED,
            actor=SYSTEM,
            action=f"policy {digest[:12] or current.BUILT_IN}",
            data={"payload": {"digest": digest} | seals.numbered(digest)},
        )
        _reload()
    return ""


def _activated_before() -> str:
    """The last activation by a version that sealed none."""
    last = next(seals.payloads(seals.ACTIVATED), {})
    return str(last.get("digest", ""))


def _denied_until() -> str:
    return (
        f"{current.STRANGER}: everything is denied until two people activate a policy (`manage.py"
        " policy activate FILE --by NAME --lost-key`)"
    )


def shadow(version: PolicyVersion | None, *, by: User) -> None:
    """Judge a version next to the one in force, which decides; None ends it."""
    _require_role(by)
    with transaction.atomic():
        _alone()
        PolicyVersion.objects.filter(shadow=True).update(shadow=False, shadow_since=None)
        if version is not None:
            PolicyVersion.objects.filter(pk=version.pk).update(shadow=True, shadow_since=now())
        record(
            SHADOWED,
            actor=_principal(by),
            action=f"shadow policy {version or 'none'}",
            data={"payload": {"digest": version.digest if version else ""}},
        )
        _reload()


def _propose(version: PolicyVersion, *, by: Principal, confirmed_by_nobody: bool) -> Activation:
    with transaction.atomic():
        _alone()
        version.refresh_from_db()
        if current.in_force(version):
            raise PolicyNotActivated(f"{version} is in force already")
        compared = _compared(version)
        if confirmed_by_nobody or not compared.loosens:
            _make_active(version, by=by, compared=compared, confirmed=False)
            return Activation(version=version, active=True, changes=compared.changes)
        _wait(version, by=by, compared=compared)
    return Activation(
        version=version, active=False, changes=compared.changes, unknown=compared.unknown
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared:
    changes: Sequence[Change] = ()
    unknown: bool = False

    @property
    def loosens(self) -> bool:
        return self.unknown or any(change.loosens for change in self.changes)

    @property
    def words(self) -> list[str]:
        return [f"{c.action}: {' -> '.join(c.words)}" for c in self.changes]


def _compared(version: PolicyVersion) -> _Compared:
    current.forget()
    document = load(version.text, version.source)
    try:
        options = current.configured()
        return _Compared(changes=diff(current.policy().document, document, options=options))
    except TooManyNames:
        return _Compared(unknown=True)


def _wait(version: PolicyVersion, *, by: Principal, compared: _Compared) -> None:
    version.proposed_by, version.proposed_over, version.waiting = str(by), _in_force(), True
    version.save(update_fields=["proposed_by", "proposed_over", "waiting"])
    record(
        seals.PROPOSED,
        actor=by,
        action=f"policy {version.digest[:12]}",
        data={
            "payload": _payload(version, compared)
            | {"seal": seals.of_proposal(version.digest, str(by), version.proposed_over)}
        },
    )


def _make_active(
    version: PolicyVersion, *, by: Principal, compared: _Compared, confirmed: bool
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
    _reload()


def _payload(version: PolicyVersion, compared: _Compared) -> dict[str, object]:
    return {
        "digest": version.digest,
        "previous": _in_force(),
        "source": version.source,
        "loosens": compared.loosens,
        "changes": compared.words,
    }


def _in_force() -> str:
    """The digest of the active row; empty while the built-in default counts."""
    return PolicyVersion.objects.filter(active=True).values_list("digest", flat=True).first() or ""


def _alone() -> None:
    """One change at a time; until the transaction's end."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def _reload() -> None:
    """This process sees the change at once, and again when it is committed."""
    current.forget()
    transaction.on_commit(current.forget)


def _require_role(person: User) -> None:
    role = role_of(person)
    if not person.is_active or role is None or role.rank < Role.APPROVER.rank:
        raise Forbidden(
            f"{person.get_username()} has not the role approver or admin, which a change of the"
            " policy needs"
        )


def _principal(person: User) -> Principal:
    return Principal(kind=ActorKind.USER, name=person.get_username())
