"""Endpoints on loopback, which is allow-listed here, and people who own them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

import pytest
from django.db.models.functions import Now
from standardwebhooks import Webhook

from governance.audit.sequence import sequence
from governance.types import ActorKind, Principal
from tests.stubs.receiver import Got, Receiver
from tickets.models import WebhookDelivery, WebhookEndpoint
from tickets.webhooks import endpoints, feed, pump
from tickets.webhooks.messages import NAMES

GRACE = Principal(kind=ActorKind.USER, name="grace")


@dataclass(frozen=True)
class Hook:
    """An endpoint with its receiver."""

    receiver: Receiver
    endpoint: WebhookEndpoint
    secret: str

    def verified(self, secret: str = "") -> list[dict[str, Any]]:
        """All that was received, each checked as its receiver would."""
        return [verified(got, secret or self.secret) for got in self.receiver.got]

    @property
    def ids(self) -> list[str]:
        return [got.headers["webhook-id"] for got in self.receiver.got]

    def rows(self) -> list[WebhookDelivery]:
        return list(self.endpoint.deliveries.order_by("seq", "id"))

    def pumped(self) -> Hook:
        """Deliver what is due, after whatever rest there is."""
        WebhookEndpoint.objects.update(rests_until=None)
        sequence()  # what a commit would have done
        pump.pump()
        self.endpoint.refresh_from_db()
        return self

    def time_passes(self) -> Hook:
        """The next retry is due, and a lease that was left behind has ended."""
        WebhookDelivery.objects.filter(state="pending").update(next_at=Now())
        WebhookEndpoint.objects.update(lease_until=None)
        return self.pumped()


def fed() -> None:
    """What happened so far has its deliveries."""
    sequence()
    feed.catch_up()


def verified(got: Got, secret: str) -> dict[str, Any]:
    """The message, if its signature holds. Raises WebhookVerificationError."""
    message: dict[str, Any] = Webhook(secret).verify(got.body, got.headers)
    assert message == json.loads(got.body)
    return message


@pytest.fixture(autouse=True)
def loopback_is_allowed(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing is delivered but by the test itself."""
    networks = (ip_network("127.0.0.1/32"),)
    settings.AURA = settings.AURA.model_copy(update={"outbound_allow": networks})
    monkeypatch.setattr(pump.hands, "wake", lambda: None)


@pytest.fixture
def hook(db: None) -> Callable[..., Hook]:
    """Makes an endpoint that is told of everything, unless said otherwise."""

    def make(receiver: Receiver, *events: str, path: str = "/hook") -> Hook:
        sequence()
        endpoint, secret = endpoints.create(
            url=receiver.url(path), events=events or NAMES, actor=GRACE
        )
        return Hook(receiver, endpoint, secret)

    return make
