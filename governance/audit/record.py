"""The only writer of the log.

`record()` inserts the event inside the caller's transaction, so the change and its event commit
together or not at all; linking into the chain happens after commit (`sequence`).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import connection, transaction
from django.utils.timezone import now

from aura.kernel import rows
from aura.kernel.ids import iso
from aura.kernel.secrets import redact, redact_value
from governance.audit.background import sequence_along, sequence_soon
from governance.audit.canonical import canonical, storable
from governance.models import AuditEvent
from governance.types import Principal


def record(
    event_type: str,
    *,
    actor: Principal,
    action: str,
    trace_id: str = "",
    data: Mapping[str, Any] | None = None,
) -> AuditEvent:
    """Record that something happened; call it in the transaction of the change it tells of.

    `data` is JSON; credentials in it are replaced before anything is hashed or stored.
    """
    uid, action, actor_name = uuid.uuid4(), storable(redact(action)), storable(redact(actor.name))
    moment = now()
    # The API shows milliseconds; a finer stored value would come back at its own `since`.
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    body = canonical(
        {
            "id": str(uid),
            "timestamp": iso(moment),
            "type": event_type,
            "traceId": trace_id,
            "actor": {"kind": actor.kind, "name": actor_name},
            "action": action,
            "data": redact_value(dict(data or {})),
        }
    )
    event = AuditEvent(
        uid=uid,
        recorded_at=moment,
        type=event_type,
        trace_id=trace_id,
        actor=actor.kind,
        actor_name=actor_name[:150],
        action=action[:200],
        body=body,
    )
    gathered = _gathered.get()
    if gathered is None:
        rows.insert_for_key(event)
    else:
        gathered.append(event)
    _sequence_on_commit()
    return event


_gathered: ContextVar[list[AuditEvent] | None] = ContextVar("gathered", default=None)


@contextmanager
def recorded_together() -> Iterator[None]:
    """Events recorded inside are written at its end, by one statement: the last of a transaction.

    Until then the events have no key, and no query finds them.
    """
    events: list[AuditEvent] = []
    token = _gathered.set(events)
    try:
        yield
        rows.insert(events)
        if events:
            sequence_along()
    finally:
        _gathered.reset(token)


def _sequence_on_commit() -> None:
    if any(entry[1] is sequence_soon for entry in connection.run_on_commit):
        return  # once is enough for all events of a transaction
    transaction.on_commit(sequence_soon, robust=True)


def data_of(body: bytes | memoryview) -> dict[str, Any]:
    """The event in canonical bytes: id, timestamp, type, traceId, actor, action, data."""
    event: dict[str, Any] = json.loads(bytes(body))
    return event
