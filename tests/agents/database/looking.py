"""Calling tools that look, as the door does, on whatever the inventory lists."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from agents.database.tools import database_tools
from agents.runtime.tool import CallContext, Tool, ToolFailure, ToolResult
from governance.types import ActionClass
from tests.agents.database.servers import inventory

CONTEXT = CallContext(call_id="0" * 32, trace_id="dt_0f8fad5b-d9c")
NOT_BY_ITSELF = ("run_query", "explain_query", "get_session_info")  # they need an argument
LOOKS = [
    tool.name
    for tool in database_tools()
    if tool.action_class is ActionClass.READ and tool.name not in NOT_BY_ITSELF
]


def tool(name: str) -> Tool:
    return {tool.name: tool for tool in database_tools()}[name]


def look(name: str, /, **arguments: Any) -> ToolResult:
    """The result of a call, whose data is JSON."""
    result = tool(name).run(tool(name).parameters.model_validate(arguments), CONTEXT)
    assert isinstance(result, ToolResult)
    json.dumps(result.data, allow_nan=False)
    return result


def fails(name: str, /, **arguments: Any) -> ToolFailure:
    with pytest.raises(ToolFailure) as failure:
        look(name, **arguments)
    return failure.value


def register(settings: Any, directory: Path, **databases: dict[str, Any]) -> None:
    """The inventory lists these and nothing else."""
    file = directory / "inventory.json"
    inventory(file, **databases)
    settings.AURA = settings.AURA.model_copy(update={"infra_config": file})


@contextmanager
def sessions(dsn: str, number: int) -> Iterator[list[psycopg.Connection[Any]]]:
    """Connections that are closed at the end."""
    made = [psycopg.connect(dsn, autocommit=True) for _ in range(number)]
    try:
        yield made
    finally:
        for connection in made:
            connection.close()
