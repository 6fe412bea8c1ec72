"""Which files a bundle has, and where each comes from: commands, and tools of the other agents.

A tool is asked here as it is asked at the door: the policy judges each call for whoever wants the
bundle, so that it holds nothing that they could not have read themselves.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

from pydantic import ValidationError

from agents.incident import commands
from agents.runtime.tool import CallContext, Tool, ToolFailure, ToolResult
from governance.policy import current
from governance.policy.types import Effect, PolicyRequest

# File -> tool and its arguments beside those that say which target.
Reads = Mapping[str, tuple[str, Mapping[str, Any]]]


class Layer(StrEnum):
    DATABASE = "database"
    KUBERNETES = "kubernetes"
    OS = "os"
    STORAGE = "storage"


DATABASE: Reads = {
    "version": ("get_server_info", {}),
    "databases": ("get_database_info", {}),
    "active_connections": ("get_active_connections", {}),
    "connection_stats": ("get_connection_stats", {}),
    "database_stats": ("get_database_stats", {}),
    "config_params": ("get_config_parameter", {}),
    "replication_status": ("get_replication_status", {}),
    "locks": ("get_lock_info", {}),
    "table_stats": ("get_table_stats", {}),
}
KUBERNETES: Reads = {
    "pods": ("get_pods", {}),
    "pods_all": ("get_pods", {"namespace": "all"}),
    "services": ("get_service", {}),
    "endpoints": ("get_endpoints", {}),
    "events": ("get_events", {}),
    "nodes": ("get_nodes", {"namespace": None}),
    "top_nodes": ("get_node_status", {"namespace": None}),
    "top_pods": ("get_pod_resources", {}),
}

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One file to be: `take` returns its text. It raises `ToolFailure` or `CommandFailed`."""

    layer: Layer
    name: str
    take: Callable[[], str]

    @property
    def path(self) -> str:
        return f"{self.layer}/{self.name}.txt"


def of_host(layer: Layer) -> Iterator[Item]:
    """The files of the machine that the worker runs on."""
    asked = commands.OS if layer is Layer.OS else commands.STORAGE
    for name, argv in asked.items():
        yield Item(layer=layer, name=name, take=partial(commands.run, argv))


def of_tools(
    layer: Layer, tools: Sequence[Tool], target: Mapping[str, Any], context: CallContext
) -> Iterator[Item]:
    """The files that tools of another agent tell. Asks the policy, hence the database."""
    known = {tool.name: tool for tool in tools}
    reads = DATABASE if layer is Layer.DATABASE else KUBERNETES
    for name, (tool, arguments) in reads.items():
        said = {key: value for key, value in {**target, **arguments}.items() if value is not None}
        yield Item(layer=layer, name=name, take=_call(known.get(tool), tool, said, context))


def _call(
    tool: Tool | None, name: str, arguments: Mapping[str, Any], context: CallContext
) -> Callable[[], str]:
    """A call that may be made; one that may not says so when it is taken."""
    if tool is None:
        return partial(_refuse, f"there is no tool {name}")
    try:
        parameters = tool.parameters.model_validate(dict(arguments))
        if tool.check:
            tool.check(parameters)
        _judge(tool, parameters, context)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        return partial(_refuse, f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}")
    except ToolFailure as failure:
        return partial(_refuse, str(failure))
    except Exception:  # a bug in one tool costs its file, and never the bundle
        logger.exception("%s cannot be asked for a bundle", name)
        return partial(_refuse, f"{name} failed unexpectedly; its error is in Aura's log")
    return partial(_run, tool, parameters, context)


def _judge(tool: Tool, parameters: Any, context: CallContext) -> None:
    """Raises `ToolFailure` unless whoever wants the bundle may read this."""
    decision = current.judge(
        PolicyRequest(
            principal=context.principal,
            tool=tool.name,
            action_class=tool.classify(parameters),
            resource=tool.resource(parameters),
            purpose=context.purpose,
        )
    )
    if decision.effect is not Effect.ALLOW:
        raise ToolFailure(
            f"policy denied by {decision.policy}: {decision.message or 'not allowed'}"
        )


def _run(tool: Tool, parameters: Any, context: CallContext) -> str:
    answer = tool.run(parameters, context)
    return answer.content if isinstance(answer, ToolResult) else ""


def _refuse(reason: str) -> str:
    raise ToolFailure(reason)
