"""`notify_user`: a message of the agent to people, by ntfy. Stored first, then sent until it is.

The message names the ticket and is told nothing but the agent's own words, redacted.
"""

from __future__ import annotations

import logging
from typing import Any, Final, Literal

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.utils.timezone import now
from pydantic import Field

from agents.runtime.tool import Arguments, CallContext, Tool, ToolResult
from aura.config import Settings
from aura.kernel.deliveries import LEASE, retry_after
from aura.kernel.hands import Hands
from aura.kernel.secrets import redact
from governance.notices import ntfy
from governance.notices.ntfy import MESSAGE_CHARS, TITLE_CHARS
from governance.notices.posting import Sent
from governance.types import ActionClass, Resource
from tickets.models import Notification, Ticket
from tickets.telling import page_of

NOTIFY_USER: Final = "notify_user"
THREADS: Final = 2
NOT_CONFIGURED: Final = (
    "Nobody was told: notifications are not configured (AURA_NOTIFY_PROVIDER=ntfy and"
    " AURA_NTFY_TOPIC switch them on). Go on without; what is said in the ticket is seen there."
)
LEVELS: Final = {"min": 1, "low": 2, "default": 3, "high": 4, "urgent": 5}


class Message(Arguments):
    message: str = Field(
        min_length=1, max_length=MESSAGE_CHARS, description="what people should know, in short"
    )
    priority: Literal["min", "low", "default", "high", "urgent"] = Field(
        default="default", description="how loud it is"
    )


def notify_tool(ticket: Ticket, config: Settings) -> Tool:
    """The tool, for one ticket."""

    def run(said: Message, context: CallContext) -> ToolResult:
        if config.notify_provider == "none":
            return ToolResult(content=NOT_CONFIGURED, data={"configured": False, "queued": False})
        Notification.objects.get_or_create(
            call=context.call_id,
            defaults={"ticket": ticket, "body": _body(ticket, said, config), "next_at": now()},
        )
        hands.wake()
        return ToolResult(
            content="The message is on its way; delivery is tried for a day.",
            data={"configured": True, "queued": True, "priority": said.priority},
        )

    return Tool(
        name=NOTIFY_USER,
        description=(
            "Send people a short push message, for what they should know before they next look at"
            " the ticket. It asks nothing: for an answer there is ask_question. Never put"
            " credentials or long texts into it."
        ),
        action_class=ActionClass.WRITE,
        parameters=Message,
        run=run,
        resource=lambda _: Resource(type="ticket", name=str(ticket.pk)),
        idempotent=True,  # the call's id is the message's
    )


def _body(ticket: Ticket, said: Message, config: Settings) -> dict[str, Any]:
    """As ntfy takes it, but for the topic."""
    page = f"{config.public_url.rstrip('/')}{page_of(ticket)}"
    return {
        "title": redact(f"Aura: {ticket.title}")[:TITLE_CHARS],
        "message": redact(said.message),
        "priority": LEVELS[said.priority],
        **({"click": page} if config.public_url else {}),
    }


# --- sending ---

logger = logging.getLogger(__name__)


def due() -> QuerySet[Notification]:
    return Notification.objects.filter(next_at__lte=Now()).order_by("next_at", "pk")


def pump() -> None:
    """Send what is due, until nothing is left that is not being sent already."""
    while not hands.stopping and (message := _claim()):
        _finish(message, _sent(message))


hands = Hands("notifications", pump, threads=THREADS)


def _claim() -> Notification | None:
    """One that is due, its attempt counted; due again if we die before it has ended."""
    with transaction.atomic():
        message = due().select_for_update(skip_locked=True).first()
        if message is None:
            return None
        message.attempts += 1
        Notification.objects.filter(pk=message.pk).update(
            attempts=F("attempts") + 1, next_at=Now() + LEASE
        )
    return message


def _sent(message: Notification) -> Sent:
    config: Settings = settings.AURA
    if config.notify_provider == "none":
        return Sent(error="notifications were switched off")
    return ntfy.publish(message.body)


def _finish(message: Notification, sent: Sent) -> None:
    row = Notification.objects.filter(pk=message.pk, sent_at=None)
    if not sent.error:
        row.update(sent_at=now(), next_at=None, error="")
        return
    pause = retry_after(message.attempts, asked_s=sent.asked_s) if sent.again else None
    if pause is None:
        logger.warning("notification of ticket %s is given up: %s", message.ticket_id, sent.error)
    row.update(error=sent.error, next_at=Now() + pause if pause else None)
