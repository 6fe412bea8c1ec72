"""A bundle for each incident that secbot opens, and a newer one when it finds the same again after
the cooldown.

secbot does not know of agents: it writes its alert, and here, in the same transaction, the bundle
is asked for like any other call. The trace of that call is the incident's own key, which is how the
bundle finds back to it (`agents.incident.bundles`).
"""

from __future__ import annotations

import logging
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.signals import post_save

from agents.helpdesk import tasks
from agents.models import HelpdeskTask
from aura.kernel.errors import Problem
from governance.models import SecurityAlert, SecurityIncident
from governance.secbot.events import SECBOT
from governance.types import Principal

AGENT, TOOL = "incident_agent", "create_incident_bundle"
INFRA_KEY: Final = "security-incident"
LAYERS: Final = ("os", "storage")

logger = logging.getLogger(__name__)


def connect() -> None:
    """Listen. Called once, when the app is ready."""
    post_save.connect(ask_for_bundle, sender=SecurityAlert, dispatch_uid="agents.ask_for_bundle")


def ask_for_bundle(instance: SecurityAlert, *, created: bool, **_: Any) -> None:
    """An alert is of an incident: have a bundle made. Whatever happens, the alert stays."""
    incident = instance.incident
    if not created or incident is None:
        return
    said = f"Security alert: {instance.type} (event: {instance.event_key or '-'}"
    said += f", trace: {instance.trace_id or '-'})"
    try:
        with transaction.atomic():
            call_for_bundle(incident, description=said, by=SECBOT)
    except Problem as problem:
        logger.warning("no bundle for %s: %s", incident.key, problem.message)


def call_for_bundle(incident: SecurityIncident, *, description: str, by: Principal) -> HelpdeskTask:
    """Have a bundle made in somebody's name: the policy judges what they may read."""
    arguments = {"infra_key": INFRA_KEY, "description": description, "layers": list(LAYERS)}
    return tasks.call(AGENT, TOOL, arguments, by=by, trace_id=incident.key)


def calls_of(incident: SecurityIncident) -> QuerySet[HelpdeskTask]:
    """The tries to make its bundle, the first one first."""
    rows = HelpdeskTask.objects.filter(trace_id=incident.key, tool=TOOL)
    return rows.order_by("created_at", "pk")
