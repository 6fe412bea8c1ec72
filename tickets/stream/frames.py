"""The document's frames."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.utils.timezone import now

from aura.kernel import sse
from aura.kernel.ids import event_id, iso


def frame(
    name: str,
    *,
    ticket_id: str | None,
    payload: Mapping[str, Any],
    timestamp: str,
    seq: int | None = None,
) -> bytes:
    """One event of a stream; only what is in the log (`seq`) has an id and can be resumed after."""
    data = {"type": name, "ticketId": ticket_id, "timestamp": timestamp, "payload": payload}
    # ASCII alone: some readers take U+2028 and its like for the end of a line.
    text = json.dumps(data, separators=(",", ":"))
    return sse.encode(sse.Frame(event=name, data=text, id="" if seq is None else event_id(seq)))


def connected(ticket_id: str | None, status: str | None, **more: Any) -> bytes:
    """The first frame of every stream."""
    payload = {"ticketId": ticket_id, "currentStatus": status, **more}
    return frame("connected", ticket_id=ticket_id, payload=payload, timestamp=iso(now()))


def heartbeat(ticket_id: str | None) -> bytes:
    """Tells both ends that the connection lives."""
    moment = iso(now())
    payload = {"timestamp": moment}
    return frame("heartbeat", ticket_id=ticket_id, payload=payload, timestamp=moment)
