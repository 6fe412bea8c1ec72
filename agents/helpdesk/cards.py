"""Agents and tools as catalogues show them: never a prompt."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.conf import settings

from agents.definition import HelpdeskAgent
from agents.helpdesk import catalogue
from agents.helpdesk.elsewhere import FAMILY
from agents.runtime.tool import Arguments, Tool
from aura.config import VERSION
from governance.types import ActionClass


def listed() -> list[dict[str, Any]]:
    """GET /api/v1/agents"""
    return [
        {
            "name": agent.name,
            "invoke_url": invoke_url(agent),
            "description": agent.description,
            "version": VERSION,
            "skills": skills(agent.name),
        }
        for agent in catalogue.everybody()
    ]


def invoke_url(agent: HelpdeskAgent) -> str:
    """Where messages to the agent go; of one elsewhere its host."""
    return agent.name if agent.family == FAMILY else f"{base_url(agent)}/invoke"


def base_url(agent: HelpdeskAgent) -> str:
    """Where the agent speaks A2A."""
    config = settings.AURA
    host = config.server_host
    shown = "localhost" if host in {"0.0.0.0", "::", ""} else host  # noqa: S104 - compared alone
    return f"http://{shown}:{config.ports.agents[agent.port_index]}"


@cache
def skills(name: str) -> list[dict[str, Any]]:
    """The tools of an agent as A2A's skills."""
    return [_skill(tool) for tool in catalogue.toolset(name)]


def title(tool: Tool) -> str:
    """Its name for people."""
    return tool.title or tool.name.replace("_", " ").title()


def _skill(tool: Tool) -> dict[str, Any]:
    skill: dict[str, Any] = {
        "id": tool.name,
        "name": title(tool),
        "description": tool.description,
        "tags": list(tool.tags),
    }
    return skill | ({"examples": list(tool.examples)} if tool.examples else {})


@cache
def tools() -> list[dict[str, Any]]:
    """GET /api/v1/tools"""
    return [
        described(agent, tool)
        for agent in catalogue.agents()
        for tool in catalogue.toolset(agent.name)
    ]


def described(agent: HelpdeskAgent, tool: Tool) -> dict[str, Any]:
    """One tool: where it is called, how much harm it can do, and the schema of its arguments."""
    fixed = isinstance(tool.action_class, ActionClass)
    return {
        "name": tool.name,
        "title": title(tool),
        "agent": agent.name,
        "description": tool.description,
        "action_class": tool.action_class if fixed else "depends on the arguments",
        "path": f"/api/v1/{agent.family}/{tool.name}" if agent.family in {"db", "k8s"} else "",
        "input_schema": input_schema(tool.parameters),
    }


@cache
def input_schema(parameters: type[Arguments]) -> dict[str, Any]:
    """The JSON Schema of a tool's arguments, made once. Not to be changed."""
    return parameters.model_json_schema()
