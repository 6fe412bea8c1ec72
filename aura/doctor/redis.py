"""Redis: the broker and the bell."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from aura.config import Settings
from aura.doctor.findings import Finding, fail, ok, reason, warn

TIMEOUT_S = 3.0
EVICTS_NOTHING = "noeviction"


def answers(config: Settings) -> Iterator[Finding]:
    """There, and keeping what it is given?"""
    client = Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=TIMEOUT_S,
        socket_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        with client:
            about = client.info()
    except (RedisError, OSError) as error:
        mend = (
            "start the server, or correct AURA_REDIS_URL"
            if config.redis_url
            else f"start `manage.py up`; the reason is in {config.data / 'log' / 'redis.log'}"
        )
        yield fail("redis", f"it does not answer: {reason(error)}", mend)
        return
    text = f"Redis {about.get('redis_version', '?')}"
    policy = about.get("maxmemory_policy", EVICTS_NOTHING)
    if about.get("maxmemory") and policy != EVICTS_NOTHING:
        mend = "set maxmemory-policy noeviction: a dropped message starts late, by the sweep"
        yield warn("redis", f"{text}; under pressure it drops keys ({policy})", mend)
    else:
        yield ok("redis", text)
