"""Answers without a model: the reads that fit the question are made, and their facts are listed."""

from __future__ import annotations

import json
from collections.abc import Iterator

from agents.definition import HelpdeskAgent
from agents.runtime.fence import unfence
from agents.runtime.llm import Message, Reply, Request, ToolCall
from agents.runtime.tool import Toolset
from governance.types import ActionClass

EXAMPLES = 6
NO_RULE = (
    "No language model is configured (AURA_LLM_MODEL), and no rule knows which facts would answer"
    " this. What can be asked without one, for example:"
)
NAMED = "A question names one of what is registered here: "
UNREGISTERED = (
    "But nothing is registered here that could be looked at: list it in a file named by"
    " HELPDESK_INFRA_CONFIG."
)
MOST_NAMED = 20
DIRECTLY = "Or call a tool directly, as POST /api/v1/{family}/TOOL; these read: "
CHANGES = (
    "Nothing is changed because of a sentence. These do it, and wait for a person where the policy"
    " asks for one: "
)


class Listing:
    """A `LanguageModel` of rules for one agent: no key, no tokens, no network."""

    name = "offline"

    def __init__(self, agent: HelpdeskAgent) -> None:
        self._agent = agent

    def complete(self, request: Request) -> Reply:
        """The reads first, their facts then."""
        results = [message for message in request.messages if message.role == "tool"]
        if results:
            return Reply(text="\n\n".join(_facts(request.messages)), model=self.name)
        offered = {tool.name for tool in request.tools}
        calls = tuple(
            ToolCall(id=f"call_{place}", name=name, arguments=json.dumps(dict(arguments)))
            for place, (name, arguments) in enumerate(self._agent.calls_for(_question(request)))
            if name in offered
        )
        return Reply(text="" if calls else self._what_i_do(), tool_calls=calls, model=self.name)

    def _what_i_do(self) -> str:
        tools = Toolset(self._agent.tools())
        examples = [example for tool in tools for example in tool.examples]
        reads = [tool.name for tool in tools if tool.action_class is ActionClass.READ]
        changes = [tool.name for tool in tools if tool.name not in reads]
        lines = [NO_RULE, *(f"  - {example}" for example in examples[:EXAMPLES])]
        if self._agent.targets is not None:
            known = self._agent.targets()
            lines.append(NAMED + ", ".join(known[:MOST_NAMED]) if known else UNREGISTERED)
        lines.append(DIRECTLY.format(family=self._agent.family) + ", ".join(reads))
        if changes:
            lines.append(CHANGES + ", ".join(changes))
        return "\n".join(lines)


def _question(request: Request) -> str:
    return request.task.description


def _facts(messages: tuple[Message, ...]) -> Iterator[str]:
    """The results, each under the name of its tool where there are several."""
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    results = [message for message in messages if message.role == "tool"]
    for message in results:
        text = unfence(message.content)
        heading = f"{names.get(message.tool_call_id or '', 'result')}:\n"
        yield heading + text if len(results) > 1 else text
