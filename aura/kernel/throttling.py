"""How much one client may ask for, counted in Redis for all processes together.

Off unless `AURA_THROTTLE=on`. Availability comes first: while Redis is away nothing is counted and
everything passes, no caller waits for it much longer than `TIMEOUT_S`, and the log says so.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, TypeVar

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from aura.kernel.clients import counted
from aura.kernel.errors import RateLimited
from aura.kernel.once import Once

if TYPE_CHECKING:
    from limits.strategies import MovingWindowRateLimiter

PREFIX = "aura:throttle"
CONNECT_TIMEOUT_S = 0.05
TIMEOUT_S = 0.1
QUIET_S = 1.0  # after a failure nobody asks Redis for so long
WARN_EVERY_S = 60.0
PLACE_S = 15.0  # a place that is not kept is free after this, as when its process was killed

T = TypeVar("T")
logger = logging.getLogger(__name__)

# Both go by Redis' own clock: those of the processes may differ.
_NOW = "local t = redis.call('TIME') local now = t[1] + t[2] / 1e6\n"
_TAKE = (
    _NOW
    + """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[1] * 1000)
return 1
"""
)
_KEEP = (
    _NOW
    + """
for n = 2, #ARGV do redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[n]) end
return redis.call('PEXPIRE', KEYS[1], ARGV[1] * 1000)
"""
)


def count_request(address: str) -> None:
    """One API request of this address. Raises `RateLimited`."""
    if settings.AURA.throttle == "on":
        most = settings.AURA.throttle_requests
        _spend(f"{most} per minute", "requests", counted(address), "API requests a minute")


def count_ticket(who: str) -> None:
    """One ticket opened by this person or address. Raises `RateLimited`."""
    if settings.AURA.throttle == "on":
        most = settings.AURA.throttle_tickets
        _spend(f"{most} per hour", "tickets", counted(who), "new tickets an hour")


def take_place(address: str, place: str) -> None:
    """One of the streams that an address may have open at once; `place` is its unique name.

    It must be kept (`keep_places`) more often than every `PLACE_S`. Raises `RateLimited`.
    """
    most = settings.AURA.throttle_streams
    take = _client(settings.REDIS_URL).register_script(_TAKE)
    if _redis.ask(lambda: take(keys=[_key(address)], args=[PLACE_S, most, place])) == 0:
        raise RateLimited(
            f"There are {most} open streams from this address, which is all it may have at once",
            retry_after_s=math.ceil(PLACE_S),
        )


def keep_places(places: Mapping[str, Collection[str]]) -> None:
    """Keep the places (address -> their names) of this process; those Redis forgot come back."""

    client = _client(settings.REDIS_URL)
    script = client.register_script(_KEEP)

    def keep() -> None:
        with client.pipeline(transaction=False) as pipe:
            for address, names in places.items():
                script(keys=[_key(address)], args=[PLACE_S, *names], client=pipe)
            pipe.execute()

    _redis.ask(keep)


def leave_place(address: str, place: str) -> None:
    """Give a place back."""
    _redis.ask(lambda: _client(settings.REDIS_URL).zrem(_key(address), place))


def _spend(amount: str, namespace: str, who: str, what: str) -> None:
    from limits import parse  # noqa: PLC0415 - 0.2 s, which only who throttles pays

    limit, windows = parse(amount), _windows(settings.REDIS_URL)
    if _redis.ask(lambda: windows.hit(limit, namespace, who)) is not False:
        return
    stats = _redis.ask(lambda: windows.get_window_stats(limit, namespace, who))
    wait_s = stats.reset_time - time.time() if stats else 1.0
    raise RateLimited(f"More than {limit.amount} {what}", retry_after_s=max(1, math.ceil(wait_s)))


class _Redis:
    """Asks Redis; while it is away, answers None at once."""

    def __init__(self) -> None:
        self._quiet_until = 0.0
        self._warn_after = 0.0

    def ask(self, question: Callable[[], T]) -> T | None:
        clock = time.monotonic()
        if clock < self._quiet_until:
            return None
        try:
            return question()
        except (RedisError, OSError) as error:
            self._quiet_until = time.monotonic() + QUIET_S
            if clock >= self._warn_after:
                self._warn_after = clock + WARN_EVERY_S
                logger.warning("nothing is throttled: Redis does not answer (%s)", error)
            return None


_redis = _Redis()


def _key(address: str) -> str:
    return f"{PREFIX}:streams:{counted(address)}"


@Once
def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=TIMEOUT_S,
        # Once more on a connection that Redis closed; what does not answer is not asked again.
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
    )


@Once
def _windows(url: str) -> MovingWindowRateLimiter:
    from limits.storage import RedisStorage  # noqa: PLC0415 - as above
    from limits.strategies import MovingWindowRateLimiter  # noqa: PLC0415

    pool = _client(url).connection_pool
    return MovingWindowRateLimiter(RedisStorage(url, connection_pool=pool, key_prefix=PREFIX))
