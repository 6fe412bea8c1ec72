"""That a bundle is made, told to the `callback_url` of the call: stored, signed, tried again.

Signed as Standard Webhooks says, with the secret of the installation (`manage.py callback_secret`).
"""

from __future__ import annotations

import json

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.utils.timezone import now

from agents.models import Incident
from aura.kernel import deliveries
from aura.kernel.deliveries import GONE, LEASE, Outcome, retry_after
from aura.kernel.hands import Hands
from governance.approvals.callbacks import secrets

THREADS = 2


def queue(incident: Incident) -> None:
    """Have the receiver told, where there is one; before the row is written."""
    if incident.callback_url:
        incident.callback_next_at = now()


def due() -> QuerySet[Incident]:
    return Incident.objects.filter(callback_next_at__lte=Now()).order_by("callback_next_at", "pk")


def pump() -> None:
    """Send what is due, until nothing is left that is not being sent already."""
    while not hands.stopping and (incident := _claim()):
        outcome = deliveries.attempt(
            incident.callback_url,
            message_id=f"incident-{incident.key}",
            body=json.dumps(incident.as_result(), ensure_ascii=False),
            secrets=secrets(),
        )
        _finish(incident, outcome)


hands = Hands("incident-callbacks", pump, threads=THREADS)


def _claim() -> Incident | None:
    """One that is due, its attempt counted; due again if we die before it has ended."""
    with transaction.atomic():
        incident = due().select_for_update(skip_locked=True).first()
        if incident is None:
            return None
        incident.callback_attempts += 1
        Incident.objects.filter(pk=incident.pk).update(
            callback_attempts=F("callback_attempts") + 1, callback_next_at=Now() + LEASE
        )
    return incident


def _finish(incident: Incident, outcome: Outcome) -> None:
    row = Incident.objects.filter(pk=incident.pk, callback_sent_at=None)
    if outcome.good:
        row.update(callback_sent_at=now(), callback_next_at=None, callback_error="")
        return
    error = outcome.error or f"status {outcome.status_code}: {outcome.response}"
    gone = outcome.status_code == GONE
    pause = None if gone else retry_after(incident.callback_attempts)
    row.update(callback_error=error, callback_next_at=Now() + pause if pause else None)
