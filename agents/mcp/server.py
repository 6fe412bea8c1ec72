"""What MCP's `tools/list` and `tools/call` answer: the tools of all helpdesk agents.

A call becomes a task (`agents.helpdesk.tasks`) and passes the same door as everything else. What
waits for an approval, or takes long, is answered with the id of its task; `task_result` gets the
rest.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import mcp_types as types
from django.conf import settings
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from agents.admission import CALLER, in_thread
from agents.helpdesk import catalogue, tasks
from agents.helpdesk.waiting import settled
from agents.models import ENDED_TASK, HelpdeskTask, TaskState
from agents.runtime.tool import Tool
from aura.config import VERSION
from aura.kernel.errors import Problem
from aura.kernel.http import as_problem
from aura.kernel.telemetry import context
from governance.types import ActionClass, Principal

RESULT: Final = "task_result"
ID_CHARS: Final = 64
logger = logging.getLogger(__name__)

INSTRUCTIONS: Final = (
    "Tools of Aura's helpdesk for PostgreSQL and Kubernetes. Every call is judged by a policy and"
    " logged. A call may need the approval of a person: the result then names a task_id, and"
    f" {RESULT} gets the outcome once somebody has decided."
)

_RESULT_TOOL: Final = types.Tool(
    name=RESULT,
    title="Result of a Task",
    description=(
        "The result of an earlier call that waited for an approval, took long, or was too long to"
        " be shown whole. Nothing is run again."
    ),
    input_schema={
        "type": "object",
        "properties": {
            "task_id": {"type": "string", "maxLength": ID_CHARS, "description": "e.g. task-1a2b…"},
            "offset": {
                "type": "integer",
                "minimum": 0,
                "default": 0,
                "description": "first character of the text to show",
            },
        },
        "required": ["task_id"],
        "additionalProperties": False,
    },
    annotations=types.ToolAnnotations(read_only_hint=True, open_world_hint=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A tool as it is offered, and whose it is."""

    agent: str
    tool: types.Tool


def manager() -> StreamableHTTPSessionManager:
    """The library's server with our two handlers. Who asks stands in the request's scope."""
    server: Server[Any] = Server(
        "aura",
        version=VERSION,
        title="Aura",
        instructions=INSTRUCTIONS,
        on_list_tools=_list,
        on_call_tool=_call,
    )
    return StreamableHTTPSessionManager(app=server, json_response=True, stateless=True)


async def _list(_context: Any, _params: Any) -> types.ListToolsResult:
    return types.ListToolsResult(tools=[*(one.tool for one in offers().values()), _RESULT_TOOL])


async def _call(
    asked: ServerRequestContext[Any, Any], params: types.CallToolRequestParams
) -> types.CallToolResult:
    """Whatever is raised becomes a result: the library would tell its text, SQL and all."""
    try:
        return await _called(asked, params)
    except Exception as raised:
        problem = as_problem(raised)
        if problem is None:
            logger.exception("unexpected error in %s", params.name[:ID_CHARS])
            problem = Problem("Unexpected server error")
        return _said(problem.message, bad=True)


async def _called(
    asked: ServerRequestContext[Any, Any], params: types.CallToolRequestParams
) -> types.CallToolResult:
    request: Any = asked.request
    caller: Principal = request.scope[CALLER]
    arguments = params.arguments or {}
    if params.name == RESULT:
        return await _result(caller, arguments)
    offer = offers().get(params.name)
    if offer is None:
        return _said(
            f"There is no tool {params.name[:ID_CHARS]}; tools/list has them all", bad=True
        )
    trace = context.current()
    task = await in_thread(
        lambda: tasks.call(
            offer.agent,
            offer.tool.name,
            arguments,
            by=caller,
            trace_id=trace.id if trace else "",
        )
    )
    return _shown(await settled(task.key, settings.AURA.agent_wait_s) or task)


async def _result(caller: Principal, arguments: Mapping[str, Any]) -> types.CallToolResult:
    key, offset = arguments.get("task_id"), arguments.get("offset", 0)
    if not isinstance(key, str) or not isinstance(offset, int) or offset < 0:
        return _said(f"{RESULT} takes a task_id (text) and an offset (number from 0 on)", bad=True)
    task = await in_thread(_own, key[:ID_CHARS], caller)
    if task is None:
        return _said(f"Task {key[:ID_CHARS]} was not found", bad=True)
    if task.state not in ENDED_TASK:
        task = await settled(task.key, settings.AURA.agent_wait_s) or task
    return _shown(task, offset=offset)


def _own(key: str, caller: Principal) -> HelpdeskTask | None:
    """A task of this caller's; with authentication off everybody is one caller."""
    task = tasks.find(key)
    if task is None or settings.AURA.auth == "off":
        return task
    return task if (task.asked_kind, task.asked_by) == (caller.kind, caller.name) else None


def _shown(task: HelpdeskTask, *, offset: int = 0) -> types.CallToolResult:
    """A task as the result of a call. What is left out can be read on from an offset."""
    about = {"taskId": task.key, "state": task.state, "traceId": task.trace_id}
    if task.state == TaskState.INPUT_REQUIRED:
        return _said(
            f"{task.text}\nCall {RESULT} with task_id {task.key} once it is decided.",
            about | {"approvalId": task.approval},
        )
    if task.state not in ENDED_TASK:
        text = f"Still working; call {RESULT} with task_id {task.key} for the result."
        return _said(text, about)
    text, most = task.text[offset:], settings.AURA.tool_result_chars
    if len(text) > most:
        end = offset + most
        text = (
            f"{text[:most]}\n[cut: characters {offset} to {end} of {len(task.text)};"
            f" read on with {RESULT}(task_id={task.key}, offset={end})]"
        )
    elif task.state == TaskState.COMPLETED and not offset:
        about |= _data(task)
    return _said(text, about, bad=task.state != TaskState.COMPLETED)


def _data(task: HelpdeskTask) -> dict[str, Any]:
    """The structured results, as far as they are as short as texts may be."""
    parts = [one["parts"] for one in task.artifacts]
    if sum(map(len, parts)) > settings.AURA.tool_result_chars or not parts:
        return {}
    return {"results": [json.loads(part) for part in parts]}


def _said(
    text: str, about: Mapping[str, Any] | None = None, *, bad: bool = False
) -> types.CallToolResult:
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=text)],
        structured_content=dict(about) if about else None,
        is_error=bad,
    )


@cache
def offers() -> dict[str, Offer]:
    """Every tool of every agent by its name, which is unique."""
    found: dict[str, Offer] = {}
    for agent in catalogue.agents():
        for tool in agent.tools():
            if tool.name in found or tool.name == RESULT:
                raise ValueError(f"two tools are called {tool.name}")
            found[tool.name] = Offer(agent=agent.name, tool=_described(tool))
    return found


def _described(tool: Tool) -> types.Tool:
    fixed = tool.action_class if isinstance(tool.action_class, ActionClass) else None
    return types.Tool(
        name=tool.name,
        title=tool.title or None,
        description=tool.description,
        input_schema=tool.parameters.model_json_schema(),
        annotations=types.ToolAnnotations(
            title=tool.title or None,
            read_only_hint=fixed == ActionClass.READ,
            # One whose class depends on its arguments may destroy something.
            destructive_hint=fixed not in {ActionClass.READ, ActionClass.WRITE},
            idempotent_hint=tool.idempotent or None,
        ),
    )
