"""The comparison: the same turn as a LangGraph graph with its PostgreSQL checkpointer."""

from __future__ import annotations

import uuid
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages

from tests.bench.work import PROMPT, TASK, TOOL, Turns, arguments, effect


class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]


def set_up(url: str) -> None:
    """Make the checkpointer's tables."""
    with PostgresSaver.from_conn_string(url) as saver:
        saver.setup()


def converse(url: str, turns: Turns) -> None:
    """One conversation of `turns.count` turns on a connection of its own."""
    with PostgresSaver.from_conn_string(url) as saver:
        graph = _graph(turns).compile(checkpointer=saver)
        turns.begin()
        graph.invoke(
            {"messages": [SystemMessage(PROMPT), HumanMessage(TASK)]},
            {"configurable": {"thread_id": str(uuid.uuid4())}, "recursion_limit": 10_000},
            durability="sync",
        )
        turns.end()


def _graph(turns: Turns) -> Any:
    def model(state: State) -> State:
        number = turns.asked()
        if number > turns.count:
            return {"messages": [AIMessage("done")]}
        call = {"name": TOOL, "args": arguments(number), "id": f"call_{number}"}
        usage = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
        return {"messages": [AIMessage("", tool_calls=[call], usage_metadata=usage)]}

    def tool(state: State) -> State:
        asked = state["messages"][-1]
        assert isinstance(asked, AIMessage)
        return {
            "messages": [
                ToolMessage(effect(**call["args"]), tool_call_id=call["id"])
                for call in asked.tool_calls
            ]
        }

    def after(state: State) -> str:
        return "tool" if getattr(state["messages"][-1], "tool_calls", None) else END

    builder = StateGraph(State)
    builder.add_node("model", model)
    builder.add_node("tool", tool)
    builder.add_edge(START, "model")
    builder.add_conditional_edges("model", after)
    builder.add_edge("tool", "model")
    return builder
