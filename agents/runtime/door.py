"""The one door: bind, judge, approve. What passes may be executed; what does not has its answer.

Nothing here touches the outside. The caller runs these steps inside the transaction that records
them, and the effect after it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, assert_never
from uuid import UUID

from pydantic import ValidationError

from agents.models import CallState, ToolExecution
from agents.runtime.tool import (
    UNSEEN,
    Arguments,
    CallContext,
    Inspection,
    Tool,
    ToolFailure,
    Toolset,
)
from agents.types import WaitKind
from aura.kernel import rows
from aura.kernel.secrets import remember
from governance import approvals
from governance.audit.canonical import storable
from governance.fingerprint import fingerprint
from governance.inventory import LISTED, REGISTERED
from governance.models import Approval, ApprovalStatus
from governance.policy.engine import DEFAULT
from governance.policy.evidence import evidence
from governance.policy.types import Decision, Effect
from governance.types import Action, Impact, Principal

OF_TICKETS = ("ticket", "repository", "file")
PLACE = "place"  # of an inspection: where its resource was
PLAN = "plan"  # what a request for one is shown as: its action class says nothing


class Refused(Exception):
    """The call will not run; the text is its result, told to the model."""


class Denied(Refused):
    """It would fit, but the policy or a person said no."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundCall:
    """A call whose tool exists and whose arguments fit: `action` is what policy and people see.

    `inspection` is what it would touch, as far as anybody has looked; `judge` is asked again when
    the effect itself shows more.
    """

    execution: ToolExecution
    tool: Tool
    parameters: Arguments
    action: Action
    judge: Judge
    inspection: Inspection = UNSEEN
    purpose: str = ""

    @property
    def context(self) -> CallContext:
        """What the tool is told of its call."""
        return CallContext(
            call_id=self.execution.id.hex,
            trace_id=self.action.trace_id,
            principal=self.action.principal,
            purpose=self.purpose,
            preconditions=self.inspection.preconditions,
            permits=self._permits,
            waits_since=self.execution.waiting_since,
        )

    def _permits(self, impact: Impact) -> None:
        """Raises `ToolFailure` where the measured impact is more than may be."""
        seen = replace(self, inspection=replace(self.inspection, impact=impact))
        decision = self.judge(seen)
        approved = self.execution.approval_id is not None
        if decision.effect is Effect.DENY or (
            decision.effect is Effect.REQUIRE_APPROVAL and not approved
        ):
            raise ToolFailure(
                f"policy denied by {decision.policy}, with what it would really touch:"
                f" {decision.message or 'it takes an approval'}; nothing was changed"
            )


