"""Redis says which request was answered; nothing is lost without it, only later."""

from __future__ import annotations

from functools import partial

from aura.kernel.bell import Publisher
from aura.kernel.errands import Errands

CHANNEL = "aura.approvals"

_publisher = Publisher(CHANNEL)
_announcements = Errands("approvals")


def announce(key: str) -> None:
    """Wake who waits for this request, in whatever process. Call after commit; returns at once."""
    _announcements.run_soon(partial(_publisher.announce, key))
