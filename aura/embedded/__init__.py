"""PostgreSQL and Redis from wheels, for running without servers of one's own.

`database_url()` and `redis_url()` only compute; nothing starts before `Embedded.start()`. Both
services listen on Unix sockets alone, in directories that only their owner may enter.
"""

from __future__ import annotations

from aura.config import Settings
from aura.embedded.lifecycle import Embedded
from aura.embedded.places import Places
from aura.embedded.process import ServiceError

__all__ = ["Embedded", "Places", "ServiceError", "database_url", "redis_url"]


def database_url(settings: Settings) -> str:
    """The configured PostgreSQL URL, else that of the embedded server of this data directory."""
    return settings.database_url or Places(settings.data).database_url()


def redis_url(settings: Settings) -> str:
    """The configured Redis URL, else that of the embedded server of this data directory."""
    return settings.redis_url or Places(settings.data).redis_url()
