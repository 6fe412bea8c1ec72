"""The deliveries as a queue: who may send, what came of it, when it is tried again.

An endpoint is claimed as a run is (`agents.runtime.claims`): by a token and a lease, in the
database, by its clock. Whoever is killed in the middle of an attempt leaves a delivery that is
due again when the lease has ended.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce, Now
from django.utils.timezone import now

from aura.kernel.deliveries import GONE, LEASE, Outcome, retry_after
from governance.audit.record import record
from governance.types import SYSTEM, Principal
from tickets.models import DeliveryState, WebhookDelivery, WebhookEndpoint

REST_MOST_S = 60.0
GIVE_UP = timedelta(hours=12)  # nothing got through for so long, and a message was given up

_FREE = Q(lease_until__isnull=True) | Q(lease_until__lte=Now())
_RESTED = Q(rests_until__isnull=True) | Q(rests_until__lte=Now())


def due(endpoint: Any) -> QuerySet[WebhookDelivery]:
    """What should be sent to an endpoint now."""
    return WebhookDelivery.objects.filter(
        endpoint=endpoint, state=DeliveryState.PENDING, next_at__lte=Now()
    )


def claimable() -> QuerySet[WebhookEndpoint]:
    """Endpoints that somebody should send to now; whoever waited longest first."""
    endpoints = WebhookEndpoint.objects.filter(_FREE, _RESTED, active=True)
    waiting = endpoints.filter(Exists(due(OuterRef("pk"))))
    return waiting.order_by(F("lease_until").asc(nulls_first=True), "pk")


def claim() -> WebhookEndpoint | None:
    """An endpoint, now the caller's alone; its `token` fences what the caller writes."""
    with transaction.atomic():
        endpoint = claimable().select_for_update(skip_locked=True).first()
        if endpoint is None:
            return None
        _mine(endpoint).update(token=F("token") + 1, lease_until=Now() + LEASE)
        endpoint.refresh_from_db()
    return endpoint


def begin(endpoint: WebhookEndpoint) -> WebhookDelivery | None:
    """The next delivery of a claimed endpoint, its attempt counted. None: nothing (left) to do."""
    with transaction.atomic():
        if not _mine(endpoint).filter(active=True).update(lease_until=Now() + LEASE):
            return None
        delivery = due(endpoint).order_by("seq", "id").select_for_update(skip_locked=True).first()
        if delivery is None:
            return None
        delivery.attempts += 1
        row = WebhookDelivery.objects.filter(pk=delivery.pk)
        row.update(attempts=delivery.attempts, next_at=Now() + LEASE)
    return delivery


def finish(endpoint: WebhookEndpoint, delivery: WebhookDelivery, outcome: Outcome) -> None:
    """Record what came of the attempt. What arrived counts even if the claim was lost meanwhile."""
    told: dict[str, Any] = {
        "status_code": outcome.status_code,
        "error": outcome.error,
        "response": outcome.response,
        "duration_ms": outcome.duration_ms,
    }
    with transaction.atomic():
        mine = _mine(endpoint).select_for_update().first()
        row = WebhookDelivery.objects.filter(pk=delivery.pk, state=DeliveryState.PENDING)
        if outcome.good:
            row.update(state=DeliveryState.DELIVERED, ended_at=now(), next_at=None, **told)
            _mine(endpoint).update(failures=0, failing_since=None, rests_until=None)
        elif mine is not None:
            _failed(mine, delivery, row, told)


def release(endpoint: WebhookEndpoint) -> None:
    """Let go of the endpoint; the next one to be claimed is one that waited longer."""
    _mine(endpoint).update(lease_until=Now())


def disable(endpoint: WebhookEndpoint, reason: str, *, actor: Principal) -> None:
    """Send no more until somebody enables it; call it in a transaction."""
    disabled = WebhookEndpoint.objects.filter(pk=endpoint.pk, active=True)
    if disabled.update(active=False, disabled_reason=reason):
        tell(endpoint, "webhook_updated", f"disabled: {reason}", actor=actor)


def tell(endpoint: WebhookEndpoint, event_type: str, what: str, *, actor: Principal) -> None:
    """Record something about an endpoint. Of its URL only the host: the path may be a secret."""
    host = urlsplit(endpoint.url).netloc
    data = {"endpoint": str(endpoint.pk), "host": host, "events": endpoint.events}
    record(event_type, actor=actor, action=f"webhook to {host}: {what}", data=data)


def _failed(
    endpoint: WebhookEndpoint,
    delivery: WebhookDelivery,
    row: QuerySet[WebhookDelivery],
    told: dict[str, Any],
) -> None:
    gone = told["status_code"] == GONE
    pause = None if gone else retry_after(delivery.attempts)
    if pause is None:
        row.update(state=DeliveryState.DEAD, ended_at=now(), next_at=None, **told)
    else:
        row.update(next_at=Now() + pause, **told)
    # A receiver that is down is asked less and less often, so that it costs nobody else's time.
    rest = timedelta(seconds=min(2.0 ** min(endpoint.failures, 10), REST_MOST_S))
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
        failures=F("failures") + 1,
        failing_since=Coalesce("failing_since", Now()),
        rests_until=Now() + rest,
    )
    since = endpoint.failing_since
    if gone:
        disable(endpoint, "the receiver answered 410 Gone", actor=SYSTEM)
    elif pause is None and since is not None and since < now() - GIVE_UP:
        disable(endpoint, f"nothing was delivered since {since:%Y-%m-%d %H:%M} UTC", actor=SYSTEM)


def _mine(endpoint: WebhookEndpoint) -> QuerySet[WebhookEndpoint]:
    return WebhookEndpoint.objects.filter(pk=endpoint.pk, token=endpoint.token)
