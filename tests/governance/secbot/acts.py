"""What is done in the tests of secbot, and read by it."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import F

from governance import approvals
from governance.audit.record import record
from governance.audit.sequence import sequence
from governance.fingerprint import fingerprint
from governance.models import SecurityAlert, SecurityIncident
from governance.secbot import follower
from governance.types import (
    About,
    Action,
    ActionClass,
    ActorKind,
    Principal,
    Resource,
)
from tests.builders import ADA

AGENT = Principal(kind=ActorKind.AGENT, name="aura")


def catch_up() -> int:
    """Read all there is; how many places."""
    total = 0
    while follower.any_news() and (read := follower.read_on()):
        total += read
    return total


def termination(trace) -> Action:
    """What one of our agents does to a connection."""
    return Action(
        tool="terminate_connection",
        arguments={"pid": 42},
        action_class=ActionClass.DESTRUCTIVE,
        resource=Resource(type="database", name="prod"),
        principal=AGENT,
        trace_id=trace,
    )


def terminate(trace="t-1", **call):
    """One of our agents begins to terminate something."""
    action = termination(trace)
    known = {"resource": "database:prod", "fingerprint": fingerprint(action)}
    decision = {"effect": "require_approval"}
    record(
        "tool_invoked",
        actor=AGENT,
        action=action.tool,
        trace_id=trace,
        about=About(agent="aura", action_class="destructive"),
        data={"call": {**known, "decision": decision, **call}},
    )
    sequence()
    return action


def approved(trace):
    """An approved termination, from the request to the intent."""
    action = termination(trace)
    asked = approvals.request(action, policy="default", agent="aura")
    approvals.approve(asked.pk, by=ADA)
    assert approvals.consume(asked.pk, action=action)
    return asked


def cooled_down():
    """What was found was found longer ago than the cooldown."""
    before = timedelta(seconds=301)
    SecurityIncident.objects.update(opened_at=F("opened_at") - before)
    SecurityAlert.objects.update(at=F("at") - before)


def alerts():
    return list(SecurityAlert.objects.order_by("pk").values_list("type", flat=True))
