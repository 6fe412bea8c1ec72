"""Making a bundle: whatever cannot be read, there is one, and it says what is missing from it."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from secrets import token_hex
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.timezone import now

from agents.incident import archive, callbacks, gathering
from agents.incident.gathering import Taken
from agents.incident.ours import know_our_secrets
from agents.incident.targets import Targets
from agents.models import Incident
from agents.runtime.tool import CallContext
from aura.config import Settings
from aura.kernel.ids import iso
from aura.kernel.outbound import NotAllowed, parse
from aura.kernel.secrets import redact
from governance.audit.canonical import storable
from governance.audit.record import record
from governance.models import SecurityIncident
from governance.secbot import incidents
from governance.secbot.events import SECBOT
from governance.types import About, ActorKind, Principal

AGENT = "incident_agent"
CREATED = "incident_created"


def create(
    targets: Targets,
    *,
    infra_key: str,
    description: str,
    callback_url: str,
    context: CallContext,
) -> Incident:
    """Gather, write, and make it known. Raises `archive.NotWritten`; the same call makes one only.

    Runs outside any transaction, for `gathering.BUNDLE_S` seconds at most.
    """
    made = Incident.objects.filter(call=UUID(context.call_id)).first()
    if made is not None:
        return made
    know_our_secrets(settings.AURA)
    problem = _callback_problem(callback_url)
    incident = Incident(
        key=_free_key(),
        call=UUID(context.call_id),
        trace_id=context.trace_id,
        asked_by=str(context.principal)[:200],
        infra_key=storable(redact(infra_key)),
        description=storable(redact(description)),
        layers=[str(layer) for layer in targets.layers()],
        host=socket.gethostname()[:255],
        created_at=now(),
        callback_url="" if problem else callback_url,
    )
    taken = gathering.gather(targets.items(context))
    incident.errors = storable(
        [*targets.missing(), *(one.error for one in taken if one.error), *problem]
    )
    _write(incident, taken)
    _save(incident, context)
    return incident


def manifest(incident: Incident) -> str:
    """`manifest.json` (behaviour §4.4)."""
    errors = {"errors": incident.errors} if incident.errors else {}
    said = {
        "incident_id": incident.key,
        "infra_key": incident.infra_key,
        "description": incident.description,
        "timestamp": iso(incident.created_at),
        "layers": incident.layers,
        **errors,
    }
    return json.dumps(said, indent=2, ensure_ascii=False) + "\n"


def _write(incident: Incident, taken: Sequence[Taken]) -> None:
    files = {"manifest.json": manifest(incident), **{one.path: one.text for one in taken}}
    if incident.errors:
        files["errors.txt"] = "\n".join(incident.errors) + "\n"
    config: Settings = settings.AURA
    written = archive.write(config.incidents, incident.name, files, at=incident.created_at)
    incident.path, incident.size, incident.sha256 = str(written.path), written.size, written.sha256


def _save(incident: Incident, context: CallContext) -> None:
    """The row and its event, together; the receiver is told after them."""
    with transaction.atomic():
        callbacks.queue(incident)
        incident.save(force_insert=True)
        record(
            CREATED,
            actor=context.principal,
            action="create_incident_bundle",
            trace_id=context.trace_id,
            data={"payload": {**incident.as_result(), "sha256": incident.sha256}},
            about=About(agent=AGENT),
        )
        _hand_over(incident, context.principal)
        transaction.on_commit(callbacks.hands.wake)


def _callback_problem(url: str) -> list[str]:
    """Why nobody will be told; the bundle is made all the same."""
    if not url:
        return []
    try:
        parse(url)
    except NotAllowed as refusal:
        return [f"callback: {refusal.message}"]
    return []


def _free_key() -> str:
    """8 hexadecimal digits that no bundle has."""
    while True:
        key = token_hex(4)
        if not Incident.objects.filter(key=key).exists():
            return key


def _hand_over(incident: Incident, principal: Principal) -> None:
    """The bundle of an incident of secbot, whose key is the trace, is made: it is told so."""
    if principal != SECBOT or not SecurityIncident.objects.filter(key=incident.trace_id).exists():
        return
    agent = Principal(kind=ActorKind.AGENT, name=AGENT)
    try:
        with transaction.atomic():
            incidents.keep_bundle(incident.trace_id, incident.as_result(), by=agent)
    except incidents.AlreadyBundled:
        pass  # it is open for longer than a cooldown; its page lists what was made since
