"""Events of the log as the aiHelpDesk document shows them, whoever told them (behaviour §2.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from django.db.models import Q

from aura.kernel.ids import parse_uuid
from governance.audit import query
from governance.audit.canonical import storable
from governance.audit.query import Filter, Page
from governance.audit.record import data_of
from governance.helpdesk import words
from governance.helpdesk.listing import AT_ONCE, Listing
from governance.helpdesk.posting import EVENT, OF_OUTCOME
from governance.helpdesk.requests import opinion
from governance.models import Approval, AuditEvent, AuditLink

RESULT_CHARS: Final = 500
SCANNED_MOST: Final = 10_000  # events looked into for what has no index
SCANNED_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """What is looked for inside of events, hence only in the newest `SCANNED_MOST` that fit the
    rest; what is empty does not count.
    """

    tool_name: str = ""
    outcome_status: str = ""
    origin: str = ""

    def holds(self, event: Mapping[str, Any]) -> bool:
        wanted = (
            (self.tool_name, event.get("tool"), "name"),
            (self.outcome_status, event.get("outcome"), "status"),
            (self.origin, event, "origin"),
        )
        return all(
            isinstance(part, dict) and part.get(key) == value
            for value, part, key in wanted
            if value
        )


ANYTHING: Final = Inside()


def listed(asked: Filter, page: Page, inside: Inside = ANYTHING) -> Listing:
    """A page of events; it ends early where they are large."""
    found = Listing(page.limit)
    whole = inside == ANYTHING
    at_once = min(page.limit, AT_ONCE) if whole else SCANNED_AT_ONCE
    most = page.limit if whole else SCANNED_MOST
    for offset in range(0, most, at_once):
        window = replace(page, limit=at_once, offset=page.offset + offset)
        rows = query.events(asked, window)
        for row, event in zip(rows, shown(rows), strict=True):
            if inside.holds(event) and not found.take(event, len(row.body)):
                return found
        if len(rows) < at_once:
            break
    return found


def find(event_id: str) -> AuditEvent | None:
    """One event by the id that the document's answers name."""
    row = query.event(storable(event_id))
    if row is None and (uid := parse_uuid(_dashed(event_id))):
        row = AuditEvent.objects.filter(uid=uid, key__isnull=True).first()
    return row


def shown(rows: Sequence[AuditEvent]) -> list[dict[str, Any]]:
    """The events as JSON, with what is known of them beside: links, outcomes, approvals."""
    links = AuditLink.objects.in_bulk([row.pk for row in rows], field_name="event_id")
    bodies = {row.pk: data_of(row.body) for row in rows}
    outcomes = _outcomes(row for row in rows if row.type.startswith(words.POSTED))
    approvals = _approvals(bodies.values())
    return [
        _shown(row, bodies[row.pk], links.get(row.pk))
        | outcomes.get(row.key or "", {})
        | _opinion(bodies[row.pk], approvals)
        for row in rows
    ]


def _shown(row: AuditEvent, body: Mapping[str, Any], link: AuditLink | None) -> dict[str, Any]:
    data, actor = body["data"], body["actor"]
    told = data.get(EVENT)
    event = dict(told) if isinstance(told, dict) else _of_ours(row, data)
    event |= {
        "event_id": row.key or row.uid.hex,
        "event_type": words.shown(row.type),
        "timestamp": event.get("timestamp") or body["timestamp"],
        "recorded_at": body["timestamp"],
        "principal": {"kind": actor["kind"], "name": actor["name"], **_roles(actor)},
        "session": _session(row, event.get("session")),
        "input": {"user_query": "", **(event.get("input") or {})},
    }
    if row.type.startswith(words.POSTED):
        event["posted"] = True
    else:
        event.pop("posted", None)
    event.pop("prev_hash", None)  # what others say of hashes is not kept apart from ours
    event.pop("event_hash", None)
    for name in ("trace_id", "action_class"):
        if value := getattr(row, name):
            event[name] = value
    if link is not None:
        event["prev_hash"] = bytes(link.prev_hash).hex()
        event["event_hash"] = bytes(link.hash).hex()
    return {n: value for n, value in event.items() if value not in (None, "") or n == "event_type"}


