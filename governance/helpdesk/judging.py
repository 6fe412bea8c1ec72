"""Asking the policy over HTTP: explain (nothing follows) and check (recorded, and obeyed)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.timezone import now

from governance.audit.contradiction import HALTED, contradicted
from governance.audit.record import record
from governance.helpdesk import words
from governance.helpdesk.posting import EVENT
from governance.helpdesk.resources import described, supposed
from governance.models import AuditEvent
from governance.policy import current
from governance.policy.trace import shown
from governance.policy.types import Decision, Effect, PolicyRequest
from governance.types import About, ActionClass, Impact, Principal, Resource

BROKEN_LOG: Final = "log-contradicted"
MEASURED: Final = {"rows": "rows_affected", "pods": "pods_affected", "xact_age_s": "xact_age_secs"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A decision that was recorded; `answer` is the document's JSON."""

    decision: Decision
    event: AuditEvent
    answer: dict[str, Any]

    @property
    def denied(self) -> bool:
        return self.decision.effect is Effect.DENY


def explain(asked: Mapping[str, Any], *, principal: Principal) -> dict[str, Any]:
    """The trace of a hypothetical request. Nothing is recorded, and nothing follows from it."""
    resource = Resource(
        type=asked["resource_type"],
        name=asked["resource_name"],
        tags=frozenset(asked["tags"]),
        namespace=asked["namespace"],
    )
    request = PolicyRequest(
        principal=principal,
        tool=asked["tool_name"],
        action_class=action_class(asked["action"]),
        resource=supposed(resource),
        purpose=asked["purpose"],
    )
    return current.explain(current.policy(), request)


def check(asked: Mapping[str, Any], *, by: Principal, trace_id: str) -> Checked:
    """Judge a request and record the decision; whoever asks has to obey it.

    `trace_id` is empty for a request that belongs to no trace: it gets one of its own.
    """
    request = _request(asked, by)
    decision = current.judge(request)
    trace = current.explain(current.policy(), request)
    if halted := _halted(request):
        decision = Decision(
            effect=Effect.DENY, policy=BROKEN_LOG, message=halted, version=decision.version
        )
        trace |= {"decision": shown(decision), "explanation": halted}
    key = f"pol_{secrets.token_hex(8)}"
    told = _told(asked, request, decision, trace)
    event = record(
        words.JUDGED,
        actor=by,
        action=request.tool or request.action_class,
        trace_id=trace_id or f"chk_{secrets.token_hex(4)}",
        data={EVENT: told, "asked": _asked(request)},
        about=About(
            session_id=asked["session_id"],
            agent=asked["agent_name"],
            action_class=request.action_class,
            key=key,
        ),
    )
    answer: dict[str, Any] = {
        "effect": decision.effect,
        "policy_name": decision.policy,
        "message": decision.message,
        "explanation": trace["explanation"],
        "requires_approval": decision.effect is Effect.REQUIRE_APPROVAL,
        "trace": trace,
        "event_id": key,
        "trace_id": event.trace_id,
    }
    return Checked(decision=decision, event=event, answer=answer)


def action_class(text: str) -> ActionClass:
    """What is none of the documented classes is unknown, which no policy allows."""
    return ActionClass(text) if text in set(ActionClass) else ActionClass.UNKNOWN


def _request(asked: Mapping[str, Any], by: Principal) -> PolicyRequest:
    return PolicyRequest(
        principal=by,
        tool=asked["tool_name"],
        action_class=action_class(asked["action"]),
        resource=described(
            Resource(
                type=asked["resource_type"],
                name=asked["resource_name"],
                tags=frozenset(asked["tags"]),
                namespace=asked["namespace"],
            )
        ),
        purpose=asked["purpose"],
        impact=Impact(**{own: asked[name] for own, name in MEASURED.items()}),
        at=now(),
    )


def _halted(request: PolicyRequest) -> str:
    """Why nothing but a read begins, whatever the policy says; empty: it may."""
    problem = "" if request.action_class is ActionClass.READ else contradicted()
    return f"{HALTED}: {problem}" if problem else ""


def _asked(request: PolicyRequest) -> dict[str, Any]:
    """What `policy diff --replay` judges again."""
    resource, impact = request.resource, request.impact
    return {
        "type": resource.type,
        "name": resource.name,
        "tags": sorted(resource.tags),
        "namespace": resource.namespace,
        "sensitivity": sorted(resource.sensitivity),
        "tool": request.tool,
        "action_class": request.action_class,
        "roles": sorted(request.principal.roles),
        "purpose": request.purpose,
        "impact": {own: getattr(impact, own) for own in MEASURED},
    }


def _told(
    asked: Mapping[str, Any], request: PolicyRequest, decision: Decision, trace: dict[str, Any]
) -> dict[str, Any]:
    """The event in the document's parts."""
    said = {
        "resource_type": request.resource.type,
        "resource_name": request.resource.name,
        "action": request.action_class,
        "tags": sorted(request.resource.tags),
        "effect": decision.effect,
        "policy_name": decision.policy,
        "rule_index": decision.rule_index,
        "message": decision.message,
        "note": asked["note"],
        "dry_run": decision.dry_run,
        "post_execution": asked["post_execution"],
        "policy_version": decision.version,
        "trace": {name: part for name, part in trace.items() if name != "explanation"},
        "explanation": trace["explanation"],
    }
    kept = {name: value for name, value in said.items() if value not in (None, "", False)}
    told: dict[str, Any] = {"policy_decision": kept}
    if request.tool:
        told["tool"] = {"name": request.tool, "agent": asked["agent_name"]}
    return told
