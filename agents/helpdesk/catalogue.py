"""Which helpdesk agents there are."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.conf import settings
from django.core.checks import Error

from agents.definition import HelpdeskAgent
from agents.external.servers import servers
from agents.external.tools import external_tools
from agents.helpdesk.elsewhere import others
from agents.runtime.results import read_result
from agents.runtime.tool import Toolset
from aura.config import ConfigError
from governance.types import Resource


@cache
def agents() -> tuple[HelpdeskAgent, ...]:
    """Every agent, in the order of their ports."""
    from agents.database.agent import AGENT as DATABASE  # noqa: PLC0415 - they import tools
    from agents.incident.agent import AGENT as INCIDENT  # noqa: PLC0415
    from agents.kubernetes.agent import AGENT as KUBERNETES  # noqa: PLC0415
    from agents.research.agent import AGENT as RESEARCH  # noqa: PLC0415

    return tuple(
        sorted((DATABASE, KUBERNETES, INCIDENT, RESEARCH), key=lambda agent: agent.port_index)
    )


def everybody() -> tuple[HelpdeskAgent, ...]:
    """Our agents, and those elsewhere that the operator has named."""
    return (*agents(), *others(settings.AURA))


def agent(name: str) -> HelpdeskAgent | None:
    """The agent of this name; also the one that nothing lists."""
    from agents.helpdesk import lookout  # noqa: PLC0415 - as above

    return next((agent for agent in (*everybody(), lookout.AGENT) if agent.name == name), None)


def by_alias(alias: str) -> HelpdeskAgent | None:
    """The agent that `/api/v1/query` means by this word."""
    return next((agent for agent in everybody() if alias in agent.aliases), None)


def by_family(family: str) -> HelpdeskAgent | None:
    """The agent that a part of a URL means."""
    return next((agent for agent in agents() if agent.family == family), None)


@cache
def toolset(name: str) -> Toolset:
    """The tools of the agent of this name as they are published, with those of MCP servers that
    join them; empty where there is none.
    """
    found = agent(name)
    return _joined(found) if found else Toolset(())


def check_servers() -> None:
    """Raises `ConfigError` for a list of MCP servers that cannot be used with our agents."""
    for server in servers(settings.AURA.mcp_servers):
        found = agent(server.agent)
        if found is None:
            raise ConfigError(f"AURA_MCP_SERVERS: {server.name}: no agent is called {server.agent}")
        try:
            _joined(found)
        except ValueError as error:
            raise ConfigError(f"AURA_MCP_SERVERS: {server.agent}: {error}") from None


def check_list(**_: Any) -> list[Error]:
    """A system check: the operator's list can be used."""
    try:
        check_servers()
    except ConfigError as error:
        return [Error(str(error), id="agents.E001")]
    return []


def _joined(found: HelpdeskAgent) -> Toolset:
    return Toolset([*found.tools(), *external_tools(found.name)])


@cache
def working_toolset(name: str) -> Toolset:
    """The same, with what a run needs for itself: reading on in its long results."""
    return Toolset([*toolset(name), read_result(Resource(type="result", name=name))])