Judge = Callable[[BoundCall], Decision]


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where every call of one run passes.

    `judge` asks the policy. `plan_tool` is the tool whose approval is that of a plan; the
    `preconditions` (e.g. the base commit) are bound into it. `on_behalf_of` is the person who wants
    the work done; requests wait for `approval_expires_s` seconds.
    """

    tools: Toolset
    principal: Principal
    trace_id: str
    judge: Judge
    preconditions: Mapping[str, Any] = field(default_factory=dict)
    plan_tool: str = ""
    on_behalf_of: Principal | None = None
    approval_expires_s: float | None = None
    agent: str = ""
    purpose: str = ""

    def bind(self, call: ToolExecution) -> BoundCall:
        """What the model said, as a call that could run. Raises `Refused`."""
        tool = self.tools.get(call.tool)
        if tool is None:
            raise Refused(
                f"there is no tool {call.tool!r}; there are: {', '.join(self.tools.names)}"
            )
        parameters = _parameters(tool, call.raw_arguments)
        for secret in parameters.secret_values():
            remember(secret)
        try:
            if tool.check:
                tool.check(parameters)
            seen = inspected(call)
            action = self._action(tool, parameters, reason=call.turn.text, seen=seen)
        except ToolFailure as failure:
            raise Refused(str(failure)) from failure
        except (ValueError, RecursionError):
            raise Refused(f"the arguments of {tool.name} are nested too deeply") from None
        call.arguments = dict(action.arguments)
        call.action_class = action.action_class
        call.resource = str(action.resource)[:600]
        return BoundCall(
            execution=call,
            tool=tool,
            parameters=parameters,
            action=action,
            judge=self.judge,
            inspection=seen,
            purpose=self.purpose,
        )

    def admit(self, bound: BoundCall) -> bool:
        """True: the call may run now. False: it waits for a person. Raises `Refused`."""
        decision = self.judge(bound)
        self._note(bound, decision)
        if not self._permitted(bound, decision):
            return False
        bound.execution.fingerprint = fingerprint(bound.action)
        return True

    def allows(self, bound: BoundCall) -> bool:
        """Whether the call may run without anybody being asked. Writes nothing."""
        decision = self.judge(bound)
        if decision.effect is not Effect.ALLOW:
            return False
        self._note(bound, decision)
        bound.execution.fingerprint = fingerprint(bound.action)
        return True

    def _note(self, bound: BoundCall, decision: Decision) -> None:
        bound.execution.policy = decision.policy
        bound.execution.decision = evidence(decision, bound.action.resource)

    def _permitted(self, bound: BoundCall, decision: Decision) -> bool:
        match decision.effect:
            case Effect.ALLOW:
                return True
            case Effect.REQUIRE_APPROVAL:
                return self._released(bound, decision)
            case Effect.DENY:
                raise Denied(_denied(decision, bound.action))
            case _ as never:
                assert_never(never)

    def _action(
        self, tool: Tool, parameters: Arguments, *, reason: str, seen: Inspection
    ) -> Action:
        plan = self.preconditions if tool.name == self.plan_tool else {}
        return Action(
            tool=tool.name,
            arguments=parameters.model_dump(mode="json", by_alias=True),
            action_class=tool.classify(parameters),
            resource=tool.resource(parameters),
            principal=self.principal,
            trace_id=self.trace_id,
            preconditions={**plan, **seen.preconditions},
            reason=reason,
        )

    def _released(self, bound: BoundCall, decision: Decision) -> bool:
        """Whether a person released exactly this action; asks for it when nobody was asked yet."""
        call = bound.execution
        if call.approval_id is not None and self._decided(bound, call.approval_id):
            return True
        if call.state == CallState.WAITING:
            return False
        again = approvals.reusable(bound.action, on_behalf_of=self.on_behalf_of)
        if again is not None and approvals.consume(again.pk, action=bound.action):
            call.approval = again
            return True
        is_plan = call.tool == self.plan_tool
        call.approval = self._asked(bound, decision, is_plan=is_plan)
        call.state = CallState.WAITING
        call.wait = WaitKind.PLAN_APPROVAL if is_plan else WaitKind.APPROVAL
        call.wait_detail = {"policy": decision.policy, "message": decision.message}
        return False

    def _asked(self, bound: BoundCall, decision: Decision, *, is_plan: bool) -> Approval:
        wait_s = self.approval_expires_s
        seen = {"preview": bound.inspection.plan, "trouble": bound.inspection.trouble}
        return approvals.request(
            bound.action,
            policy=decision.policy,
            quorum=decision.quorum,
            approver_role=decision.approver_role,
            four_eyes=decision.four_eyes,
            reason_required=decision.reason_required,
            valid_minutes=decision.valid_minutes,
            expires_in=timedelta(seconds=wait_s) if wait_s is not None else None,
            on_behalf_of=self.on_behalf_of,
            agent=self.agent or self.principal.name,
            kind=PLAN if is_plan else "",
            context={name: text for name, text in seen.items() if text},
        )

    def _decided(self, bound: BoundCall, approval_id: UUID) -> bool:
        """True: approved, and used now. Raises `Refused` when it was denied or taken back."""
        approval = rows.find(Approval, approval_id)
        assert approval is not None  # noqa: S101 - a call's request is never removed
        call = bound.execution
        match approval.status:
            case ApprovalStatus.DENIED:
                raise Denied(_denial(approval, is_plan=call.tool == self.plan_tool))
            case ApprovalStatus.CANCELLED | ApprovalStatus.REVOKED:
                raise Denied(_taken_back(approval))
            case ApprovalStatus.PENDING:
                return False
        if approvals.consume(approval_id, action=bound.action):
            return True
        # What was approved is not what would run now, or it was not used in time: ask anew.
        call.state, call.approval, call.waiting_since = CallState.PROPOSED, None, None
        return False


def _denied(decision: Decision, action: Action) -> str:
    said, resource = f"policy denied by {decision.policy}: {decision.message}", action.resource
    if decision.policy == DEFAULT and resource.type in OF_TICKETS:
        return (
            f"{said}. No rule of the policy in force decides {action.action_class} of"
            f" {resource}: it needs one for the type {resource.type}, as the policy `tickets` of"
            " the built-in document has it (docs/policy.md)"
        )
    if decision.policy != DEFAULT or resource.type not in LISTED or REGISTERED in resource.tags:
        return said
    return f"{said}. It is not in the inventory: register it in the file of HELPDESK_INFRA_CONFIG"


def _denial(approval: Approval, *, is_plan: bool) -> str:
    who = approval.decided_by or "a person"
    if is_plan:
        return f"Plan rejected: {approval.decision_reason or f'{who} gave no reason'}"
    return f"Denied by {who}: {approval.decision_reason or 'no reason given'}"


def _taken_back(approval: Approval) -> str:
    what = "The approval" if approval.status == ApprovalStatus.REVOKED else "The request"
    return f"{what} was withdrawn: {approval.decision_reason or 'no reason given'}"


def inspected(call: ToolExecution) -> Inspection:
    """What was seen when the call was last looked at."""
    if not call.inspection:
        return UNSEEN
    said = call.inspection
    return Inspection(
        impact=Impact(**said["impact"]),
        plan=said["plan"],
        trouble=said.get("trouble", ""),  # an older version kept none
        preconditions=said["preconditions"],
    )


def moved(bound: BoundCall) -> bool:
    """Whether the name leads elsewhere than when the call was inspected."""
    place = bound.action.resource.place
    return bool(bound.execution.inspection.get(PLACE, place) != place)


def _parameters(tool: Tool, raw: str) -> Arguments:
    try:
        said = storable(json.loads(raw or "{}"))  # what is approved, run and kept is the same
    except (ValueError, RecursionError):
        raise Refused(f"the arguments of {tool.name} are not valid JSON") from None
    try:
        return tool.parameters.model_validate(said)
    except ValidationError as error:
        raise Refused(f"the arguments of {tool.name} do not fit: {_faults(tool, error)}") from None


def _faults(tool: Tool, error: ValidationError) -> str:
    """What is wrong in words, with the arguments that there are where one is not known."""
    found = error.errors(include_url=False, include_input=False)[:10]
    told = [f"{'.'.join(map(str, f['loc'])) or 'arguments'}: {f['msg']}" for f in found]
    if any(f["type"] == "extra_forbidden" and len(f["loc"]) == 1 for f in found):
        told.append(f"there are: {', '.join(tool.parameters.model_fields) or 'none'}")
    return "; ".join(told)
