"""Long results: kept whole in their row, shown to the model cut, and read on with `read_result`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from pydantic import Field

from agents.models import CallState, ToolExecution
from agents.runtime.tool import Arguments, CallContext, Tool, ToolFailure, ToolResult, Toolset
from governance.types import ActionClass, Resource

READ_RESULT = "read_result"
PAGE_CHARS = 64_000  # of a tool that pages: it stays below this, and says itself how to read on
TAIL = 4  # a quarter of what is shown is the end, where logs and listings have what is newest


class Part(Arguments):
    call: str = Field(
        pattern=r"^[0-9]{1,9}\.[0-9]{1,4}$",
        description="which result, as the line in place of what is left out names it, e.g. 3.0",
        examples=["3.0"],
    )
    offset: int = Field(default=0, ge=0, le=10**9, description="first character to show, from 0")
    limit: int = Field(
        default=PAGE_CHARS,
        ge=1,
        le=PAGE_CHARS,
        description="characters to show; fewer where the product shows less in one go",
    )


def name_of(call: ToolExecution) -> str:
    """What the model calls a result of its run by: turn and position."""
    return f"{call.turn.number}.{call.position}"


def excerpt(call: ToolExecution, tools: Toolset) -> str:
    """The result as far as it is shown: head and tail, with a line for what is left out.

    Of a tool that pages the head alone, as what it cuts itself.
    """
    tool = tools.get(call.tool)
    pages = tool is not None and tool.pages
    text, most = call.result, PAGE_CHARS if pages else settings.AURA.tool_result_chars
    rules = not settings.AURA.llm_model  # they read everything, and answer with the whole of it
    if len(text) <= most or (rules and not pages):
        return text
    tail = 0 if pages else most // TAIL
    head = most - tail
    end = len(text) - tail
    line = f"characters {head} to {end} of {len(text)} are left out"
    if tools.get(READ_RESULT):
        line += f'; read on with {READ_RESULT}(call="{name_of(call)}", offset={head})'
    return "\n".join([text[:head], f"[cut: {line}]", *([text[end:]] if tail else [])])


def source(call: ToolExecution) -> str:
    """The tool whose words a result holds."""
    return str(call.data.get("of", call.tool)) if call.tool == READ_RESULT else call.tool


def read_result(resource: Resource) -> Tool:
    """The tool that reads on in a result of its own run. `resource` is what policies judge."""
    return Tool(
        name=READ_RESULT,
        title="Read a Long Result",
        description=(
            "Show more of a tool result that was too long to be shown whole. The line in place of"
            " what is left out names the call and where to read on. Nothing is run again."
        ),
        action_class=ActionClass.READ,
        parameters=Part,
        run=_read,
        resource=lambda _: resource,
        pages=True,
        tags=("results",),
        examples=("Show the middle of the log that was cut.",),
    )


def _read(part: Part, context: CallContext) -> ToolResult:
    found = _found(part.call, context)
    text = found.result
    if part.offset >= len(text) > 0:
        raise ToolFailure(
            f"the result {part.call} has {len(text)} characters; read an earlier part"
        )
    end = part.offset + min(part.limit, settings.AURA.tool_result_chars)
    data = {"call": part.call, "of": source(found), "offset": part.offset, "total": len(text)}
    if end >= len(text):
        return ToolResult(content=text[part.offset :], data=data)
    line = f"[cut: characters {part.offset} to {end} of {len(text)}; read on with offset={end}]"
    return ToolResult(content=f"{text[part.offset : end]}\n{line}", data=data)


def _found(name: str, context: CallContext) -> ToolExecution:
    """The call that the model means: of this very run, and ended."""
    turn, _, position = name.partition(".")
    calls: Any = ToolExecution.objects.filter(
        run__calls=UUID(context.call_id), turn__number=int(turn), position=int(position)
    )
    found = calls.filter(state=CallState.DONE).first()
    if found is None:
        raise ToolFailure(f"there is no result {name}; the line in place of the cut names the call")
    return found  # type: ignore[no-any-return]
