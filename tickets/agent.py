"""Builds the agent of a ticket: its tools, its judge, its model, its conversation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from django.conf import settings

from agents.argocd.previewing import Mode
from agents.argocd.tools import argo_tools
from agents.gitops.tools import git_tools
from agents.gitops.workspace import Workspace
from agents.models import Run
from agents.runtime import claims, conversation
from agents.runtime.door import BoundCall, Door
from agents.runtime.llm import LanguageModel, Task
from agents.runtime.results import read_result
from agents.runtime.session import Session
from agents.runtime.tool import Tool, Toolset
from aura.config import Settings
from governance.policy import current
from governance.policy.types import Decision, Effect, PolicyRequest
from governance.types import ActorKind, Principal, Resource
from tickets import plan as plans
from tickets import prompts, watching
from tickets.events import AGENT
from tickets.families import further_tools
from tickets.journal import TicketJournal
from tickets.merging import Ending
from tickets.models import Ticket
from tickets.plan import SUBMIT_PLAN
from tickets.previews import preview_tool
from tickets.tools import REQUEST_APPROVAL, ticket_tools


def configured_model() -> LanguageModel:
    """The model of the settings: litellm when one is named, else the offline planner."""
    config: Settings = settings.AURA
    if config.llm_model:
        from agents.runtime.litellm_model import LiteLLM  # noqa: PLC0415 - only where it is used

        return LiteLLM.from_settings(config)
    from agents.offline.planner import OfflinePlanner  # noqa: PLC0415 - likewise

    return OfflinePlanner()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What an agent works with. Tests pass their own."""

    model: LanguageModel
    workspace: Workspace
    config: Settings

    @classmethod
    def configured(cls) -> Workshop:
        """The workshop of the settings."""
        config: Settings = settings.AURA
        return cls(
            model=configured_model(), workspace=Workspace.from_settings(config), config=config
        )


def session(ticket: Ticket, run: Run, workshop: Workshop) -> Session:
    """A worker's session on a claimed run. Touches Git when the run is new (`_opening`)."""
    tools = toolset(ticket, workshop)
    if not run.prompt:
        _open(ticket, run, workshop)
    taken = conversation.load(run)
    turn, calls = taken[-1] if taken else (None, [])
    return Session(
        run=run,
        door=Door(
            tools=tools,
            principal=AGENT,
            trace_id=str(ticket.pk),
            judge=judge(ticket, workshop.config),
            plan_tool=SUBMIT_PLAN,
            preconditions={"baseCommit": run.context.get("baseCommit", "")},
            on_behalf_of=author(ticket),
            approval_expires_s=workshop.config.approval_expires_s,
        ),
        model=workshop.model,
        journal=TicketJournal(ticket, run, config=workshop.config, polling=tools.polling),
        task=Task(
            title=run.context["title"],
            description=run.context["description"],
            planned=ticket.plan_approved_at is not None,
        ),
        messages=conversation.messages_of(run, taken, tools),
        turn=turn,
        calls=calls,
        told={call.id for call in calls if call.state == "done"},
    )


def author(ticket: Ticket) -> Principal | None:
    """Who wants what the ticket says; None where nobody gave a name."""
    if not ticket.created_by:
        return None
    return Principal(kind=ActorKind.USER, name=ticket.created_by)


def toolset(ticket: Ticket, workshop: Workshop) -> Toolset:
    """The tools of a ticket: Git's, the ticket's own, and reading on in long results."""
    git = git_tools(workshop.workspace, str(ticket.pk), is_told=lambda: bool(ticket.working_branch))
    reading = read_result(Resource(type="ticket", name=str(ticket.pk)))
    watched = watching.watched(ticket, workshop.workspace, workshop.config)
    mode = Mode(workshop.config.argocd_preview)
    outside = [*(argo_tools(watched) if watched else ()), *_cluster_tools(workshop.config)]
    if watched and mode is not Mode.NONE:
        outside.append(preview_tool(ticket, workshop.workspace, watched, mode))
    further = further_tools(ticket, workshop.workspace, workshop.config)
    own = ticket_tools(
        ticket,
        workshop.workspace,
        others=Toolset([*git, *outside, *further, reading]),
        ending=Ending(
            merges=workshop.config.agent_auto_merge,
            watched=watched,
            previews=mode is not Mode.NONE,
            reverts_freely=workshop.config.argocd_rollback,
        ),
    )
    return Toolset([*git, *outside, *further, *own, reading])


def _cluster_tools(config: Settings) -> list[Tool]:
    """Those that look into the cluster; none where none is configured."""
    if not (config.kubeconfig or config.k8s_context):
        return []
    from agents.kubernetes.ticket_tools import cluster_tools  # noqa: PLC0415 - only where used

    return cluster_tools()


def judge(ticket: Ticket, config: Settings) -> Callable[[BoundCall], Decision]:
    """Asks the policy about a call of this ticket's agent; the ticket is read as it is then."""

    def decision(bound: BoundCall) -> Decision:
        action = bound.action
        if action.tool == SUBMIT_PLAN:
            return _plan_decision(config)
        if action.tool == REQUEST_APPROVAL:
            return Decision(
                effect=Effect.REQUIRE_APPROVAL,
                policy="agent-asks-for-approval",
                four_eyes=config.agent_four_eyes,
            )
        approved = ticket.plan if ticket.plan_approved_at else None
        path = action.resource.name if action.resource.type == "file" else ""
        request = PolicyRequest(
            principal=action.principal,
            tool=action.tool,
            action_class=action.action_class,
            resource=action.resource,
            coverage=plans.coverage(approved, tool=action.tool, path=path),
            impact=bound.inspection.impact,
        )
        said = current.judge(request, destructive_approval=config.agent_destructive_approval)
        return replace(said, four_eyes=said.four_eyes or config.agent_four_eyes)

    return decision


def _plan_decision(config: Settings) -> Decision:
    if config.agent_plan_approval:
        return Decision(
            effect=Effect.REQUIRE_APPROVAL,
            policy="plan-needs-approval",
            four_eyes=config.agent_four_eyes,
        )
    return Decision(effect=Effect.ALLOW, policy="plan-approval-switched-off")


def _open(ticket: Ticket, run: Run, workshop: Workshop) -> None:
    """Begin the conversation: the repository's conventions, the ticket, what happened before.

    The ticket's words are kept as they are now: editing them later changes no plan under way.
    """
    if ticket.working_branch:
        _start_afresh(ticket, run, workshop)
    run.context = {
        **run.context,
        "title": ticket.title,
        "description": ticket.description,
        "baseCommit": workshop.workspace.base_commit(),
    }
    conventions = workshop.workspace.read_base_file("AGENTS.md")
    run.prompt = prompts.messages(ticket, conventions=conventions)
    with claims.fenced(run):
        Run.objects.filter(pk=run.pk).update(prompt=run.prompt, context=run.context)


def _start_afresh(ticket: Ticket, run: Run, workshop: Workshop) -> None:
    """An earlier attempt failed: plan on the newest base, without what it left on its branch."""
    workshop.workspace.open(str(ticket.pk)).cleanup()
    with claims.fenced(run):
        Ticket.objects.filter(pk=ticket.pk).update(commits=[], working_branch="")
    ticket.commits, ticket.working_branch = [], ""
