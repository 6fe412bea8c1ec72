"""The conversation for models that keep to a schema and know no tools, and their replies."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from agents.runtime.litellm_model.native import JSON, json_object, sendable
from agents.runtime.litellm_model.replies import Unusable, explain_emptiness
from agents.runtime.llm import Message, Request, ToolSpec

JSON_RULES = """\
Answer with one JSON object and nothing else:
{"reasoning": "your thoughts, or your answer", "calls": [{"name": "a tool", "arguments": {}}]}
Put the tools to run into calls; what they return comes in the next message. When no tool is
needed any more, leave calls empty and give your answer in reasoning. The tools:"""


def json_conversation(request: Request) -> JSON:
    """`messages` in text alone, with tools and results described, and a `response_format`."""
    rules = "\n".join([JSON_RULES, *map(_described, request.tools)])
    turns = [("system", rules), *_spoken(request.messages)]
    turns.sort(key=lambda turn: turn[0] != "system")
    # why: small models' chat templates accept one system message and strictly alternating turns
    messages = [
        {"role": role, "content": "\n\n".join(content for _, content in group)}
        for role, group in groupby(turns, key=lambda turn: turn[0])
    ]
    return {
        "messages": messages,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "turn", "schema": _turn_schema(request.tools)},
        },
    }


def _described(tool: ToolSpec) -> str:
    return f"- {tool.name}: {tool.description} Arguments: {json.dumps(dict(tool.parameters))}"


def _spoken(messages: Sequence[Message]) -> Iterator[tuple[str, str]]:
    """(role, text) of each message; calls take the form that the model is asked for."""
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    for message in messages:
        if message.role == "tool":
            name = names.get(message.tool_call_id or "", "a tool")
            yield "user", f"Result of {name}:\n{message.content}"
        elif message.role == "assistant":
            calls = [
                {"name": call.name, "arguments": json.loads(sendable(call.arguments))}
                for call in message.tool_calls
            ]
            yield "assistant", json.dumps({"reasoning": message.content, "calls": calls})
        else:
            yield message.role, message.content


def _turn_schema(tools: Sequence[ToolSpec]) -> JSON:
    call = {"anyOf": [_call_schema(tool) for tool in tools]}
    return {
        "type": "object",
        "properties": {
            "reasoning": {"type": "string"},
            "calls": {"type": "array", "items": call},
        },
        "required": ["reasoning", "calls"],
        "additionalProperties": False,
    }


def _call_schema(tool: ToolSpec) -> JSON:
    # why: "#/$defs/…" would point into the outer schema; such arguments are checked by us anyway
    flat = "$defs" not in tool.parameters
    return {
        "type": "object",
        "properties": {
            "name": {"type": "string", "enum": [tool.name]},
            "arguments": dict(tool.parameters) if flat else {"type": "object"},
        },
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }


def parse_json_reply(text: str) -> tuple[str, list[tuple[object, str, str]]]:
    """(reasoning, calls) of a reply in `_turn_schema`; raises `Unusable` for any other."""
    found = json_object(re.sub(r"^```(?:json)?\s*|\s*```$", "", text.strip()))
    if found is None or not isinstance(found.get("calls"), list):
        raise Unusable("it is not the JSON object that AURA_LLM_TOOL_MODE=json_schema asks for")
    reasoning = found.get("reasoning")
    calls: list[tuple[object, str, str]] = [_json_call(call) for call in found["calls"]]
    if not calls and not reasoning:
        explain_emptiness(None)
    return reasoning if isinstance(reasoning, str) else "", calls


def _json_call(call: object) -> tuple[None, str, str]:
    match call:
        case {"name": str(name), "arguments": dict(arguments)}:
            return None, name, json.dumps(arguments)
        case {"name": str(name), **others} if others.get("arguments") is None:
            return None, name, "{}"
        case _:
            raise Unusable("one of its calls has no name, or arguments that are no object")
