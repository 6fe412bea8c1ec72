"""Alerts and incidents are written: rows, and events of the log. Call within a transaction."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Final

from django.db import transaction
from django.utils.timezone import now

from aura.kernel.errors import NotFound, Problem
from governance import notices
from governance.audit.canonical import storable
from governance.audit.record import record
from governance.models import SecbotCursor, SecurityAlert, SecurityIncident
from governance.notices import Kind, Message
from governance.secbot.alerts import Alert
from governance.secbot.events import SECBOT
from governance.types import Principal

RAISED: Final = "security_alert"
RECORDED: Final = "security_incident_recorded"
BUNDLED: Final = "security_incident_bundled"
NO_BUNDLE: Final = "recorded, no bundle yet"

logger = logging.getLogger(__name__)


class AlreadyBundled(Problem):
    """The incident has another bundle."""

    code, status = "INCIDENT_BUNDLED", 409


def raise_alert(alert: Alert, cursor: SecbotCursor, *, cooldown: timedelta) -> SecurityAlert:
    """Write an alert; the first of its type and subject within `cooldown` opens an incident, or
    belongs to the one that is open still.

    The cursor is locked by the caller, who saves its counts.
    """
    incident, opens = _opened(alert, cursor, cooldown=cooldown)
    row = SecurityAlert.objects.create(
        type=alert.type,
        severity=alert.severity,
        subject=alert.subject,
        message=storable(alert.message),
        event_key=alert.event,
        trace_id=alert.trace_id,
        place=alert.place,
        at=alert.at,
        incident=incident,
    )
    count(cursor, "alerts", alert.type)
    said = _said(alert) | {"incidentId": incident.key if incident else None}
    if not opens:
        alike = SecurityAlert.objects.filter(type=alert.type, subject=alert.subject)
        since = incident.opened_at if incident else alert.at - cooldown
        said["repeats"] = alike.filter(at__gte=since).count() - 1
    _tell(RAISED, alert, said)
    if incident is not None and opens:
        _tell(RECORDED, alert, _said(alert) | {"incidentId": incident.key, "note": incident.note})
        notices.tell(_notice(alert, incident))
    level = logging.ERROR if alert.severity == "critical" else logging.WARNING
    words = "secbot: %s %s: %s"
    transaction.on_commit(
        partial(logger.log, level, words, alert.type, alert.subject, alert.message)
    )
    return row


def count(cursor: SecbotCursor, name: str, label: str = "", *, by: int = 1) -> None:
    """Count in the cursor's row, which is what /metrics shows."""
    if label:
        labelled = cursor.counts.setdefault(name, {})
        labelled[label] = labelled.get(label, 0) + by
    else:
        cursor.counts[name] = cursor.counts.get(name, 0) + by


def keep_bundle(key: str, bundle: Mapping[str, Any], *, by: Principal) -> SecurityIncident:
    """The diagnostic bundle of an incident is there: what the incident agent says of it.

    The same may be said twice. Raises `NotFound`, and `AlreadyBundled` for another one.
    """
    said = storable(dict(bundle))
    with transaction.atomic():
        rows = SecurityIncident.objects.select_for_update()
        incident = rows.filter(key=storable(key)).first()
        if incident is None:
            raise NotFound("incident not found")
        if incident.bundle is not None:
            if incident.bundle != said:
                raise AlreadyBundled(f"incident {incident.key} has its bundle already")
            return incident
        incident.status = SecurityIncident.Status.BUNDLED
        incident.bundle, incident.bundled_at, incident.note = said, now(), ""
        incident.save(update_fields=["status", "bundle", "bundled_at", "note"])
        payload = {"incidentId": incident.key, "bundle": said}
        record(BUNDLED, actor=by, action=incident.type, data={"payload": payload})
    return incident


def _opened(
    alert: Alert, cursor: SecbotCursor, *, cooldown: timedelta
) -> tuple[SecurityIncident | None, bool]:
    """(the incident that it belongs to, whether it opens it); none within the cooldown of one."""
    same = SecurityIncident.objects.filter(type=alert.type, subject=alert.subject)
    newest = same.order_by("-opened_at", "-pk")
    latest = newest.first()
    if latest is not None and latest.alerts.filter(at__gt=alert.at - cooldown).exists():
        count(cursor, "skipped", "cooldown")
        return None, False
    count(cursor, "created")
    if (still := newest.filter(closed_at=None).first()) is not None:
        return still, False
    return SecurityIncident.objects.create(
        type=alert.type, subject=alert.subject, note=NO_BUNDLE, opened_at=alert.at
    ), True


def _notice(alert: Alert, incident: SecurityIncident) -> Message:
    critical = alert.severity == "critical"
    return Message(
        key=incident.key,
        kind=Kind.INCIDENT,
        head="SECURITY INCIDENT",
        what=f"{alert.type} - {alert.subject}",
        lines=[alert.message, f"severity: {alert.severity}"],
        page=f"/admin/governance/securityincident/{incident.pk}/change/",
        priority=notices.URGENT if critical else notices.HIGH,
        tags=["rotating_light"],
    )


def _said(alert: Alert) -> dict[str, Any]:
    return {
        "type": alert.type,
        "severity": alert.severity,
        "subject": alert.subject,
        "message": alert.message,
        "event": alert.event,
        "place": alert.place,
    }


def _tell(kind: str, alert: Alert, payload: dict[str, Any]) -> None:
    record(
        kind,
        actor=SECBOT,
        action=alert.type,
        trace_id=alert.trace_id,
        data={"reasoning": alert.message, "payload": payload},
    )
