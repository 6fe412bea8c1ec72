"""What happened in one trace, in one line: GET /v1/journeys (behaviour §2.6)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from governance.audit import query
from governance.audit.query import Filter, Page
from governance.helpdesk import words
from governance.helpdesk.events import shown
from governance.helpdesk.listing import AT_ONCE, Listing
from governance.helpdesk.posting import text_in

# Of several things that happened in a trace the gravest is its outcome.
SEVERITY: Final = (
    "verified",
    "success",
    "verified_ok",
    "approved",
    "verified_warning",
    "verified_failed",
    "escalation_required",
    "denied",
    "error",
    "unverified_claim",
)
FAILED: Final = {"error", "failed", "failure"}
ANCHORS: Final = (*words.stored(words.DELEGATED), *words.stored(words.REQUESTED))
ANCHORS_AT_ONCE: Final = 100
ANCHORS_MOST: Final = 2000  # looked at for what has no index
EVENTS_MOST: Final = 10_000  # of all traces looked at once

TEXT_CHARS: Final = 4096  # of an intent; a question is shown whole
# The little of an event that its journey tells of: thousands are held at once.
NEEDED: Final = {
    "session": ("user_id",),
    "decision": ("agent", "request_category", "user_intent"),
    "tool": ("name", "agent"),
    "policy_decision": ("effect",),
    "outcome": ("status",),
    "approval": ("status",),
}

Event = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which journeys; what is empty does not count."""

    trace_id: str = ""
    user: str = ""
    category: str = ""
    outcome: str = ""
    has_retries: bool = False
    since: datetime | None = None
    until: datetime | None = None

    def holds(self, journey: Event) -> bool:
        wanted = (
            (self.user, "user_id"),
            (self.category, "category"),
            (self.outcome, "outcome"),
        )
        fits = all(journey.get(key) == value for value, key in wanted if value)
        return fits and (not self.has_retries or bool(journey.get("retry_count")))


def journeys(asked: Asked, *, limit: int) -> Listing:
    """Journeys, newest first; ends early where they are large."""
    found = Listing(limit)
    for traces in _traces(asked):
        for journey in filter(asked.holds, _journeys(traces)):
            if not found.take(journey, len(json.dumps(journey))):
                return found
    return found


def _traces(asked: Asked) -> Iterator[list[str]]:
    """Ids of traces that begin with a request of a person, newest first, some at a time."""
    if asked.trace_id:
        yield [asked.trace_id]
        return
    seen: set[str] = set()
    narrow = Filter(types=ANCHORS, since=asked.since, until=asked.until)
    for offset in range(0, ANCHORS_MOST, ANCHORS_AT_ONCE):
        rows = query.events(narrow, Page(limit=ANCHORS_AT_ONCE, offset=offset))
        begun = [e["trace_id"] for e in shown(rows) if e.get("trace_id") and _is_anchor(e)]
        fresh = [trace for trace in dict.fromkeys(begun) if trace not in seen]
        seen.update(fresh)
        yield fresh
        if len(rows) < ANCHORS_AT_ONCE:
            return


def _journeys(traces: Sequence[str]) -> Iterator[Event]:
    by_trace: dict[str, list[Event]] = {trace: [] for trace in traces}
    for rows in query.of_traces(traces, most=EVENTS_MOST, at_once=AT_ONCE):
        for event in shown(rows):
            seen = by_trace[event["trace_id"]]
            asks = not seen or (_is_anchor(event) and not any(map(_is_anchor, seen)))
            seen.append(_needed(event, asks=asks))
    return (_journey(trace, events) for trace, events in by_trace.items() if events)


def _needed(event: Event, *, asks: bool) -> Event:
    """What the journey needs of it; the question only of the event that `asks` it."""
    kept: Event = {name: event[name] for name in ("trace_id", "event_type", "recorded_at")}
    for part, keys in NEEDED.items():
        if event.get(part):
            kept[part] = {key: text_in(event, part, key)[:TEXT_CHARS] for key in keys}
    checked = event.get("delegation_verification")
    if isinstance(checked, dict) and checked.get("mismatch"):
        kept["delegation_verification"] = {"mismatch": True}
    if asks:
        kept["input"] = {"user_query": text_in(event, "input", "user_query")}
    return kept


def _journey(trace: str, events: Sequence[Event]) -> Event:
    """The line of one trace; `events` are all of it, oldest first."""
    anchor = next(filter(_is_anchor, events), events[0])
    first, last = events[0]["recorded_at"], events[-1]["recorded_at"]
    passed = datetime.fromisoformat(last) - datetime.fromisoformat(first)
    journey = {
        "trace_id": trace,
        "started_at": first,
        "ended_at": last,
        "duration_ms": round(passed.total_seconds() * 1000),
        "user_id": text_in(anchor, "session", "user_id"),
        "user_query": text_in(anchor, "input", "user_query"),
        "agent": text_in(anchor, "decision", "agent") or _first_agent(events),
        "category": text_in(anchor, "decision", "request_category"),
        "delegations": _delegations(events),
        "outcome": max(_outcomes(events), key=SEVERITY.index, default=None),
        "retry_count": sum(event["event_type"] == words.RETRIED for event in events),
    }
    kept = {name: value for name, value in journey.items() if value or name == "duration_ms"}
    return kept | {"tools_used": _tools(events), "event_count": len(events)}


def _is_anchor(event: Event) -> bool:
    kind = event["event_type"]
    return kind == words.DELEGATED or (kind == words.REQUESTED and not event.get("tool"))


def _first_agent(events: Iterable[Event]) -> str:
    return next((agent for e in events if (agent := text_in(e, "tool", "agent"))), "")


def _delegations(events: Sequence[Event]) -> list[Event]:
    return [
        {
            "intent": text_in(event, "decision", "user_intent"),
            "tools": _tools(events, agent=text_in(event, "decision", "agent")),
        }
        for event in events
        if event["event_type"] == words.DELEGATED
    ]


def _tools(events: Iterable[Event], *, agent: str = "") -> list[str]:
    """Names of the tools that ran, each once; of one agent or of all."""
    ran = (
        text_in(event, "tool", "name")
        for event in events
        if event["event_type"] == words.EXECUTED
        and (not agent or text_in(event, "tool", "agent") == agent)
    )
    return list(dict.fromkeys(filter(None, ran)))


def _outcomes(events: Iterable[Event]) -> Iterator[str]:
    for event in events:
        effect = text_in(event, "policy_decision", "effect")
        status = text_in(event, "outcome", "status")
        approved = text_in(event, "approval", "status") == "approved"
        if (event.get("delegation_verification") or {}).get("mismatch"):
            yield "unverified_claim"
        if effect == "deny":
            yield "denied"
        elif approved or (effect == "require_approval" and status == "success"):
            yield "approved"
        if status in FAILED:
            yield "error"
        elif status in SEVERITY:
            yield status
