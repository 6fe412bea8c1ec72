"""A helpdesk agent for tests: tools whose effects are in memory, the rest is the real thing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import Field

from agents.definition import HelpdeskAgent
from agents.runtime.tool import (
    Arguments,
    CallContext,
    Inspection,
    Tool,
    ToolFailure,
    ToolResult,
    TransientFailure,
)
from governance.types import ActionClass, ActorKind, Impact, Principal, Resource, Role
from tests.agents import others

ADA = Principal(kind=ActorKind.USER, name="ada", roles=frozenset({Role.OPERATOR.value}))
BEA = Principal(kind=ActorKind.USER, name="bea", roles=frozenset({Role.APPROVER.value}))
KNOWN = Resource(type="database", name="prod-db", tags=frozenset({"inventory"}))
NAME = "test_agent"


class Said(Arguments):
    text: str = Field("", description="What to say", max_length=100)


@dataclass(slots=True)
class Desk:
    """What the tools did, and how they shall behave."""

    ran: list[str] = field(default_factory=list)
    contexts: list[CallContext] = field(default_factory=list)
    seen: Inspection = field(default_factory=Inspection)
    measured: Impact = field(default_factory=Impact)
    questions: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    targets: list[str] = field(default_factory=lambda: ["prod-db"])
    resource: Resource = KNOWN
    fault: Exception | None = None
    uninspectable: str = ""

    def agent(self) -> HelpdeskAgent:
        return HelpdeskAgent(
            name=NAME,
            family="db",
            title="Test",
            description="For tests",
            instructions="secret instructions",
            tools=self.tools,
            calls_for=lambda question: self.questions,
            targets=lambda: self.targets,
            port_index=0,
            aliases=("database", "db"),
        )

    def tools(self) -> list[Tool]:
        return [
            self._tool("look", ActionClass.READ, examples=("What is there?",)),
            self._tool("change", ActionClass.WRITE, inspect=self._inspect),
            self._tool("destroy", ActionClass.DESTRUCTIVE, inspect=self._inspect),
        ]

    def _tool(self, name: str, action_class: ActionClass, **more: Any) -> Tool:
        return Tool(
            name=name,
            description=f"{name} something",
            action_class=action_class,
            parameters=Said,
            run=lambda said, context: self._run(name, said, context),
            resource=lambda said: self.resource,
            **more,
        )

    def _inspect(self, said: Said, context: CallContext) -> Inspection:
        if self.uninspectable:
            raise ToolFailure(self.uninspectable)
        return self.seen

    def _run(self, name: str, said: Said, context: CallContext) -> ToolResult:
        self.contexts.append(context)
        if self.fault is not None:
            raise self.fault
        context.permits(self.measured)
        self.ran.append(name)
        return ToolResult(content=f"{name}: {said.text}", data={"said": said.text})


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The only agent there is."""
    made = Desk()
    agent = made.agent()
    others.in_place(monkeypatch, [agent])
    return made


def away() -> TransientFailure:
    return TransientFailure("connection refused")
