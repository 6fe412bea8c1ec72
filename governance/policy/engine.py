"""The built-in policy. Pure: a request in, a decision out.

Reads are allowed; a write is allowed inside an approved plan and needs its own approval outside;
destructive calls always need their own approval (unless that is switched off); what is of unknown
class is denied.
"""

from __future__ import annotations

from typing import assert_never

from governance.policy.types import Coverage, Decision, Effect, PolicyRequest
from governance.types import ActionClass

# Part of every fingerprint: an approval does not outlive the policy it was given under.
VERSION = "builtin-1"


def decide(request: PolicyRequest, *, destructive_approval: bool = True) -> Decision:
    """The decision for one call; `destructive_approval`: destructive calls need their own yes."""
    match request.action_class:
        case ActionClass.READ:
            return Decision(effect=Effect.ALLOW, policy="read-allowed")
        case ActionClass.UNKNOWN:
            return Decision(
                effect=Effect.DENY,
                policy="unknown-denied",
                message=f"{request.tool} does not tell what it would do, so it may not run",
            )
        case ActionClass.WRITE:
            return _write(request)
        case ActionClass.DESTRUCTIVE:
            return _destructive(request, destructive_approval=destructive_approval)
        case _ as never:
            assert_never(never)


def _write(request: PolicyRequest) -> Decision:
    match request.coverage:
        case Coverage.NO_PLAN:
            return Decision(
                effect=Effect.DENY,
                policy="no-write-without-plan",
                message="nothing may be changed before a plan is approved; call submit_plan first",
            )
        case Coverage.IN_PLAN:
            return Decision(effect=Effect.ALLOW, policy="write-inside-plan")
        case Coverage.OUTSIDE_PLAN:
            return Decision(
                effect=Effect.REQUIRE_APPROVAL,
                policy="write-outside-plan",
                message=f"the approved plan does not name {request.tool} on {request.resource}",
            )
        case _ as never:
            assert_never(never)


def _destructive(request: PolicyRequest, *, destructive_approval: bool) -> Decision:
    if request.coverage is Coverage.NO_PLAN or not destructive_approval:
        return _write(request)
    return Decision(
        effect=Effect.REQUIRE_APPROVAL,
        policy="destructive-needs-approval",
        message=f"{request.tool} is destructive and needs an approval of its own",
    )
