"""Which events of the log become which messages, and what a message holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aura.kernel.ids import event_id
from aura.kernel.secrets import redact
from aura.kernel.text import cut
from governance.audit.record import data_of
from governance.models import AuditEvent
from tickets.models import Status, Ticket

TESTED: Final = "webhook_tested"  # the event behind a test message, meant for one endpoint
TEXT_CHARS = 2000
LIST_ITEMS = 100
BODY_BYTES = 64 * 1024

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """`body` is the JSON that is signed and sent."""

    id: str
    kind: str
    ticket_id: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A type of message. `detail` is what its `data` holds beside the ticket and the actor.

    Of one event of the log may come messages of several kinds; `suffix` keeps their ids apart.
    """

    name: str
    what: str
    event: str
    detail: Callable[[Event], Mapping[str, Any]]
    to: Status | None = None
    suffix: str = ""

    def fits(self, event: Event) -> bool:
        to = event["data"].get("payload", {}).get("to")
        return event["type"] == self.event and (self.to is None or to == self.to)


def _payload(*names: str) -> Callable[[Event], Mapping[str, Any]]:
    def detail(event: Event) -> Mapping[str, Any]:
        payload = event["data"]["payload"]
        return {name: payload[name] for name in names if name in payload}

    return detail


def _plan(event: Event) -> Mapping[str, Any]:
    return {"plan": _latest(event, "plan_generated").get("plan")}


def _failure(event: Event) -> Mapping[str, Any]:
    return {"error": _latest(event, "error_occurred").get("message", "")}


def _latest(event: Event, event_type: str) -> Mapping[str, Any]:
    """The payload of the ticket's last event of a type: what `event` is the consequence of."""
    found = AuditEvent.objects.filter(trace_id=event["traceId"], type=event_type)
    row = found.order_by("-id").first()
    payload: Mapping[str, Any] = data_of(row.body)["data"]["payload"] if row else {}
    return payload


def _approval(event: Event) -> Mapping[str, Any]:
    return {"approval": event["data"]["payload"]}


KINDS: Final = (
    Kind(
        name="ticket.status_changed",
        what="every change of a ticket's status",
        event="status_changed",
        detail=_payload("from", "to", "reason"),
    ),
    Kind(
        name="ticket.plan_approval_requested",
        what="a plan waits for a decision",
        event="status_changed",
        to=Status.PENDING_PLAN_APPROVAL,
        detail=_plan,
        suffix="-plan",
    ),
    Kind(
        name="ticket.approval_requested",
        what="an action waits for a decision",
        event="approval_requested",
        detail=_approval,
    ),
    Kind(
        name="ticket.question_asked",
        what="the agent needs an answer",
        event="question_asked",
        detail=_payload("question", "options"),
    ),
    Kind(
        name="ticket.resolved",
        what="a ticket is done",
        event="ticket_resolved",
        detail=lambda event: {"resolution": event["data"]["payload"]},
    ),
    Kind(
        name="ticket.failed",
        what="a ticket was given up",
        event="status_changed",
        to=Status.FAILED,
        detail=_failure,
        suffix="-failed",
    ),
)
NAMES: Final = tuple(kind.name for kind in KINDS)
EVENTS: Final = frozenset({kind.event for kind in KINDS} | {TESTED})


def messages(seq: int, body: bytes | memoryview, *, wanted: list[str]) -> list[Message]:
    """What the event at place `seq` of the log is to an endpoint that wants these kinds.

    Raises ValueError, LookupError or TypeError for an event that was tampered with.
    """
    event = data_of(body)
    kinds = [kind for kind in KINDS if kind.name in wanted and kind.fits(event)]
    return [_of_kind(seq, kind, event) for kind in kinds]


def trial(seq: int, event: Event) -> Message:
    """The message by which an endpoint is tried out."""
    data = {"endpoint": event["data"]["endpoint"], "actor": event["actor"]}
    return _message(event_id(seq), "webhook.test", event, data)


def _of_kind(seq: int, kind: Kind, event: Event) -> Message:
    key = f"{event_id(seq)}{kind.suffix}"
    known = {"ticket": _ticket(event), "actor": event["actor"]}
    whole = _message(key, kind.name, event, {**known, **_clipped(dict(kind.detail(event)))})
    if len(whole.body.encode()) <= BODY_BYTES:
        return whole
    return _message(key, kind.name, event, {**known, "truncated": True})


def _message(key: str, kind: str, event: Event, data: Mapping[str, Any]) -> Message:
    body = _json({"type": kind, "timestamp": event["timestamp"], "data": data})
    return Message(id=key, kind=kind, ticket_id=event["traceId"], body=body)


def _ticket(event: Event) -> dict[str, Any]:
    """Status and priority as the event left them; the title as it is now."""
    ticket_id = event["traceId"]
    title = Ticket.objects.filter(pk=ticket_id).values_list("title", flat=True).first()
    return {"id": ticket_id, "title": redact(title or ""), **event["data"]["ticket"]}


def _clipped(value: Any) -> Any:
    """`value` without the length of files and the like: the API has the whole of it."""
    if isinstance(value, str):
        return cut(value, TEXT_CHARS)
    if isinstance(value, dict):
        return {key: _clipped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clipped(item) for item in value[:LIST_ITEMS]]
    return value


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