def _roles(actor: Mapping[str, Any]) -> dict[str, Any]:
    return {"roles": actor["roles"]} if actor.get("roles") else {}


def _session(row: AuditEvent, told: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {"id": row.session_id, "started_at": None, "delegation_count": 0}
    if row.agent:
        usual["agent_name"] = row.agent
    if row.actor == "user":
        usual["user_id"] = row.actor_name
    return usual | (told or {})


# --- events of ours ---


def _of_ours(row: AuditEvent, data: Mapping[str, Any]) -> dict[str, Any]:
    """What the log says of itself, in the document's parts; `details` is what has no part there."""
    call, said = data.get("call"), data.get("toolCall")
    event: dict[str, Any] = {}
    if call or said:
        event["tool"] = _tool(row, said or {})
    if call:
        event["policy_decision"] = _decision(call)
    if data.get("reasoning"):
        tools = [said["name"]] if said else []
        event["agent_reasoning"] = {"reasoning": data["reasoning"], "tool_calls": tools}
    if said:
        event["outcome"] = _outcome(said)
    elif data.get("payload"):
        event["details"] = data["payload"]
    return event


def _tool(row: AuditEvent, said: Mapping[str, Any]) -> dict[str, Any]:
    tool: dict[str, Any] = {"name": said.get("name") or row.action, "agent": row.agent}
    if not said:
        return tool
    result = said.get("result") or {}
    tool["parameters"] = said.get("args") or {}
    if "error" in result:
        tool["error"] = _cut(str(result["error"]))
    else:
        tool["result"] = _cut(str(result.get("text", result)))
    return tool


def _decision(call: Mapping[str, Any]) -> dict[str, Any]:
    kind, _, name = str(call.get("resource", "")).partition(":")
    decided = call.get("decision") or {}
    shown = {
        "resource_type": kind,
        "resource_name": name,
        "action": call.get("actionClass", ""),
        "tags": decided.get("tags", []),
        "effect": decided.get("effect", ""),
        "policy_name": call.get("policy", ""),
    }
    index = decided.get("ruleIndex")
    return shown | ({"rule_index": index} if index is not None else {})


def _outcome(said: Mapping[str, Any]) -> dict[str, Any]:
    error = (said.get("result") or {}).get("error")
    if error:
        return {"status": "error", "error_message": _cut(str(error))}
    return {"status": "success"}


def _cut(text: str) -> str:
    return text if len(text) <= RESULT_CHARS else f"{text[:RESULT_CHARS]}..."


# --- what is kept beside an event ---


def _outcomes(rows: Iterable[AuditEvent]) -> dict[str, dict[str, Any]]:
    """Id of an event -> its outcome, where one was told later."""
    keys = [f"{row.key}{OF_OUTCOME}" for row in rows]
    found = AuditEvent.objects.filter(key__in=keys, type=words.POSTED + words.OUTCOME)
    return {
        str(row.key).removesuffix(OF_OUTCOME): {
            "outcome": data_of(row.body)["data"][EVENT]["outcome"]
        }
        for row in (found if keys else ())
    }


def _approvals(bodies: Iterable[Mapping[str, Any]]) -> dict[str, Approval]:
    """Id of an approval that an event names -> the approval."""
    wanted = {uid for body in bodies if (uid := _approval_named(body))}
    rows = Approval.objects.filter(Q(pk__in=wanted)) if wanted else ()
    return {str(row.pk): row for row in rows}


def _approval_named(body: Mapping[str, Any]) -> str:
    data = body["data"]
    call, payload = data.get("call") or {}, data.get("payload") or {}
    if EVENT in data or not isinstance(call, dict) or not isinstance(payload, dict):
        return ""
    named = str(call.get("approvalId") or payload.get("approvalId") or "")
    return named if parse_uuid(named) else ""


def _opinion(body: Mapping[str, Any], approvals: Mapping[str, Approval]) -> dict[str, Any]:
    approval = approvals.get(_approval_named(body))
    return {"approval": opinion(approval)} if approval else {}


def _dashed(text: str) -> str:
    """32 hexadecimal digits as a UUID is written."""
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
