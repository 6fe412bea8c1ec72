"""The threads of a worker that deliver: few, and not those in which agents work.

A wake-up only says "look". Any number of workers may look at once: who sends to which endpoint is
decided in the database.
"""

from __future__ import annotations

import time

from aura.kernel.hands import Hands
from tickets.models import WebhookEndpoint
from tickets.webhooks import feed, queue, send

THREADS = 4
SLICE = 20  # deliveries to one endpoint before the next one gets its turn
KNOWN_S = 5.0


def pump() -> None:
    """Deliver what is due, until nothing is left that is not being sent already."""
    feed.catch_up()
    while endpoint := queue.claim():
        if queue.claimable().exists():
            hands.wake()
        try:
            _serve(endpoint)
        finally:
            queue.release(endpoint)


def needed() -> bool:
    """Is there anything to deliver, or to read from the log?"""
    return bool(feed.behind()) or queue.claimable().exists()


def _serve(endpoint: WebhookEndpoint) -> None:
    for _ in range(SLICE):
        delivery = queue.begin(endpoint)
        if delivery is None or hands.stopping:
            return
        outcome = send.attempt(endpoint, delivery)
        queue.finish(endpoint, delivery, outcome)
        if not outcome.good:
            return


hands = Hands("webhooks", pump, threads=THREADS)


class _Known:
    """Whether anybody listens, asked of the database now and then."""

    until = 0.0
    somebody = False


def anybody() -> bool:
    """Is there an active endpoint, or was there seconds ago? Cheap enough for every event."""
    if time.monotonic() >= _Known.until:
        _Known.somebody = WebhookEndpoint.objects.filter(active=True).exists()
        _Known.until = time.monotonic() + KNOWN_S
    return _Known.somebody
