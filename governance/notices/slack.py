"""A message as an incoming webhook of Slack takes it. Texts from outside are plain text to Slack:
no markup, no mentions, no links but ours.
"""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings

from governance.notices.messages import HIGH, NORMAL, URGENT, Message
from governance.notices.posting import Sent, post

HEADER_CHARS: Final = 150
TEXT_CHARS: Final = 3000
COLOURS: Final = {URGENT: "#e01e5a", HIGH: "#f2c744", NORMAL: "#36c5f0"}
OTHER: Final = "#8d8d8d"


def send(message: Message, link: str) -> Sent:
    """One attempt. Whatever happens is the outcome."""
    title = f"{message.head}: {message.what}"
    text = "\n".join(line for line in message.lines if line)
    blocks = [{"type": "header", "text": _plain(title[:HEADER_CHARS])}]
    if text:
        blocks.append({"type": "section", "text": _plain(text[:TEXT_CHARS])})
    # Our own words and our own address: the one thing that Slack may make something of.
    ours = {"type": "mrkdwn", "text": f"<{link}|{message.call}>"}
    blocks.append({"type": "section", "text": ours})
    said = {
        "text": escaped(title),  # what a notification shows
        "attachments": [{"color": COLOURS.get(message.priority, OTHER), "blocks": blocks}],
        "unfurl_links": False,
        "unfurl_media": False,
    }
    return post(settings.AURA.slack_webhook_url, said)


def escaped(text: str) -> str:
    """Nothing that Slack makes a mention or a link of."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}
