"""Was a destructive execution released: by a person's approval, or by the policy? Pure."""

from __future__ import annotations

from collections.abc import Sequence

from governance.secbot.events import EXECUTED, POSTED, Event, part
from governance.types import ActionClass

GRANTED = ("approval_granted", "plan_approved")
USED = "approval_used"
JUDGED = "policy_decision"
# What of a trace before an execution may release it.
EVIDENCE = (*GRANTED, USED, JUDGED)


def executes(event: Event) -> bool:
    """Is something destructive being done? Of our agents the intent tells, before the effect."""
    ours = event.type == "tool_invoked" and bool(event.call)
    theirs = event.type == POSTED + EXECUTED
    return (ours or theirs) and event.action_class == ActionClass.DESTRUCTIVE


def released(event: Event, earlier: Sequence[Event]) -> bool:
    """`earlier` is the evidence of the same trace before it; what was posted is none."""
    if event.call:
        return _ours(event, earlier)
    tool, resource = str(part(event.told, "tool").get("name", "")), _resource(event)
    return any(
        (_allows(one, tool) or _grants(one, tool)) and _same(_released_resource(one), resource)
        for one in earlier
    )


def _same(released: str, touched: str) -> bool:
    """What names no resource is about any; what was touched is known only where it is said."""
    return not released or not touched or released == touched


def _released_resource(one: Event) -> str:
    """`type:name` that auditd or a person said yes to; empty where nobody named one."""
    if one.type == JUDGED:
        return _resource(one)
    asked = str(one.payload.get("tool", ""))  # the document's agents name a resource there too
    return asked if ":" in asked else str(one.payload.get("resource") or "")


def _resource(event: Event) -> str:
    said = part(event.told, "policy_decision")
    kind, name = said.get("resource_type"), said.get("resource_name")
    return f"{kind}:{name}" if kind and name else ""


def _ours(event: Event, earlier: Sequence[Event]) -> bool:
    """An approval that was used for exactly this call, or else a policy that allows it."""
    call, decision = event.call, part(event.call, "decision")
    if approval := call.get("approvalId"):
        return any(
            one.type == USED
            and one.payload.get("approvalId") == approval
            and one.payload.get("fingerprint") == call.get("fingerprint")
            for one in earlier
        )
    return decision.get("effect") == "allow" and not decision.get("dryRun")


def _allows(one: Event, tool: str) -> bool:
    """auditd was asked (POST /v1/governance/check) and said yes, before it was done."""
    decision = part(one.told, "policy_decision")
    asked = part(one.told, "tool").get("name", "")
    return (
        one.type == JUDGED
        and one.action_class == ActionClass.DESTRUCTIVE
        and decision.get("effect") == "allow"
        and not decision.get("dry_run")
        and not decision.get("post_execution")
        and asked in ("", tool)
    )


def _grants(one: Event, tool: str) -> bool:
    """A person approved it. The document's agents name a resource where we name a tool."""
    asked = str(one.payload.get("tool", ""))
    fits = asked in ("", tool) or ":" in asked
    return one.type in GRANTED and one.action_class == ActionClass.DESTRUCTIVE and fits
