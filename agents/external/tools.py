"""The listed tools of other MCP servers, as tools of one of our agents.

Building them asks nobody: all that is known of them stands in the operator's list.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any, Final

from django.conf import settings
from pydantic import ConfigDict, model_validator

from agents.external.schemas import complaint
from agents.external.servers import Pinned, Server, servers
from agents.runtime.tool import Arguments, CallContext, Tool, ToolFailure, ToolResult
from governance.types import ActionClass, Resource

MOST_CHARS: Final = 1 << 20  # of an answer


def external_tools(agent: str) -> list[Tool]:
    """The tools that join this agent's. Raises `ConfigError`."""
    return [
        _tool(server, name, pinned)
        for server in servers(settings.AURA.mcp_servers)
        if server.agent == agent
        for name, pinned in server.tools.items()
    ]


def _tool(server: Server, name: str, pinned: Pinned) -> Tool:
    resource = Resource(
        type="mcp", name=f"{server.name}/{name}", tags=frozenset({"allowed", server.name})
    )
    return Tool(
        name=f"{server.name}_{name}",
        title=pinned.title,
        description=pinned.description,
        action_class=pinned.action_class,
        parameters=_arguments(f"{server.name}_{name}", pinned.input_schema),
        run=partial(_run, server, name),
        resource=lambda _: resource,
        idempotent=pinned.action_class == ActionClass.READ,
        tags=("mcp", server.name),
    )


def _arguments(name: str, schema: dict[str, Any]) -> type[Arguments]:
    """Arguments judged by the server's own schema."""

    class Foreign(Arguments):
        model_config = ConfigDict(extra="allow", frozen=True)

        @model_validator(mode="before")
        @classmethod
        def _fits(cls, given: Any) -> Any:
            if said := complaint(schema, given):
                raise ValueError(said)
            return given

        @classmethod
        def model_json_schema(cls, *_: Any, **__: Any) -> dict[str, Any]:
            return schema

    Foreign.__name__ = Foreign.__qualname__ = name
    return Foreign


def _run(server: Server, name: str, arguments: Arguments, _context: CallContext) -> ToolResult:
    from agents.external.client import call  # noqa: PLC0415 - in workers alone

    answer = call(server, name, arguments.model_dump(mode="json"))
    texts = [block.text for block in answer.content if block.type == "text"]
    others = len(answer.content) - len(texts)
    if others:
        texts.append(f"[{others} parts of other kinds (images, files) are left out]")
    text = _cut("\n".join(texts) or "(nothing)")
    if answer.is_error:
        raise ToolFailure(f"{server.name} could not do it: {text}")
    return ToolResult(content=text, data=_data(answer.structured_content))


def _cut(text: str) -> str:
    if len(text) <= MOST_CHARS:
        return text
    return f"{text[:MOST_CHARS]}\n[cut: {len(text) - MOST_CHARS} more characters]"


def _data(found: object) -> dict[str, Any]:
    """Structured data that rows can keep; another server may send what is no JSON, or no end."""
    try:
        short = len(json.dumps(found, allow_nan=False)) <= MOST_CHARS
    except (ValueError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) and short else {}
