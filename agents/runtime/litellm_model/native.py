"""A conversation in the shape of the chat completions API."""

from __future__ import annotations

import json
from typing import Any

from agents.runtime.llm import Message, Request

JSON = dict[str, Any]


def native_conversation(request: Request) -> JSON:
    """`messages`, and `tools` if there are any, in the shape of the chat completions API."""
    arguments: JSON = {"messages": [_native_message(message) for message in request.messages]}
    if request.tools:
        arguments["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": dict(tool.parameters),
                },
            }
            for tool in request.tools
        ]
    return arguments


def _native_message(message: Message) -> JSON:
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": message.content}
    if not message.tool_calls:
        return {"role": message.role, "content": message.content}
    calls = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": sendable(call.arguments)},
        }
        for call in message.tool_calls
    ]
    said = {"content": message.content} if message.content else {}
    return {"role": message.role, **said, "tool_calls": calls}


def sendable(arguments: str) -> str:
    """The model's own arguments, wrapped if they are no JSON object: servers parse them."""
    return (
        arguments if json_object(arguments) is not None else json.dumps({"unreadable": arguments})
    )


def json_object(text: str) -> JSON | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):  # text of a model: it may nest as deep as it likes
        return None
    return found if isinstance(found, dict) else None
