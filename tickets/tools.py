"""The tools that belong to tickets: plans, questions, approvals, and ends.

Waiting for a person is nothing special: `submit_plan` and `request_approval` wait because policy
demands an approval, `ask_question` because its result is the answer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from agents.argocd import forecast
from agents.gitops.workspace import MergeOutcome, MergeResult, Workspace
from agents.runtime.tool import (
    Arguments,
    CallContext,
    Fact,
    Inspection,
    Suspended,
    Tool,
    ToolResult,
    Toolset,
)
from agents.types import WaitKind
from governance.types import ActionClass, Resource
from tickets import claims
from tickets import plan as plans
from tickets.merging import Ending, Reason, Resolution, Words, merge_now, merge_tool, revert_tool
from tickets.models import Ticket
from tickets.plan import SUBMIT_PLAN

REQUEST_APPROVAL = "request_approval"
RESOLVES = (
    "End the ticket: the work is done. Says in `summary` what was done, claiming only what tool"
    " results show."
)
MERGES = "Merges the ticket's branch."
OBSERVED = "Only after argo_app_wait has seen the merged commit healthy."


class Question(Arguments):
    question: Words
    options: tuple[Words, ...] = ()


class ApprovalWish(Arguments):
    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True
    )

    description: Words
    action_type: Literal["plan", "action", "resource"] = "action"
    details: dict[str, Any] = Field(default_factory=dict)


def ticket_tools(
    ticket: Ticket, workspace: Workspace, *, others: Toolset, ending: Ending
) -> list[Tool]:
    """The tools of one ticket; `others` are those a plan may name beside them."""
    resource = Resource(type="ticket", name=str(ticket.pk))
    tools = (merge_tool, revert_tool) if ending.observes else ()
    merging = [make(ticket, workspace, ending) for make in tools]
    return [
        _submit_plan(Toolset([*others, *merging]), resource, ending),
        _ask_question(resource),
        _request_approval(resource),
        *merging,
        _resolve(ticket, workspace, ending),
        _give_up(resource),
    ]


def _submit_plan(others: Toolset, resource: Resource, ending: Ending) -> Tool:
    def check(plan: plans.Plan) -> None:
        plans.check(plan, {*others.names, "resolve", "ask_question", REQUEST_APPROVAL})

    def inspect(plan: plans.Plan, context: CallContext) -> Inspection:
        """Where the work would go: shown beside the plan, and not bound to its approval."""
        del context
        paths = plans.changed(plans.stored(plan))
        assert ending.watched is not None  # noqa: S101 - see below
        seen = forecast.situation(replace(ending.watched, paths=lambda: paths))
        return Inspection(plan=seen.text, trouble=seen.trouble)

    def run(plan: plans.Plan, context: CallContext) -> ToolResult:
        del context
        return ToolResult(
            content="Plan approved. Carry it out now, step by step, and nothing else.",
            data={"approved": True, "steps": len(plan.steps)},
        )

    return Tool(
        name=SUBMIT_PLAN,
        description=(
            "Submit the plan for approval by a person: a summary, 1 to 20 steps (each with the"
            " tool it uses and, for file tools, the exact path), the tools you expect to use, and"
            " the risks. Nothing can be changed before it is approved."
        ),
        action_class=ActionClass.READ,
        parameters=plans.Plan,
        run=run,
        resource=lambda _: resource,
        check=check,
        inspect=inspect if ending.observes else None,
        alone=True,
        trusted=True,
        lasting=True,
    )


def _ask_question(resource: Resource) -> Tool:
    def run(question: Question, context: CallContext) -> Suspended:
        del context
        return Suspended(kind=WaitKind.QUESTION, detail=question.model_dump(mode="json"))

    return Tool(
        name="ask_question",
        description="Ask the person who opened the ticket; the result is their answer.",
        action_class=ActionClass.READ,
        parameters=Question,
        run=run,
        resource=lambda _: resource,
        alone=True,
        lasting=True,
    )


def _request_approval(resource: Resource) -> Tool:
    def run(wish: ApprovalWish, context: CallContext) -> ToolResult:
        del context
        return ToolResult(content=f"Approved: {wish.description}", data={"approved": True})

    return Tool(
        name=REQUEST_APPROVAL,
        description="Ask a person to approve something that you describe, before you go on.",
        action_class=ActionClass.READ,
        parameters=ApprovalWish,
        run=run,
        resource=lambda _: resource,
        alone=True,
        trusted=True,
    )


def _resolve(ticket: Ticket, workspace: Workspace, ending: Ending) -> Tool:
    def merges() -> bool:
        return ending.merges and not ending.observes and bool(ticket.commits)

    def classify(_: Resolution) -> ActionClass:
        return ActionClass.WRITE if merges() else ActionClass.READ

    def check(_: Resolution) -> None:
        if ending.observes and ticket.commits:
            claims.refuse_unseen(ticket)

    def run(resolution: Resolution, context: CallContext) -> ToolResult:
        del context
        merge = merge_now(ticket, workspace, resolution.summary) if merges() else None
        return _resolved(resolution.summary, merge=merge)

    def probe(resolution: Resolution, context: CallContext) -> ToolResult | None:
        del context
        merge = workspace.open(str(ticket.pk)).merged()
        return _resolved(resolution.summary, merge=merge) if merge else None

    return Tool(
        name="resolve",
        description=f"{RESOLVES} {OBSERVED if ending.observes else MERGES}",
        action_class=classify,
        parameters=Resolution,
        run=run,
        resource=lambda _: Resource(type="repository", name=workspace.branch),
        check=check,
        probe=probe,
        alone=True,
        trusted=True,
    )


def _resolved(summary: str, *, merge: MergeResult | None) -> ToolResult:
    facts = [Fact(type="ticket_resolved", payload={"summary": summary})]
    data: dict[str, Any] = {"summary": summary}
    if merge and merge.outcome is MergeOutcome.MERGED:
        merged = {"sha": merge.sha, "files": list(merge.files)}
        facts.insert(0, Fact(type="merge_completed", payload=merged))
        data["merge"] = merged
    return ToolResult(content="Resolved.", data=data, facts=tuple(facts))


def _give_up(resource: Resource) -> Tool:
    def run(reason: Reason, context: CallContext) -> ToolResult:
        del context
        return ToolResult(
            content="Given up.",
            data={"reason": reason.reason},
            facts=(Fact(type="gave_up", payload={"reason": reason.reason}),),
        )

    return Tool(
        name="give_up",
        description="End the ticket as failed, saying why it cannot be done.",
        action_class=ActionClass.READ,
        parameters=Reason,
        run=run,
        resource=lambda _: resource,
        alone=True,
        trusted=True,
    )
