"""One attempt to deliver, in the endpoint's name: with its secrets."""

from __future__ import annotations

from secrets import token_bytes

from django.utils.timezone import now

from aura.kernel import deliveries
from aura.kernel.deliveries import Outcome, secret_of
from aura.kernel.sealing import Unreadable, unseal
from tickets.models import WebhookDelivery, WebhookEndpoint

KEY_BYTES = 32


def new_secret() -> str:
    """A fresh signing secret, `whsec_…`."""
    return secret_of(token_bytes(KEY_BYTES))


def attempt(endpoint: WebhookEndpoint, delivery: WebhookDelivery) -> Outcome:
    """Send one message. Whatever happens is the outcome; call it outside any transaction."""
    try:
        secrets = _secrets(endpoint)
    except Unreadable as error:
        return Outcome(error=f"The signing secret cannot be read ({error}): rotate it")
    return deliveries.attempt(
        endpoint.url, message_id=delivery.message_id, body=delivery.body, secrets=secrets
    )


def _secrets(endpoint: WebhookEndpoint) -> list[str]:
    """The secret, and the one before it while both hold."""
    secrets = [unseal(endpoint.secret)]
    if endpoint.old_secret_until is not None and endpoint.old_secret_until > now():
        secrets.append(unseal(endpoint.old_secret))
    return secrets
