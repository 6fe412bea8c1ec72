"""One attempt to deliver: signed as Standard Webhooks says, sent through the guard."""

from __future__ import annotations

import time
from base64 import b64encode
from secrets import token_bytes

from django.utils.timezone import now
from standardwebhooks import Webhook

from aura.config import VERSION
from aura.kernel import outbound
from aura.kernel.outbound import Failed, NotAllowed
from aura.kernel.sealing import Unreadable, unseal
from aura.kernel.secrets import redact
from aura.kernel.telemetry import metrics
from tickets.models import WebhookDelivery, WebhookEndpoint
from tickets.webhooks.queue import Outcome

PREFIX = "whsec_"
KEY_BYTES = 32
RESPONSE_CHARS = 1000


def new_secret() -> str:
    """A fresh signing secret, `whsec_…`."""
    return PREFIX + b64encode(token_bytes(KEY_BYTES)).decode()


def attempt(endpoint: WebhookEndpoint, delivery: WebhookDelivery) -> Outcome:
    """Send one message. Whatever happens is the outcome; call it outside any transaction."""
    began = time.monotonic()
    outcome = _attempt(endpoint, delivery, began)
    kind = "failed" if outcome.error else "delivered" if outcome.good else "refused"
    metrics.WEBHOOK_SECONDS.labels(kind).observe(time.monotonic() - began)
    return outcome


def _attempt(endpoint: WebhookEndpoint, delivery: WebhookDelivery, began: float) -> Outcome:
    try:
        headers = signed(endpoint, delivery.message_id, delivery.body)
        answer = outbound.post(endpoint.url, delivery.body.encode(), headers)
    except Unreadable as error:
        return Outcome(error=f"The signing secret cannot be read ({error}): rotate it")
    except NotAllowed as refusal:
        return Outcome(error=refusal.message)
    except Failed as failure:
        return Outcome(error=str(failure), duration_ms=_since(began))
    text = answer.body[: 4 * RESPONSE_CHARS].decode(errors="replace").replace("\0", "�")
    return Outcome(
        status_code=answer.status,
        response=redact(text)[:RESPONSE_CHARS],
        duration_ms=_since(began),
    )


def signed(endpoint: WebhookEndpoint, message_id: str, body: str) -> dict[str, str]:
    """The headers of an attempt made now. Raises `Unreadable`."""
    moment = now()
    signatures = [Webhook(s).sign(message_id, moment, body) for s in _secrets(endpoint)]
    return {
        "content-type": "application/json",
        "user-agent": f"Aura/{VERSION}",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _secrets(endpoint: WebhookEndpoint) -> list[str]:
    """The secret, and the one before it while both hold."""
    secrets = [unseal(endpoint.secret)]
    if endpoint.old_secret_until is not None and endpoint.old_secret_until > now():
        secrets.append(unseal(endpoint.old_secret))
    return secrets


def _since(began: float) -> int:
    return int((time.monotonic() - began) * 1000)
