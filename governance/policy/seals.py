"""Activations, bound to a key that is not in the database: AURA_SECRET_KEY.

Each is an event with a number, one more than the last, and an HMAC-SHA256 over both. So neither who
can write the tables makes one, nor does an old one count again that is written a second time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aura.kernel import sealing
from governance.audit.record import data_of
from governance.models import AuditEvent

ACTIVATED, SEALED, PROPOSED = "policy_activated", "policy_sealed", "policy_proposed"
REFUSED = "policy_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What was activated `number`th; `stale`: under a key that was rotated meanwhile."""

    number: int
    digest: str
    stale: bool


def numbered(digest: str) -> dict[str, Any]:
    """What the next activation's payload says beside the rest; inside the lock of activations."""
    last = newest()
    number = last.number + 1 if last else 1
    return {"number": number, "seal": sealing.signature(ACTIVATED, number, digest)}


def of_proposal(digest: str, by: str, over: str) -> str:
    """The seal of a proposal: of what, by whom, and over which version then in force."""
    return sealing.signature(PROPOSED, digest, by, over)


def newest() -> Sealed | None:
    """The last activation with a seal of ours; None: there is none."""
    return max(_valid(), key=lambda one: one.number, default=None)


def any_there() -> bool:
    """Does any activation claim to have a seal, whoever made it?"""
    return any("seal" in payload for payload in payloads(ACTIVATED, SEALED))


def stranger() -> bool:
    """Are there seals, and is none ours? Then the key is another one, or they are forged."""
    return newest() is None and any_there()


def proposed(digest: str, by: str, over: str) -> bool:
    """Was it proposed by this person, over the version then in force, and not refused since?"""
    for payload in _words_on(digest, over):
        if "refusedBy" in payload:
            return False
        if sealing.signed(payload.get("seal"), PROPOSED, digest, by, over):
            return True
    return False


def refused_by(digest: str, over: str) -> str:
    """Who said the last word on it, where that was a no; else empty."""
    return str(next(_words_on(digest, over), {}).get("refusedBy", ""))


def _words_on(digest: str, over: str) -> Iterator[dict[str, Any]]:
    """What was said of this version while that one was in force, the last first."""
    for payload in payloads(PROPOSED, REFUSED):
        if (payload.get("digest"), payload.get("previous")) == (digest, over):
            yield payload


def payloads(*types: str) -> Iterator[dict[str, Any]]:
    """Of the events of these types, the last first; what is none of ours is passed over."""
    events = AuditEvent.objects.filter(type__in=types).order_by("-id")
    for body in events.values_list("body", flat=True).iterator():
        try:
            payload = data_of(body)["data"]["payload"]
        except (ValueError, KeyError, TypeError):
            continue
        if isinstance(payload, dict):
            yield payload


def _valid() -> Iterator[Sealed]:
    for payload in payloads(ACTIVATED, SEALED):
        number, digest, given = (payload.get(key) for key in ("number", "digest", "seal"))
        if isinstance(number, int) and isinstance(digest, str):
            said = (ACTIVATED, number, digest)
            if sealing.signed(given, *said):
                stale = not sealing.signed(given, *said, formerly=False)
                yield Sealed(number=number, digest=digest, stale=stale)
