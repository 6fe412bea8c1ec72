"""How the worker and beat look for a broker that is away.

Celery's pauses grow to thirty seconds and no setting changes that; a Redis that is back would wait
for them, and so would people.
"""

from __future__ import annotations

from typing import Any

import kombu
from celery.app.amqp import AMQP

PAUSES_S = {"interval_start": 0.2, "interval_step": 0.2, "interval_max": 2.0}


class Connection(kombu.Connection):
    """Tries again every two seconds, however long the broker was away."""

    def ensure_connection(self, *args: Any, **options: Any) -> Any:
        return super().ensure_connection(*args, **{**PAUSES_S, **options})


class Broker(AMQP):
    Connection = Connection
    BrokerConnection = Connection
