"""Reads the log into deliveries. A place of the log is looked at once for each endpoint."""

from __future__ import annotations

import logging
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from governance.models import AuditLink
from tickets.models import WebhookDelivery, WebhookEndpoint
from tickets.webhooks.messages import EVENTS, Message, messages

PAGE = 200

logger = logging.getLogger(__name__)


def head() -> int:
    """The last place of the log."""
    return AuditLink.objects.aggregate(last=Max("seq"))["last"] or 0


def behind() -> list[UUID]:
    """Active endpoints that have not seen the whole log."""
    found = WebhookEndpoint.objects.filter(active=True, cursor__lt=head())
    return list(found.values_list("pk", flat=True))


def catch_up() -> None:
    """Turn what happened since into deliveries, for every active endpoint."""
    for endpoint_id in behind():
        while _page(endpoint_id):
            pass


def _page(endpoint_id: UUID) -> bool:
    """One stretch of the log, rows and cursor in one commit. True when more lies behind it."""
    with transaction.atomic():
        endpoint = WebhookEndpoint.objects.select_for_update().filter(pk=endpoint_id).first()
        if endpoint is None or not endpoint.active:
            return False
        last = head()
        links = AuditLink.objects.filter(seq__gt=endpoint.cursor, seq__lte=last)
        rows = list(
            links.filter(event__type__in=EVENTS)
            .order_by("seq")
            .values_list("seq", "event__body")[:PAGE]
        )
        WebhookDelivery.objects.bulk_create(
            (delivery(endpoint, seq, m) for seq, body in rows for m in _of(endpoint, seq, body)),
            ignore_conflicts=True,
        )
        more = len(rows) == PAGE
        cursor = rows[-1][0] if more else last
        WebhookEndpoint.objects.filter(pk=endpoint_id).update(cursor=cursor)
    return more


def delivery(endpoint: WebhookEndpoint, seq: int, message: Message) -> WebhookDelivery:
    """The row of a message for an endpoint, due at once."""
    return WebhookDelivery(
        endpoint=endpoint,
        seq=seq,
        message_id=message.id,
        kind=message.kind,
        ticket_id=message.ticket_id,
        body=message.body,
    )


def _of(endpoint: WebhookEndpoint, seq: int, body: bytes | memoryview) -> list[Message]:
    try:
        return messages(seq, body, wanted=endpoint.events)
    except (ValueError, LookupError, TypeError, AttributeError):
        logger.exception("place %d of the log cannot be told to webhooks", seq)
        return []
