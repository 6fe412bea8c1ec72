"""What the console's first page shows."""

from __future__ import annotations

from typing import Any

from django import template
from django.db.models import QuerySet

from governance.models import AuditEvent
from tickets.admin import words
from tickets.admin.timeline import Entry, entry
from tickets.models import WebhookEndpoint

register = template.Library()

LATEST = 12


@register.simple_tag
def latest_events() -> list[Entry]:
    """The newest events of the log, turns left out."""
    told = AuditEvent.objects.exclude(type__in=["turn_started", "turn_completed"])
    return [entry(event) for event in told.order_by("-recorded_at", "-id")[:LATEST]]


@register.simple_tag
def disabled_webhooks() -> QuerySet[WebhookEndpoint]:
    """Webhooks that tell nobody anything any more."""
    return WebhookEndpoint.objects.filter(active=False)


@register.filter
def status_words(code: Any) -> str:
    """A ticket's status in words."""
    return words.status(str(code))
