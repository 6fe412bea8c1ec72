"""A run as the messages a model reads. The rows are the state; nothing else is kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agents.models import CallState, Run, ToolExecution, Turn
from agents.runtime import results
from agents.runtime.fence import fence
from agents.runtime.llm import Message, ToolCall
from agents.runtime.tool import Toolset

NUDGE = (
    "You answered without calling a tool, so nothing happened. Call a tool to go on; call"
    " `resolve` when the work is done and `ask_question` when you need a person."
)


Taken = Sequence[tuple[Turn, list[ToolExecution]]]


def load(run: Run) -> Taken:
    """Every turn of the run so far with its calls, in order."""
    turns = run.turns.prefetch_related("calls").order_by("number")
    return [(turn, sorted(turn.calls.all(), key=lambda call: call.position)) for turn in turns]


def messages_of(run: Run, taken: Taken, tools: Toolset) -> list[Message]:
    """All messages of the run so far, in order; calls without a result have no message yet."""
    messages = [Message(role=m["role"], content=m["content"]) for m in run.prompt]
    for turn, calls in taken:
        messages.extend(of_turn(turn, calls))
        messages.extend(of_results(calls, tools))
    return messages


def of_turn(turn: Turn, calls: Iterable[ToolExecution]) -> list[Message]:
    """The model's own message, and ours when it called nothing."""
    said = tuple(ToolCall(id=c.call_id, name=c.tool, arguments=c.raw_arguments) for c in calls)
    answer = Message(role="assistant", content=turn.text, tool_calls=said)
    return [answer] if said else [answer, Message(role="user", content=NUDGE)]


def of_results(calls: Iterable[ToolExecution], tools: Toolset) -> list[Message]:
    """One `tool` message for each call that has its result."""
    return [
        Message(
            role="tool",
            content=shown(call, tools),
            tool_call_id=call.call_id,
            result=results.name_of(call) if tools.get(results.READ_RESULT) else "",
        )
        for call in calls
        if call.state == CallState.DONE
    ]


def shown(call: ToolExecution, tools: Toolset) -> str:
    """What the model is shown of a result: failures marked, text from outside fenced and cut."""
    text = results.excerpt(call, tools)
    if call.failed:
        return f"Error: {text}"
    source = results.source(call)
    tool = tools.get(source)
    if tool is not None and tool.trusted:
        return text
    return fence(text, source=source, key=call.id.hex)
