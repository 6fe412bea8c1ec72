"""What an approved plan changes about a decision. Pure.

A plan is a capability: without one nothing is changed, inside it the plan's own approval is that
of its writes, outside of it a person decides. What a policy denies stays denied.
"""

from __future__ import annotations

from dataclasses import replace

from governance.policy.types import Coverage, Decision, Effect, PolicyRequest
from governance.types import ActionClass, Role


def under_plan(
    decision: Decision, request: PolicyRequest, *, destructive_approval: bool = True
) -> Decision:
    """The policy's decision with the plan looked at; `request.coverage` says how far it reaches.

    `destructive_approval`: a destructive call needs an approval of its own inside a plan too.
    """
    if request.coverage is None or request.action_class is ActionClass.READ:
        return decision
    if decision.effect is Effect.DENY:
        return decision
    match request.coverage:
        case Coverage.NO_PLAN:
            return replace(
                decision,
                effect=Effect.DENY,
                policy="no-write-without-plan",
                rule_index=None,
                message="nothing may be changed before a plan is approved; call submit_plan first",
            )
        case Coverage.OUTSIDE_PLAN:
            return _outside(decision, request)
        case Coverage.IN_PLAN:
            return _inside(decision, request, destructive_approval=destructive_approval)


def _outside(decision: Decision, request: PolicyRequest) -> Decision:
    message = f"the approved plan does not name {request.tool} on {request.resource}"
    if decision.effect is Effect.REQUIRE_APPROVAL:
        return replace(decision, message=f"{message}; {decision.message}")
    return replace(
        decision,
        effect=Effect.REQUIRE_APPROVAL,
        policy="write-outside-plan",
        rule_index=None,
        message=message,
        four_eyes=False,  # nothing but the plan asks, and whoever opened the ticket approved that
    )


def _inside(decision: Decision, request: PolicyRequest, *, destructive_approval: bool) -> Decision:
    if decision.effect is Effect.ALLOW:
        return decision
    destructive = request.action_class is ActionClass.DESTRUCTIVE and destructive_approval
    if destructive or _asks_for_more_than_a_plan(decision):
        return decision
    return replace(decision, effect=Effect.ALLOW, message="met by the approval of the plan")


def _asks_for_more_than_a_plan(decision: Decision) -> bool:
    """One person with the approver's role approved the plan; more than that it cannot stand for."""
    above = decision.approver_role.rank > Role.APPROVER.rank
    return decision.quorum > 1 or above or decision.reason_required
