"""Events that others tell us of, kept whole: POST /v1/events and POST /v1/events/{id}/outcome.

What is told is a claim: beside it the log says who told it, and when. A told event is answered when
it has its place in the chain, and what became of it later is an event of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.db import IntegrityError, OperationalError, transaction

from aura.kernel.errors import (
    Forbidden,
    NotFound,
    PayloadTooLarge,
    Problem,
    Unavailable,
    ValidationFailed,
)
from aura.kernel.secrets import redact_name
from governance.audit.canonical import storable
from governance.audit.keys import pseudonym
from governance.audit.record import data_of, record
from governance.audit.sequence import sequence_waiting
from governance.helpdesk import words
from governance.models import AuditEvent, AuditLink
from governance.types import About, Principal, Role

LINKED_WITHIN_S: Final = 5.0
BYTES_MOST: Final = 128 * 1024  # of what others send: answers hold up to a thousand of it
NAME_CHARS: Final = 64  # as a trace and a session have them
OF_OUTCOME: Final = ".outcome"  # ends the key of an outcome; the rest is that of its event
EVENT: Final = "event"  # where in an event's data what was told stands


class EventExists(Problem):
    code, status = "EVENT_EXISTS", 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an event stands in the chain; hashes in hex."""

    event_id: str
    event_hash: str
    prev_hash: str


def post_event(event: Mapping[str, Any], *, by: Principal) -> Place:
    """Keep an event of the document's shape. Raises `EventExists`, `ValidationFailed`, and
    `Unavailable` when it was kept but has no place in the chain yet.
    """
    kind = words.POSTED + event.get("event_type", "")
    row = _recorded(
        kind,
        by=by,
        action=text_in(event, "tool", "name") or event.get("event_type") or EVENT,
        trace_id=_named(event.get("trace_id", "")),
        data={EVENT: dict(event)},
        about=About(
            session_id=_named(text_in(event, "session", "id")),
            agent=redact_name(agent_of(event), pseudonym=pseudonym()),
            action_class=event.get("action_class", ""),
            key=event.get("event_id", ""),
        ),
    )
    return place_of(row)


def post_outcome(event_id: str, outcome: Mapping[str, Any], *, by: Principal) -> Place:
    """Keep what became of a posted event. Raises `NotFound`, `Forbidden` for somebody else's event,
    `EventExists` for a second one, and as `post_event` does. Of our own events the product tells
    itself what became.
    """
    about = AuditEvent.objects.filter(key=storable(event_id)).first()
    if about is None or about.key is None:
        raise NotFound("event not found")
    if not about.type.startswith(words.POSTED):
        raise EventExists(f"the outcome of event {event_id} is told by the product itself")
    _demand_own(about, by)
    told = {
        "event_type": words.OUTCOME,
        "parent_id": about.key,
        "trace_id": about.trace_id,
        "outcome": dict(outcome),
    }
    row = _recorded(
        words.POSTED + words.OUTCOME,
        by=by,
        action=about.action,
        trace_id=about.trace_id,
        data={EVENT: told},
        about=About(
            session_id=about.session_id,
            agent=about.agent,
            action_class=about.action_class,
            key=about.key + OF_OUTCOME,
        ),
    )
    return place_of(row)


def _demand_own(event: AuditEvent, by: Principal) -> None:
    """An outcome is told by whoever told the event, or by an admin."""
    if settings.AURA.auth == "off" or Role.ADMIN.value in by.roles:
        return
    if (event.actor, event.actor_name) != (by.kind, by.name[:150]):
        raise Forbidden(f"event {event.key} was told by {event.actor_name}, who tells its outcome")


def told_in(row: AuditEvent) -> dict[str, Any]:
    """What was told in an event of the document's shape; empty for other events."""
    told = data_of(row.body)["data"].get(EVENT)
    return dict(told) if isinstance(told, dict) else {}


def agent_of(event: Mapping[str, Any]) -> str:
    """Which agent an event is about: who was chosen, whose tool it was, or whose session it is."""
    places = (("decision", "agent"), ("tool", "agent"), ("session", "agent_name"))
    return next((name for part, key in places if (name := text_in(event, part, key))), "")


def place_of(row: AuditEvent) -> Place:
    """The event's place in the chain, waited for. Raises `Unavailable` after `LINKED_WITHIN_S`."""
    link = AuditLink.objects.filter(event_id=row.pk).first()
    if link is None:
        try:
            sequence_waiting(LINKED_WITHIN_S)
        except OperationalError as error:
            raise _unlinked(row) from error
        link = AuditLink.objects.filter(event_id=row.pk).first()
    if link is None:
        raise _unlinked(row)
    return Place(
        event_id=row.key or row.uid.hex,
        event_hash=bytes(link.hash).hex(),
        prev_hash=bytes(link.prev_hash).hex(),
    )


def _recorded(kind: str, *, by: Principal, about: About, **more: Any) -> AuditEvent:
    try:
        with transaction.atomic():
            row = record(kind, actor=by, about=about, **more)
            if len(row.body) > BYTES_MOST:
                raise PayloadTooLarge(f"an event has at most {BYTES_MOST} bytes")
            return row
    except IntegrityError as error:
        raise EventExists(f"event {about.key} is recorded already") from error
    except RecursionError:
        raise ValidationFailed("invalid JSON: nested too deeply") from None
    except ValueError as error:
        raise ValidationFailed(f"invalid JSON: {error}") from error


def text_in(event: Mapping[str, Any], part: str, key: str) -> str:
    """The text in a part of what was told; empty when it is not there or something else."""
    inside = event.get(part)
    value = inside.get(key) if isinstance(inside, dict) else None
    return str(storable(value)) if isinstance(value, str) else ""


def _named(text: str) -> str:
    """A name that others chose, without a credential that stands in it."""
    return redact_name(text, pseudonym=pseudonym())[:NAME_CHARS]


def _unlinked(row: AuditEvent) -> Unavailable:
    return Unavailable(f"event {row.key} is recorded and has no place in the chain yet")
