"""A message as ntfy takes it: JSON, so that no text becomes a header, and without Markdown.

It holds a link and no action: ntfy's own buttons would send requests that nobody logged in for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings

from aura.config import Settings
from governance.notices.messages import Message
from governance.notices.posting import Sent, post

MESSAGE_CHARS: Final = 1000  # at most 4,000 bytes; ntfy makes an attachment of 4,096
TITLE_CHARS: Final = 120


def send(message: Message, link: str) -> Sent:
    """One attempt. Whatever happens is the outcome."""
    text = "\n".join(line for line in message.lines if line)
    return publish(
        {
            "title": f"{message.head}: {message.what}"[:TITLE_CHARS],
            "message": text[:MESSAGE_CHARS],
            "priority": message.priority,
            "tags": list(message.tags),
            "click": link,
        }
    )


def publish(said: Mapping[str, Any]) -> Sent:
    """Publish to the topic of the settings."""
    config: Settings = settings.AURA
    return post(config.ntfy_server, {"topic": config.ntfy_topic, **said}, token=config.ntfy_token)
