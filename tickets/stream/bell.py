"""Redis says that the log has grown, up to which place."""

from __future__ import annotations

from collections.abc import Callable

from aura.kernel.bell import Bell, Publisher

CHANNEL = "aura.log"

_publisher = Publisher(CHANNEL)


def announce(last: int) -> None:
    """Wake the streams of all processes: the log now reaches to place `last`. Call after commit."""
    _publisher.announce(str(last))


def listener(url: str, ring: Callable[[int | None], None]) -> Bell:
    """Calls `ring(last)` for each announcement, `ring(None)` when some may have been missed."""

    def heard(text: str | None) -> None:
        ring(int(text) if text is not None and text.isascii() and text.isdigit() else None)

    return Bell(url, CHANNEL, heard)
