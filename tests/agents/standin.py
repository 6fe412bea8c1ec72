"""Agents for tests of what surrounds agents: their tools say what they are given."""

from __future__ import annotations

import threading
from typing import Any

from pydantic import Field

from agents.definition import HelpdeskAgent
from agents.runtime.tool import Arguments, CallContext, Tool, ToolFailure, ToolResult
from governance.types import ActionClass, Resource
from tests.agents import others

SECRET_WORDS = "You are the keeper of the ancient lighthouse"  # of the instructions: in no card


class Said(Arguments):
    text: str = Field(description="What to say", max_length=100)


class Gate:
    """What a tool waits for."""

    def __init__(self) -> None:
        self.entered, self.opened = threading.Event(), threading.Event()


gate = Gate()


def _echo(arguments: Said, context: CallContext) -> ToolResult:
    return ToolResult(content=f"echo: {arguments.text}", data={"said": arguments.text})


def _fail(arguments: Said, context: CallContext) -> ToolResult:
    raise ToolFailure(f"no such thing\nERROR — fail failed for {arguments.text}")


def _wait(arguments: Said, context: CallContext) -> ToolResult:
    gate.entered.set()
    gate.opened.wait(60)
    return ToolResult(content="the gate is open")


def tools() -> list[Tool]:
    here = Resource(type="database", name="here", tags=frozenset({"inventory"}))

    def tool(name: str, action_class: ActionClass, run: Any, **more: Any) -> Tool:
        return Tool(
            name=name,
            description=f"{name}: for tests",
            action_class=action_class,
            parameters=Said,
            run=run,
            resource=lambda _: here,
            **more,
        )

    return [
        tool(
            "echo",
            ActionClass.READ,
            _echo,
            title="Echo a Text",
            tags=("lighthouse", "inspection"),
            examples=("Echo hello",),
        ),
        tool("fail", ActionClass.READ, _fail),
        tool("wait", ActionClass.READ, _wait),
        tool("write_down", ActionClass.WRITE, _echo),
        tool("burn", ActionClass.DESTRUCTIVE, _echo),
    ]


def calls_for(question: str) -> tuple[tuple[str, dict[str, Any]], ...]:
    if question.startswith("wait"):
        return (("wait", {"text": "x"}),)
    return (("echo", {"text": question[:100]}),)


NAMES = ("postgres_database_agent", "k8s_agent", "incident_agent", "research_agent")
AGENTS = tuple(
    HelpdeskAgent(
        name=name,
        family=name.partition("_")[0],
        title=name.title(),
        description="Says what it is told",
        instructions=SECRET_WORDS,
        tools=(tools, *[list] * 3)[index],
        calls_for=calls_for,
        port_index=index,
        tags=("lighthouse",),
    )
    for index, name in enumerate(NAMES)
)


def in_place(monkeypatch: Any) -> None:
    """The agents that there are, for a test. Each module that was told the real ones asks anew."""
    others.in_place(monkeypatch, AGENTS)
