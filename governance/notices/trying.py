"""A message by which people see that their settings work."""

from __future__ import annotations

from django.conf import settings
from django.utils.timezone import now

from aura.config import NoticeChannel, Settings
from governance.notices import sending
from governance.notices.messages import Kind, Message
from governance.notices.posting import Sent


def try_out(by: str) -> dict[NoticeChannel, Sent]:
    """Send one over every channel that is configured, now, and say what came of it."""
    moment = now()
    message = Message(
        key=f"trial-{moment:%Y%m%d%H%M%S%f}",
        kind=Kind.ACTION,
        head="AURA TEST",
        what="messages arrive here",
        lines=[f"{by} tried the channels out. Nothing waits for you."],
        page="/admin/inbox/",
        call="Open the inbox",
        tags=["white_check_mark"],
    ).cleaned()
    config: Settings = settings.AURA
    return {channel: sending.send(channel, message) for channel in config.notice_channels}


def rules() -> dict[NoticeChannel, list[Kind]]:
    """Channel -> what it is told of; nothing for one that is not configured."""
    config: Settings = settings.AURA
    return {
        channel: [kind for kind in Kind if channel in config.told_of(kind)]
        for channel in NoticeChannel
    }
