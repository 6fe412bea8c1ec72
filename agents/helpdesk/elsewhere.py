"""Agents elsewhere (HELPDESK_AGENT_URLS) beside our own: asked through the same door.

What another's agent does is its owner's to say, so asking it counts as a change: the policy's type
`agent`, whose name is the host, decides whether it may be asked at all, and with whose approval.
"""

from __future__ import annotations

from functools import partial
from typing import Final
from urllib.parse import urlsplit

from pydantic import Field

from agents.definition import HelpdeskAgent, Wanted
from agents.runtime.tool import Arguments, CallContext, Tool, ToolFailure, ToolResult
from aura.config import Settings
from governance.types import ActionClass, Resource

FAMILY: Final = "elsewhere"
NOWHERE: Final = -1  # it has no port of ours


class Question(Arguments):
    message: str = Field(min_length=1, max_length=100_000, description="What to ask")


def others(config: Settings) -> tuple[HelpdeskAgent, ...]:
    """One agent for each configured URL, named by its host; nothing is asked here."""
    return tuple(_agent(url, config) for url in config.agent_urls)


def _agent(url: str, config: Settings) -> HelpdeskAgent:
    name = urlsplit(url).netloc.rpartition("@")[2]
    return HelpdeskAgent(
        name=name,
        family=FAMILY,
        title=f"The agent at {name}",
        description=f"An agent of somebody else, asked over A2A at {name}.",
        instructions="Pass the question on with the tool ask, and answer what it answers.",
        tools=partial(_tools, url, name, config),
        calls_for=_passed_on,
        port_index=NOWHERE,
        aliases=(name,),
    )


def _passed_on(question: str) -> tuple[Wanted, ...]:
    return (("ask", {"message": question}),)


def _tools(url: str, name: str, config: Settings) -> list[Tool]:
    def run(said: Question, context: CallContext) -> ToolResult:
        from agents.external.remote import RemoteAgent, RemoteFailure  # noqa: PLC0415 - in workers only

        try:
            found = RemoteAgent.discover(url, api_key=config.agent_api_key)
            answer = found.ask(said.message, trace_id=context.trace_id)
        except RemoteFailure as failure:
            raise ToolFailure(f"agent {name!r} not available: {failure}") from None
        if answer["state"] not in {"completed", "working", "submitted", "input-required"}:
            raise ToolFailure(f"{name} answered {answer['state']}: {answer['text']}")
        return ToolResult(content=str(answer["text"]), data=answer)

    return [
        Tool(
            name="ask",
            title=f"Ask {name}",
            description=f"Ask the agent at {name}; its answer is text from outside.",
            action_class=ActionClass.WRITE,
            parameters=Question,
            run=run,
            resource=lambda _: Resource(type="agent", name=name),
            tags=("a2a",),
        )
    ]
