"""What the log tells of the policy's versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from governance.audit.record import data_of
from governance.models import AuditEvent
from governance.policy import seals
from governance.policy.activation import SHADOWED

LOOKED_AT: Final = 500  # of the last events; there are as many as changes of the policy
SHOWN: Final = 30
TYPES: Final = (seals.PROPOSED, seals.ACTIVATED, seals.SEALED, seals.REFUSED, SHADOWED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One event: `what` was done with the version, by `who`, and why."""

    event: AuditEvent
    what: str
    who: str
    version: str = ""
    reason: str = ""
    changes: Sequence[str] = ()


def history(digest: str = "") -> list[Told]:
    """The last events of a version, or of all; newest first."""
    events = AuditEvent.objects.filter(type__in=TYPES).order_by("-recorded_at", "-id")
    found = []
    for event in events[:LOOKED_AT]:
        told = _told(event)
        if told is None or (digest and digest not in _about(_payload(event))):
            continue
        found.append(told)
    return found[:SHOWN]


def _about(payload: Mapping[str, Any]) -> tuple[Any, ...]:
    return payload.get("digest"), payload.get("ended")


def _told(event: AuditEvent) -> Told | None:
    payload = _payload(event)
    if not payload:
        return None
    changes = payload.get("changes")
    return Told(
        event=event,
        what=_what(event.type, payload),
        who=" ".join(dict.fromkeys((event.actor, event.actor_name))),  # not "system system"
        version=f"{payload.get('source', '')} {str(payload.get('digest', ''))[:12]}".strip(),
        reason=str(payload.get("reason", "")),
        changes=[str(one) for one in changes] if isinstance(changes, list) else (),
    )


def _payload(event: AuditEvent) -> dict[str, Any]:
    """Empty where it is none of ours."""
    try:
        payload = data_of(event.body)["data"]["payload"]
    except (ValueError, KeyError, TypeError):
        return {}
    return payload if isinstance(payload, dict) else {}


def _what(type_: str, payload: Mapping[str, Any]) -> str:
    if type_ == seals.PROPOSED:
        return "proposed; it loosens, and waits for a second person"
    if type_ == seals.ACTIVATED:
        second = payload.get("confirmedBy")
        return f"in force, proposed by {payload.get('proposedBy')}" if second else "in force"
    if type_ == seals.SEALED:
        return "in force; signed again"
    if type_ == seals.REFUSED:
        own = payload.get("refusedBy") == payload.get("proposedBy")
        return "withdrawn" if own else f"refused, proposed by {payload.get('proposedBy')}"
    return "the candidate" if payload.get("digest") else "not the candidate any more"
