"""Our side: a ticket in execution, driven as a worker drives it."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, ExitStack
from typing import Any
from unittest.mock import patch

from django.conf import settings
from django.db import connections
from django.utils.timezone import now

from agents.gitops.workspace import Workspace
from agents.runtime import claims
from agents.runtime.llm import Reply, Request, ToolCall, Usage
from agents.runtime.tool import Arguments, CallContext, Tool, ToolResult, Toolset
from governance.audit.background import in_background
from governance.audit.checkpoints import prepare_to_sign
from governance.types import SYSTEM, ActionClass, Resource
from tests.bench.work import PROMPT, TASK, TOOL, Turns, arguments, effect
from tickets import agent, drive, services, steps
from tickets.agent import Workshop
from tickets.models import Status, Ticket
from tickets.plan import MAX_STEPS
from tickets.tasks import LINK_EVERY_S


class Path(Arguments):
    path: str


def _write(said: Path, _: CallContext) -> ToolResult:
    return ToolResult(content=effect(said.path))


TOOLS = Toolset(
    [
        Tool(
            name=TOOL,
            description="Write a file.",
            action_class=ActionClass.WRITE,
            parameters=Path,
            run=_write,
            resource=lambda said: Resource(type="file", name=said.path),
        )
    ]
)
PLAN: dict[str, Any] = {
    "summary": "Write the files of the deployment",
    "steps": [
        {"description": f"Write file {n}", "tool": TOOL, "path": arguments(n)["path"]}
        for n in range(1, MAX_STEPS + 1)
    ],
    "estimatedTools": [TOOL],
    "risks": [],
}


class InstantModel:
    """Asks for the next write at once."""

    name = "instant"

    def __init__(self, turns: Turns) -> None:
        self.turns = turns

    def complete(self, request: Request) -> Reply:
        del request
        number = self.turns.asked()
        said = json.dumps(arguments(number))
        call = ToolCall(id=f"call_{number}", name=TOOL, arguments=said)
        usage = Usage(prompt_tokens=10, completion_tokens=5)
        return Reply(tool_calls=(call,), usage=usage, model=self.name)


def executing(max_turns: int) -> Ticket:
    """A ticket with an approved plan, whose conversation has begun and whose run is due."""
    ticket = services.create_ticket(
        title="Bench", description=TASK, actor=SYSTEM, max_turns=max_turns
    )
    services.run_ticket(ticket, actor=SYSTEM)
    ticket.plan, ticket.plan_version, ticket.plan_approved_at = PLAN, 1, now()
    ticket.save(update_fields=["plan", "plan_version", "plan_approved_at"])
    steps.replace(ticket, PLAN)
    Ticket.objects.filter(pk=ticket.pk).update(status=Status.EXECUTING)
    assert ticket.run is not None
    ticket.run.prompt = [{"role": "system", "content": PROMPT}, {"role": "user", "content": TASK}]
    ticket.run.context = {"title": ticket.title, "description": TASK, "baseCommit": "0" * 40}
    ticket.run.save(update_fields=["prompt", "context"])
    claims.queue(ticket.run.pk)
    connections.close_all()  # the conversation begins with a connection of its own, as theirs does
    return ticket


def converse(ticket: Ticket, turns: Turns) -> None:
    """One segment: `turns.count` turns, then the ticket pauses."""
    config = settings.AURA
    workshop = Workshop(
        model=InstantModel(turns), workspace=Workspace.from_settings(config), config=config
    )
    with ExitStack() as stack:
        stack.callback(connections.close_all)
        turns.begin()
        drive.advance(ticket.pk, workshop)
        turns.end()
    assert len(turns.moments) == turns.count, Ticket.objects.get(pk=ticket.pk).last_error


def linking() -> AbstractContextManager[None]:
    """What else runs in a worker."""
    assert not prepare_to_sign()
    return in_background(every_s=LINK_EVERY_S)


def our_tools() -> Any:
    """While it holds, tickets have the bench's tool in place of Git's."""
    return patch.object(agent, "toolset", lambda *_: TOOLS)
