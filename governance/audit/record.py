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
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.utils.timezone import now

from aura.kernel import rows
from aura.kernel.ids import iso
from aura.kernel.secrets import Pseudonym, redact_name, redact_value
from governance.audit.background import sequence_along, sequence_along_now, sequence_soon
from governance.audit.canonical import canonical, storable
from governance.audit.keys import pseudonym
from governance.audit.sequence import Linked
from governance.models import AuditEvent
from governance.types import About, Principal


def record(
    event_type: str,
    *,
    actor: Principal,
    action: str,
    trace_id: str = "",
    data: Mapping[str, Any] | None = None,
    about: About | None = None,
) -> AuditEvent:
    """Record that something happened; call it in the transaction of the change it tells of.

    `data` is JSON; credentials in it are replaced before anything is hashed or stored.
    """
    uid, named = uuid.uuid4(), pseudonym()
    action, actor_name = _clean(action, named), _clean(actor.name, named)
    event_type, trace_id, about = storable(event_type), storable(trace_id), _storable(about)
    key = about.key or f"evt_{uid.hex[:16]}"
    moment = now()
    # The API shows milliseconds; a finer stored value would come back at its own `since`.
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    body = canonical(
        {
            "id": str(uid),
            "timestamp": iso(moment),
            "type": event_type,
            "traceId": trace_id,
            "actor": _who(actor, actor_name),
            "action": action,
            "data": redact_value(dict(data or {}), pseudonym=named),
            "key": key,
            **_about(about),
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
        key=key,
        session_id=about.session_id,
        agent=about.agent[:100],
        action_class=about.action_class,
    )
    gathered = _gathered.get()
    if gathered is None:
        rows.insert_for_key(event)
    else:
        gathered.events.append(event)
    if gathered is None or not gathered.apart:
        _sequence_on_commit()
    return event


def redacted(value: Any) -> Any:
    """A JSON value as the log may hold it: equal secrets can be told to be equal, and no more."""
    return redact_value(value, pseudonym=pseudonym())


def _clean(text: str, named: Pseudonym) -> str:
    clean: str = storable(redact_name(text, pseudonym=named))
    return clean


def _who(actor: Principal, name: str) -> dict[str, Any]:
    """Roles are there where they were known: of somebody whose credential was seen."""
    roles = {"roles": sorted(actor.roles)} if actor.roles else {}
    return {"kind": actor.kind, "name": name, **roles}


def _storable(about: About | None) -> About:
    """The same with texts that PostgreSQL can hold; they often come from outside."""
    if about is None:
        return About()
    texts = (about.session_id, about.agent, about.action_class, about.key)
    together = "".join(texts)
    if storable(together) == together:
        return about
    session_id, agent, action_class, key = map(storable, texts)
    return About(session_id=session_id, agent=agent, action_class=action_class, key=key)


def _about(about: About) -> dict[str, str]:
    """What the bytes say of it: nothing where it is empty."""
    said = {
        "sessionId": about.session_id,
        "agent": about.agent,
        "actionClass": str(about.action_class),
    }
    return {name: value for name, value in said.items() if value}


@dataclass(slots=True)
class Gathered:
    """Events of a transaction that are written at its end.

    `intent` says that an effect follows the commit and waits for the signature of its events, so
    they get their places along with it; `linked` are those places, None while nobody knows
    (`governance.audit.intent` finds out). `apart`: somebody else writes them (`recorded_apart`).
    """

    events: list[AuditEvent] = field(default_factory=list)
    intent: bool = False
    apart: bool = False
    linked: Linked | None = None


_gathered: ContextVar[Gathered | None] = ContextVar("gathered", default=None)


@contextmanager
def recorded_together(*, along: bool = True) -> Iterator[Gathered]:
    """Events recorded inside are written at its end, by one statement: the last of a transaction.

    Until then the events have no key, and no query finds them. `along`: a pass of the sequencer
    that is due comes along with the transaction.
    """
    gathered = Gathered()
    token = _gathered.set(gathered)
    try:
        yield gathered
        rows.insert(gathered.events)
        if gathered.intent:
            gathered.linked = sequence_along_now()
        elif along and gathered.events:
            sequence_along()
    finally:
        _gathered.reset(token)


@contextmanager
def recorded_apart() -> Iterator[list[AuditEvent]]:
    """Events recorded inside are for the caller to write along with the change that they tell of,
    and to have linked afterwards (`sequence_soon`): for who writes past Django's connection.
    """
    gathered = Gathered(apart=True)
    token = _gathered.set(gathered)
    try:
        yield gathered.events
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
