"""The conversation as it is sent: cut by rule where the model could not read the whole of it.

The rows keep everything. Of the oldest `Run.cut_turns` turns the model is told the outline: which
calls it made, and that their results were left out. What people said, and every call and result of
a tool that is `lasting` (the plan, answers to questions), is never cut. A cut depends on nothing
but the rows and that number, so a restart sends the same conversation, and between two cuts its
beginning stays the same, which is what providers cache.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from agents.runtime.llm import Message, ToolCall

SHORT_CHARS = 300  # what is no longer than this is not worth cutting
CHARS_A_TOKEN = 3  # of YAML, code and prose together; only what was added since the last answer
RESULT_CUT = (
    "[cut: {chars} characters of this result are left out, because the conversation had grown too"
    " long. Where you need it, read it again, in parts if it is long{kept}]"
)
KEPT = ': it is still there for read_result(call="{name}")'

TEXT_CUT = "{start}… [cut: {chars} characters are left out]"


def turns(messages: Sequence[Message]) -> int:
    """How many turns the conversation has."""
    return sum(message.role == "assistant" for message in messages)


def next_cut(messages: Sequence[Message], cut_turns: int) -> int | None:
    """How many turns to cut when it is too long: half of those still whole, in the end all.

    None when all are cut already.
    """
    total = turns(messages)
    whole = total - cut_turns
    return total - whole // 2 if whole > 0 else None


def sent(
    messages: Sequence[Message], *, cut_turns: int, lasting: Collection[str]
) -> tuple[Message, ...]:
    """The messages to send. Each call keeps its result: providers refuse one without the other."""
    if not cut_turns:
        return tuple(messages)
    return tuple(_outlined(messages, cut_turns, lasting))


def _outlined(
    messages: Sequence[Message], cut_turns: int, lasting: Collection[str]
) -> Iterator[Message]:
    turn = 0
    kept: set[str | None] = set()  # calls of lasting tools
    for message in messages:
        if message.role == "assistant":
            turn += 1
            kept = {call.id for call in message.tool_calls if call.name in lasting}
        if turn > cut_turns or turn == 0 or message.tool_call_id in kept:
            yield message
        elif message.role == "assistant":
            calls = tuple(c if c.id in kept else _outlined_call(c) for c in message.tool_calls)
            yield replace(message, content=_cut_text(message.content), tool_calls=calls)
        elif message.role == "tool":
            yield replace(message, content=_cut_result(message))
        else:
            yield message


def _cut_result(message: Message) -> str:
    content = message.content
    if len(content) <= SHORT_CHARS:
        return content
    failed = "Error: " if content.startswith("Error: ") else ""
    kept = KEPT.format(name=message.result) if message.result else ""
    return failed + RESULT_CUT.format(chars=len(content), kept=kept)


def _cut_text(text: str) -> str:
    if len(text) <= 2 * SHORT_CHARS:
        return text
    return TEXT_CUT.format(start=text[:SHORT_CHARS], chars=len(text) - SHORT_CHARS)


def _outlined_call(call: ToolCall) -> ToolCall:
    """The call with its long arguments (the text of a file) cut; still a JSON object."""
    if len(call.arguments) <= 2 * SHORT_CHARS:
        return call
    try:
        said = json.loads(call.arguments)
    except (ValueError, RecursionError):
        said = {"unreadable": call.arguments}
    return replace(call, arguments=json.dumps(_cut_values(said), ensure_ascii=False))


def _cut_values(value: Any) -> Any:
    if isinstance(value, str):
        return _cut_text(value)
    if isinstance(value, dict):
        return {key: _cut_values(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_cut_values(item) for item in value[:20]]
    return value


def too_long(messages: Sequence[Message], *, known_tokens: int, context_tokens: int) -> bool:
    """Whether the next request would surely exceed what the model reads.

    `known_tokens`: what the provider counted for everything up to and with its last answer;
    `context_tokens`: what it reads at most; each 0 where it is not known.
    """
    if not context_tokens or not known_tokens:
        return False
    added = 0
    for message in reversed(messages):
        if message.role == "assistant":
            break
        added += len(message.content)
    return known_tokens + added // CHARS_A_TOKEN > context_tokens
