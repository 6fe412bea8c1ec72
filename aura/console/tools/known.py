"""The agents and their tools as the pages show them: the tickets', the helpdesk's, those elsewhere.

Nothing is asked of anybody: all of it is known from settings and code.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings

from agents.definition import HelpdeskAgent
from agents.gitops.workspace import Workspace
from agents.helpdesk import cards, catalogue
from agents.helpdesk.elsewhere import NOWHERE
from agents.kubernetes.failures import ClusterError
from agents.offline.planner import OfflinePlanner
from agents.runtime.tool import Arguments, Tool
from aura.console.tools import schema
from aura.console.tools.schema import Argument
from governance.types import ActionClass
from tickets.agent import Workshop, toolset
from tickets.models import Ticket
from tickets.services import AGENT_NAME


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One tool of one agent. `server` names the MCP server it is on, empty for one of ours.

    `direct`: somebody may call it without a model. `harm` is its class in words.
    """

    agent: HelpdeskAgent
    tool: Tool
    title: str
    harm: str
    path: str
    server: str
    direct: bool
    arguments: list[Argument]
    input_schema: dict[str, Any]

    @property
    def can_be_tried(self) -> bool:
        """Whether its page has a form: it changes nothing, whatever its arguments are."""
        return self.direct and self.tool.action_class is ActionClass.READ


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """An agent with its tools. `problem`: why those are not known."""

    agent: HelpdeskAgent
    tools: tuple[Known, ...] = ()
    problem: str = ""


def shelves() -> list[Shelf]:
    """Every agent, the tickets' first."""
    return [_of_tickets(), *map(_of_helpdesk, catalogue.everybody())]


def find(agent: str, name: str) -> Known | None:
    """The tool of this name of this agent."""
    tools = (tool for shelf in shelves() if shelf.agent.name == agent for tool in shelf.tools)
    return next((known for known in tools if known.tool.name == name), None)


def _of_helpdesk(agent: HelpdeskAgent) -> Shelf:
    ours = agent in catalogue.agents()
    tools = tuple(_known(agent, tool, direct=ours) for tool in catalogue.toolset(agent.name))
    return Shelf(agent=agent, tools=tools)


def _of_tickets() -> Shelf:
    agent = _ticket_agent()
    try:
        tools = _ticket_tools()
    except ClusterError as error:  # the file that tells where Argo CD is need not be here
        return Shelf(agent=agent, problem=str(error))
    return Shelf(agent=agent, tools=tuple(_known(agent, tool, direct=False) for tool in tools))


@cache
def _ticket_agent() -> HelpdeskAgent:
    """The agent of tickets, as if it were one of the helpdesk's."""
    return HelpdeskAgent(
        name=AGENT_NAME,
        family=AGENT_NAME,
        title="Ticket agent",
        description="Works on tickets: plans, changes files in Git, watches Argo CD until what was"
        " asked for runs.",
        instructions="",
        tools=_ticket_tools,
        calls_for=lambda _: (),
        port_index=NOWHERE,
    )


@cache
def _ticket_tools() -> tuple[Tool, ...]:
    """What the settings give to every ticket: these belong to none, and are never run."""
    workspace = Workspace.from_settings(settings.AURA)
    workshop = Workshop(model=OfflinePlanner(), workspace=workspace, config=settings.AURA)
    return tuple(toolset(Ticket(), workshop))


def _known(agent: HelpdeskAgent, tool: Tool, *, direct: bool) -> Known:
    described = cards.described(agent, tool)
    return Known(
        agent=agent,
        tool=tool,
        title=described["title"],
        harm=described["action_class"],
        path=described["path"],
        server=tool.tags[1] if tool.tags[:1] == ("mcp",) else "",
        direct=direct,
        arguments=_arguments(tool.parameters),
        input_schema=described["input_schema"],
    )


@cache
def _arguments(parameters: type[Arguments]) -> list[Argument]:
    return schema.arguments(cards.input_schema(parameters))
