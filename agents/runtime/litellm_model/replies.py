"""A reply in OpenAI's shape, read with as little trust as it deserves."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, NoReturn

from agents.runtime.llm import FailureKind, Request, ToolCall


class Unusable(Exception):
    """A reply arrived whole, and still nothing can be done with it."""

    def __init__(self, why: str, kind: FailureKind = FailureKind.BAD_REPLY) -> None:
        super().__init__(why)
        self.kind = kind


def first_choice(response: Any) -> Any:
    choices = getattr(response, "choices", None)
    if not choices:
        raise Unusable("it holds no choices")
    return choices[0]


def explain_emptiness(finish_reason: str | None) -> NoReturn:
    if finish_reason == "length":
        raise Unusable("it was cut before the first word; set AURA_LLM_MAX_TOKENS higher")
    if finish_reason == "content_filter":
        raise Unusable("the provider's content filter held it back", FailureKind.REFUSED)
    raise Unusable("it holds neither text nor calls")


def native_calls(calls: Sequence[Any]) -> list[tuple[object, str, str]]:
    """(id, name, arguments) of each call; ids as they came."""
    return [(call.id, _name(call), _arguments_text(call.function.arguments)) for call in calls]


def _name(call: Any) -> str:
    name = call.function.name
    if not isinstance(name, str) or not name:
        raise Unusable("one of its calls names no tool")
    return name


def _arguments_text(arguments: object) -> str:
    if isinstance(arguments, str):
        return arguments or "{}"
    return "{}" if arguments is None else json.dumps(arguments)


def with_unique_ids(
    calls: Sequence[tuple[object, str, str]], request: Request
) -> tuple[ToolCall, ...]:
    """The calls with ids that nothing else in the conversation has.

    Results are stored by id, and some servers number from call_0 in every reply or leave ids out.
    A made-up id depends on the conversation and the place alone: the same reply gives the same ids.
    """
    taken = {call.id for message in request.messages for call in message.tool_calls}
    seed = hashlib.sha256(repr(request.messages).encode()).hexdigest()[:16]
    repaired = []
    for place, (call_id, name, arguments) in enumerate(calls):
        if not isinstance(call_id, str) or not call_id or call_id in taken:
            call_id = f"call_{seed}_{place}"  # noqa: PLW2901 - the repair
        taken.add(call_id)
        repaired.append(ToolCall(id=call_id, name=name, arguments=arguments))
    return tuple(repaired)


def count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
