"""How messages come and go: wake-ups, which nothing depends on (the queue is the database).

Celery's pauses grow to thirty seconds and no setting changes that; a Redis that is back would wait
for them, and so would people. And kombu keeps a copy of every message in Redis until it is
acknowledged, which costs as much as the work that many a wake-up leads to: what gets lost with a
killed worker is found by the sweep, so none is kept.
"""

from __future__ import annotations

from typing import Any

import kombu
from celery.app.amqp import AMQP
from kombu.transport import redis, virtual

PAUSES_S = {"interval_start": 0.2, "interval_step": 0.2, "interval_max": 2.0}


class InMemory(virtual.QoS):
    """Counts what is being worked on, and keeps no copy of it anywhere."""

    restore_at_shutdown = False


class Channel(redis.Channel):
    QoS = InMemory  # type: ignore[assignment] # what a channel asks of it is what both have


class Transport(redis.Transport):
    Channel = Channel


class Connection(kombu.Connection):
    """Tries again every two seconds, however long the broker was away."""

    def ensure_connection(self, *args: Any, **options: Any) -> Any:
        return super().ensure_connection(*args, **{**PAUSES_S, **options})

    def get_transport_cls(self) -> Any:
        usual = super().get_transport_cls()
        return Transport if usual is redis.Transport else usual


class Broker(AMQP):
    Connection = Connection
    BrokerConnection = Connection
