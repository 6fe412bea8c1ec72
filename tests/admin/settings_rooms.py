"""What the rooms of the settings have to show: a locked login, and what people were told."""

from __future__ import annotations

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.models import User
from django.utils.timezone import now

from governance.models import Notice

NOTICES = "/admin/governance/notice/"


def locked_out(name: str) -> str:
    """Somebody guessed at this person's password; the page where that is forgotten."""
    AccessAttempt.objects.create(
        username=name,
        ip_address="192.0.2.7",
        failures_since_start=settings.AXES_FAILURE_LIMIT,
    )
    return f"/admin/auth/user/{User.objects.get(username=name).pk}/unlock/"


def told() -> str:
    """One was told, one waits, one could not be told; the page of all of them."""
    body = {"head": "QUESTION", "what": "Which namespace is it to be? \u202e<b>"}
    refused = "smtp.example.com:587: refused"
    waits, sent, failed = ("ntfy", now(), None), ("slack", None, now()), ("email", None, None)
    for channel, next_at, sent_at in (waits, sent, failed):
        Notice.objects.create(
            key="q1",
            channel=channel,
            kind="question",
            body=body,
            next_at=next_at,
            sent_at=sent_at,
            error="" if next_at or sent_at else refused,
        )
    return NOTICES
