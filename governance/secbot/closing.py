"""Closing an incident: a person says what became of it, and the log keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils.timezone import now

from aura.kernel.errors import Forbidden, NotFound, Problem, ValidationFailed
from governance.audit.canonical import storable
from governance.audit.record import record
from governance.models import SecurityIncident
from governance.types import Principal, folded

CLOSED: Final = "security_incident_closed"
ALIKE_MOST: Final = 500  # closed along with one


class AlreadyClosed(Problem):
    """Somebody was quicker."""

    code, status = "INCIDENT_CLOSED", 409


def about(incident: SecurityIncident, name: str) -> bool:
    """Whether the incident is about this person: then somebody else must close it."""
    return folded(incident.subject) == folded(f"user:{name}")


def close(
    incident_id: int, *, by: Principal, reason: str, alike: bool = False
) -> list[SecurityIncident]:
    """Close an incident, and with `alike` all others of its type and subject that are open.

    Raises `ValidationFailed` without a reason, `NotFound`, `AlreadyClosed`, and `Forbidden` for
    whom it is about.
    """
    reason = str(storable(reason)).strip()
    if not reason:
        raise ValidationFailed("Say what became of it", details={"reason": ["is required"]})
    with transaction.atomic():
        incident, others = _held(incident_id, alike=alike)
        if incident.closed_at is not None:
            raise AlreadyClosed(f"It was closed by {incident.closed_by} already")
        if about(incident, by.name):
            raise Forbidden("Somebody else must close it: it is about you")
        for one in (incident, *others):
            _close(one, by=by, reason=reason)
    return [incident, *others]


def _held(incident_id: int, *, alike: bool) -> tuple[SecurityIncident, Sequence[SecurityIncident]]:
    """The incident, and with `alike` the others that are open, each locked.

    In the order of their ids, so that two who begin at different ones do not wait for each other.
    """
    found = SecurityIncident.objects.filter(pk=incident_id).first()
    if found is None:
        raise NotFound("There is no such incident")
    chosen = [found.pk]
    if alike:
        chosen += others_open(found).values_list("pk", flat=True)[:ALIKE_MOST]
    locked = SecurityIncident.objects.filter(pk__in=chosen).order_by("pk").select_for_update()
    rows = {row.pk: row for row in locked}
    incident = rows.pop(found.pk)
    return incident, [row for row in rows.values() if row.closed_at is None]


def others_open(incident: SecurityIncident) -> QuerySet[SecurityIncident]:
    """Open incidents of the same type about the same subject."""
    same = SecurityIncident.objects.filter(type=incident.type, subject=incident.subject)
    return same.filter(closed_at=None).exclude(pk=incident.pk).order_by("pk")


def _close(incident: SecurityIncident, *, by: Principal, reason: str) -> None:
    incident.closed_by, incident.closed_at = by.name[:150], now()
    incident.close_reason = reason
    incident.save(update_fields=["closed_by", "closed_at", "close_reason"])
    payload = {
        "incidentId": incident.key,
        "type": incident.type,
        "subject": incident.subject,
    }
    data = {"reasoning": reason, "payload": payload}
    record(CLOSED, actor=by, action=incident.type, data=data)
