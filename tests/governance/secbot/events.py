"""Events as the detectors see them, in one line each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from governance.policy.document import Schedule
from governance.secbot.events import Event
from governance.secbot.limits import Limits

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)  # a Monday
LIMITS = Limits(
    events_per_minute=5,
    denials_per_minute=3,
    working=Schedule(days=frozenset(range(5)), hours=frozenset(range(8, 18))),
    cooldown=timedelta(minutes=5),
)


def event(kind: str = "something_happened", **given: Any) -> Event:
    """One at noon, by the agent aura in the trace t-1."""
    usual: dict[str, Any] = {
        "place": 7,
        "key": "evt_0123456789ab",
        "at": NOON,
        "actor": "agent:aura",
        "action": kind,
        "trace_id": "t-1",
    }
    return Event(type=kind, **(usual | given))


def invoked(**call: Any) -> Event:
    """The intent of a destructive call of one of our agents."""
    usual = {
        "id": "c-1",
        "actionClass": "destructive",
        "resource": "file:apps/old.yaml",
        "fingerprint": "f" * 64,
        "decision": {"effect": "require_approval"},
    }
    return event(
        "tool_invoked",
        action="git_delete_file",
        agent="aura",
        action_class="destructive",
        data={"call": usual | call},
    )


def used(approval: str = "a-1", fingerprint: str = "f" * 64) -> Event:
    """An approval was used."""
    payload = {"approvalId": approval, "fingerprint": fingerprint}
    return event("approval_used", action_class="destructive", data={"payload": payload})


def granted(tool: str, action_class: str = "destructive", resource: str = "") -> Event:
    payload = {"approvalId": "a-1", "tool": tool, "resource": resource}
    data = {"payload": payload}
    return event("approval_granted", actor="user:ada", action_class=action_class, data=data)


def ran(tool: str = "terminate_connection", *, on: str = "", **told: Any) -> Event:
    """Somebody else's agent posted that it ran a destructive tool, and perhaps `on` what."""
    kind, _, name = on.partition(":")
    resource = {"policy_decision": {"resource_type": kind, "resource_name": name}} if on else {}
    return event(
        "posted.tool_execution",
        action=tool,
        agent="dba",
        action_class="destructive",
        told={"tool": {"name": tool, **told}, **resource},
    )


def judged(effect: str, tool: str = "terminate_connection", **decision: Any) -> Event:
    """auditd was asked by somebody else's agent."""
    return event(
        "policy_decision",
        agent="dba",
        action_class="destructive",
        told={"policy_decision": {"effect": effect, **decision}, "tool": {"name": tool}},
    )
