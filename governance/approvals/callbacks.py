"""The end of a request, told to the `callback_url` it came with: stored, signed, tried again.

As webhooks are (Standard Webhooks, `aura.kernel.deliveries`), with one secret for the whole
installation: `manage.py callback_secret` prints it. One message for each end; all attempts at it
carry the same `webhook-id`, and one may arrive twice when a worker dies in the middle of it.
"""

from __future__ import annotations

import json
from http.client import OK

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils.timezone import now

from aura.kernel import deliveries
from aura.kernel.deliveries import GONE, LEASE, Outcome, retry_after, secret_of
from aura.kernel.hands import Hands
from aura.kernel.ids import iso
from aura.kernel.secrets import redact
from governance.approvals import notices
from governance.models import Approval, ApprovalCallback

THREADS = 4
LEFT_OVER = "email"  # a channel of the release before, whose processes write it during an upgrade


def queue(approval: Approval) -> None:
    """Have its receiver told how the request stands; in the transaction that moved it."""
    if not approval.callback_url:
        return
    assert approval.decided_at is not None  # noqa: S101 - it has just been moved; for the types
    body = {
        "approval_id": approval.key,
        "status": approval.status,
        "resolved_by": approval.decided_by,
        "resolved_at": iso(approval.decided_at),
        "resolution_reason": redact(approval.decision_reason),
    }
    if approval.valid_until is not None:
        body["valid_until"] = iso(approval.valid_until)
    ApprovalCallback.objects.create(
        approval=approval,
        message_id=f"{approval.key}-{approval.status}",
        body=json.dumps(body, separators=(",", ":")),
    )


def secrets() -> list[str]:
    """The signing secret, and those of older secret keys that still count."""
    return [_derived(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]


def due() -> QuerySet[ApprovalCallback]:
    return ApprovalCallback.objects.filter(next_at__lte=Now()).order_by("next_at", "pk")


def pump() -> None:
    """Send what is due, until nothing is left that is not being sent already."""
    while not hands.stopping and (callback := _claim()):
        if due().exists():
            hands.wake()
        _finish(callback, _attempt(callback))


hands = Hands("callbacks", pump, threads=THREADS)


def _attempt(callback: ApprovalCallback) -> Outcome:
    if callback.channel == LEFT_OVER:
        notices.tell_as_it_stands(callback.approval)
        return Outcome(status_code=OK)
    url = callback.approval.callback_url
    if callback.channel == ApprovalCallback.Channel.WEBHOOK:
        url = settings.AURA.approval_webhook
    if not url:  # the setting was taken away
        return Outcome(status_code=GONE, response="nobody is to be told any more")
    return deliveries.attempt(
        url, message_id=callback.message_id, body=callback.body, secrets=secrets()
    )


def _claim() -> ApprovalCallback | None:
    """A message that is due, its attempt counted; due again if we die before it has ended."""
    with transaction.atomic():
        rows = due().select_for_update(of=("self",), skip_locked=True)
        callback = rows.select_related("approval").first()
        if callback is None:
            return None
        callback.attempts += 1
        ApprovalCallback.objects.filter(pk=callback.pk).update(
            attempts=callback.attempts, next_at=Now() + LEASE
        )
    return callback


def _finish(callback: ApprovalCallback, outcome: Outcome) -> None:
    error = outcome.error or ("" if outcome.good else outcome.response)
    row = ApprovalCallback.objects.filter(pk=callback.pk, sent_at__isnull=True)
    told = {"status_code": outcome.status_code, "error": error}
    pause = None if outcome.status_code == GONE else retry_after(callback.attempts)
    with transaction.atomic():
        if outcome.good:
            moment = now()
            row.update(sent_at=moment, next_at=None, **told)
            if callback.channel == ApprovalCallback.Channel.CALLBACK:
                approval = Approval.objects.filter(pk=callback.approval_id)
                approval.update(callback_sent_at=moment)
        elif pause is None:
            row.update(next_at=None, **told)
        else:
            row.update(next_at=Now() + pause, **told)


def _derived(secret_key: str) -> str:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"governance.approvals.callbacks")
    return secret_of(derived.derive(secret_key.encode()))
