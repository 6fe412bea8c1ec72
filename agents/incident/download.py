"""Handing an archive out: what is handed out is told in the log, and is what was written."""

from __future__ import annotations

import hashlib
import os
import socket
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.db import transaction

from agents.incident.archive import SUFFIX
from agents.models import Incident
from aura.config import Settings
from aura.kernel.errors import NotFound, Problem
from governance.audit.record import record
from governance.types import Principal

DOWNLOADED = "incident_downloaded"


class Changed(Problem):
    """The archive is not what was written."""

    code, status = "INCIDENT_CHANGED", 409


def take(incident: Incident, *, by: Principal) -> bytes:
    """The archive, for this person. Raises `NotFound`, and `Changed` for another one."""
    data = _read(incident)
    if hashlib.sha256(data).hexdigest() != incident.sha256:
        raise Changed(f"the archive of {incident.key} was changed since it was written")
    with transaction.atomic():
        payload = {"incidentId": incident.key, "path": incident.path, "sha256": incident.sha256}
        record(
            DOWNLOADED,
            actor=by,
            action=incident.key,
            trace_id=incident.trace_id,
            data={"payload": payload},
        )
    return data


def _read(incident: Incident) -> bytes:
    """The file that the row means, wherever the directory has been moved to since."""
    config: Settings = settings.AURA
    for path in (config.incidents / f"{incident.name}{SUFFIX}", Path(incident.path)):
        with suppress(OSError):
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
            with os.fdopen(handle, "rb") as file:
                return file.read(incident.size + 1)
    here = socket.gethostname()
    raise NotFound(
        f"the archive is not on this machine ({here}): it was written on {incident.host}"
        f" as {incident.path}"
    )
