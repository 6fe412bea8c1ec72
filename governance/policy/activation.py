"""How a policy document comes into force: kept as a row, compared, activated, told to the log.

One that loosens what is in force, in whatever way, waits until a second person confirms it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.timezone import now

from aura.kernel.errors import Forbidden, Problem
from governance.audit.record import record
from governance.inventory import Inventory
from governance.models import PolicyVersion
from governance.policy import current, deciders, rows, seals
from governance.policy.comparison import Comparison, compare
from governance.policy.diff import Change
from governance.policy.loader import load
from governance.policy.rows import principal_of
from governance.types import SYSTEM, Principal

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


def propose(
    version: PolicyVersion, *, by: User, lost_key: bool = False, over: str | None = None
) -> Activation:
    """Activate a version, or have it wait when it loosens anything.

    `lost_key`: the AURA_SECRET_KEY of the activations in the log is gone for good. `over`: what was
    in force when the person read of it, as `in_force` names it; None: whatever is. Raises
    `Forbidden` for somebody without the role of an approver, `PolicyNotActivated`.
    """
    deciders.require_role(by)
    if not lost_key and seals.stranger():
        raise PolicyNotActivated(
            f"{current.STRANGER}: run this with the settings of the server; where that key is lost,"
            " with --lost-key"
        )
    return _propose(version, by=principal_of(by), confirmed_by_nobody=False, over=over)


def confirm(version: PolicyVersion, *, by: User, over: str | None = None) -> Activation:
    """The second person's yes to a version that waits; `over` as in `propose`.

    Raises `Forbidden`, `PolicyNotActivated`.
    """
    deciders.require_role(by)
    with transaction.atomic():
        rows.alone()
        _waits(version, over)
        if deciders.proposed_by(version, by):
            raise Forbidden(f"{by.get_username()} proposed {version}; another person confirms it")
        if version.proposed_over != rows.active():
            raise PolicyNotActivated(
                f"the policy in force has changed since {version} was proposed; propose it again"
            )
        if not seals.proposed(version.digest, version.proposed_by, version.proposed_over):
            raise PolicyNotActivated(
                f"nobody is known to have proposed {version} as the database says; propose it again"
            )
        compared = _compared(version)
        rows.make_active(version, by=principal_of(by), compared=compared, confirmed=True)
    return Activation(
        version=version, active=True, changes=compared.changes, unknown=compared.unknown
    )


def refuse(version: PolicyVersion, *, by: User, reason: str, over: str | None = None) -> None:
    """End the wait of a version: the second person's no, or the first one's change of mind.

    `over` as in `propose`. Raises `Forbidden`, `PolicyNotActivated`.
    """
    deciders.require_role(by)
    with transaction.atomic():
        rows.alone()
        _waits(version, over)
        version.waiting = False
        version.save(update_fields=["waiting"])
        payload = {
            "digest": version.digest,
            "previous": version.proposed_over,
            "source": version.source,
            "proposedBy": version.proposed_by,
            "refusedBy": str(principal_of(by)),
            "reason": reason,
        }
        record(
            seals.REFUSED,
            actor=principal_of(by),
            action=f"policy {version.digest[:12]}",
            data={"payload": payload},
        )


def at_start(path: Path, *, inventory: Inventory | None) -> str:
    """Bring the file of the settings into force; the answer is what a person should be told.

    The first policy of an installation needs nobody's yes, and what somebody refused is not asked
    for again while the same policy is in force. Raises `PolicyRefused`.
    """
    version = keep(
        path.read_text(encoding="utf-8"), source=str(path), by=SYSTEM, inventory=inventory
    )
    if current.in_force(version):
        return ""
    if seals.stranger():
        return _denied_until()
    if said_no := seals.refused_by(version.digest, rows.active()):
        return (
            f"{path} was refused by {said_no}, and the policy in force stays; to propose it again:"
            f" `manage.py policy activate {version.digest[:12]} --by NAME`"
        )
    first = not any(seals.payloads(seals.ACTIVATED))
    if _propose(version, by=SYSTEM, confirmed_by_nobody=first).active:
        return ""
    return (
        f"{path} loosens the policy in force, which therefore stays: see `manage.py policy diff"
        f" {path}`; a person with the role approver or admin confirms the change at"
        f" {deciders.page_of(version)} or with `manage.py policy activate {version.digest[:12]}"
        " --confirm NAME`"
    )


def put_seal_in_place() -> str:
    """At a start: seal what an older version, or another key, brought into force.

    It happens once: what is written into the log later without a seal is never believed. The answer
    is what a person should be told, or nothing.
    """
    with transaction.atomic():
        rows.alone()
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
        rows.reload()
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
    deciders.require_role(by)
    with transaction.atomic():
        rows.alone()
        before = PolicyVersion.objects.filter(shadow=True)
        ended = before.values_list("digest", flat=True).first() or ""
        before.update(shadow=False, shadow_since=None)
        if version is not None:
            PolicyVersion.objects.filter(pk=version.pk).update(shadow=True, shadow_since=now())
        record(
            SHADOWED,
            actor=principal_of(by),
            action=f"shadow policy {version or 'none'}",
            data={"payload": {"digest": version.digest if version else "", "ended": ended}},
        )
        rows.reload()


def in_force() -> str:
    """What counts now, as people decide over it: the digest of the active row, or `built-in`."""
    return rows.active() or current.BUILT_IN


def _propose(
    version: PolicyVersion, *, by: Principal, confirmed_by_nobody: bool, over: str | None = None
) -> Activation:
    with transaction.atomic():
        rows.alone()
        version.refresh_from_db()
        _as_read(over)
        if current.in_force(version):
            raise PolicyNotActivated(f"{version} is in force already")
        compared = _compared(version)
        if confirmed_by_nobody or not compared.loosens:
            rows.make_active(version, by=by, compared=compared, confirmed=False)
            return Activation(version=version, active=True, changes=compared.changes)
        rows.wait(version, by=by, compared=compared)
    return Activation(
        version=version, active=False, changes=compared.changes, unknown=compared.unknown
    )


def _compared(version: PolicyVersion) -> Comparison:
    current.forget()
    return compare(current.policy().document, load(version.text, version.source))


def _waits(version: PolicyVersion, over: str | None) -> None:
    """It waits, over what the person read of. Raises `PolicyNotActivated`."""
    _as_read(over)
    version.refresh_from_db()
    if not version.waiting:
        raise PolicyNotActivated(f"{version} does not wait for a second person")


def _as_read(over: str | None) -> None:
    if over is not None and over != in_force():
        raise PolicyNotActivated(
            "the policy in force has changed since this was shown, so nothing was decided"
        )
