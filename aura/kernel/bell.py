"""Redis says that something happened. Only a hint: what it fails to say is found by polling."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

import redis
from django.conf import settings
from django_eventstream.views import RedisListener
from redis import asyncio as redis_async
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from aura.kernel.once import Once

PUBLISH_TIMEOUT_S = 0.5
QUIET_S = 1.0  # after a failure: an outage must not slow every request
CONNECT_TIMEOUT_S = 2.0
PING_EVERY_S = 10.0
FIRST_DELAY_S = 0.1
LONGEST_DELAY_S = 5.0

logger = logging.getLogger(__name__)


class Publisher:
    """Says short texts on a channel without ever making its caller wait long or fail."""

    def __init__(self, channel: str) -> None:
        self._channel = channel
        self._quiet_until = 0.0

    def announce(self, text: str) -> None:
        if time.monotonic() < self._quiet_until:
            return
        try:
            client(settings.REDIS_URL).publish(self._channel, text)
        except (RedisError, OSError) as error:
            self._quiet_until = time.monotonic() + QUIET_S
            logger.warning("%s: Redis was not told of %s (%s)", self._channel, text, error)


@Once
def client(url: str) -> redis.Redis:
    """For what must neither wait long nor be tried again."""
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=PUBLISH_TIMEOUT_S,
        socket_timeout=PUBLISH_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )


def _subscriber(url: str) -> redis_async.Redis:
    return redis_async.Redis.from_url(
        url,
        # With a timeout it writes through asyncio.wait_for, which may swallow a cancellation.
        socket_timeout=None,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        retry=AsyncRetry(NoBackoff(), 0),  # we must know of every reconnection
    )


class Bell(RedisListener):  # type: ignore[misc] # django-eventstream has no types
    """Calls `ring(text)` for every announcement, and `ring(None)` when some may have been missed.

    The library's listener with its connection replaced: it comes back after every outage.
    """

    def __init__(self, url: str, channel: str, ring: Callable[[str | None], None]) -> None:
        self.url = url
        self.channel = channel
        self.ring = ring
        self._delay = FIRST_DELAY_S
        self._away = False

    async def listen(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                await self._hear()
            except (RedisError, OSError) as error:
                self._lost(error)
            await asyncio.sleep(self._delay)
            self._delay = min(self._delay * 2, LONGEST_DELAY_S)

    async def _hear(self) -> None:
        """One subscription, until its connection fails or falls silent."""
        async with _subscriber(self.url) as client, client.pubsub() as subscription:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await subscription.subscribe(self.channel)
            while await self._next(subscription) or await self._pinged(subscription):
                pass

    async def _pinged(self, subscription: PubSub) -> bool:
        """Does the other end still answer?"""
        await subscription.ping()
        if await self._next(subscription):
            return True
        raise ConnectionError("no answer to a ping")

    async def _next(self, subscription: PubSub) -> bool:
        """Act on the next message; False when none came in time."""
        message = await subscription.get_message(timeout=PING_EVERY_S)
        if message is None:
            return False
        self._heard(message)
        return True

    def _heard(self, message: dict[str, Any]) -> None:
        if message["type"] == "message":
            self.ring(bytes(message["data"]).decode(errors="replace"))
        elif message["type"] == "subscribe":
            self._delay = FIRST_DELAY_S
            self.ring(None)
            if self._away:
                self._away = False
                logger.info("%s: Redis is back", self.channel)

    def _lost(self, error: Exception) -> None:
        if not self._away:
            self._away = True
            logger.warning(
                "%s: Redis is away (%s); the database is polled meanwhile", self.channel, error
            )
