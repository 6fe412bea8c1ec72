"""A conversation as facts: which calls were made, and what came of each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agents.runtime.fence import unfence
from agents.runtime.llm import Message

_FAILED = "Error: "
# What the runtime and the Git tools put below a result that is not whole.
_CUT = re.compile(r"(?:\A|\n)\[cut[ :][^\n]*\]\Z")
ENDS = frozenset({"resolve", "give_up"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One call and its result. `number` counts the calls of the conversation."""

    number: int
    tool: str
    arguments: Mapping[str, Any]
    result: str
    failed: bool

    @property
    def denied(self) -> bool:
        return self.failed and self.result.startswith(("Denied", "policy denied"))

    @property
    def rejection(self) -> str | None:
        """The feedback of a rejected plan; None when this is none."""
        match = re.match(r"Plan rejected:?\s*(?P<v>.*)", self.result, re.DOTALL)
        return match["v"].strip() if match else None

    @property
    def whole(self) -> bool:
        """False when the result was cut: what is missing is unknown."""
        return _CUT.search(self.result) is None

    def is_call(self, tool: str, arguments: Mapping[str, Any]) -> bool:
        return self.tool == tool and self.arguments == arguments


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """`replies` counts the model's messages in all, `exchanges` holds every call of them.

    `since` is where the present attempt begins: after the last call that ended the work.
    """

    replies: int
    exchanges: tuple[Exchange, ...]
    since: int
    spent: int

    @property
    def present(self) -> tuple[Exchange, ...]:
        """The calls of this attempt."""
        return self.exchanges[self.since :]

    def of(self, tool: str, *, after: int = -1) -> list[Exchange]:
        """The calls of a tool in this attempt, later than call number `after`."""
        return [e for e in self.present if e.tool == tool and e.number > after]

    def last(self, tool: str, *, after: int = -1) -> Exchange | None:
        """The last successful call of a tool in this attempt."""
        done = [e for e in self.of(tool, after=after) if not e.failed]
        return done[-1] if done else None


def transcript(messages: Iterable[Message]) -> Transcript:
    """Read the assistant's and the tools' messages; all others are not for a planner of rules."""
    calls: list[tuple[str, str, Mapping[str, Any], int]] = []
    results: dict[str, str] = {}
    replies = 0
    for message in messages:
        if message.role == "assistant":
            replies += 1
            calls += [(c.id, c.name, _arguments(c.arguments), replies) for c in message.tool_calls]
        elif message.role == "tool" and message.tool_call_id is not None:
            results[message.tool_call_id] = message.content
    exchanges = tuple(
        _exchange(number, tool, arguments, results.get(id_))
        for number, (id_, tool, arguments, _) in enumerate(calls)
    )
    since = max((e.number + 1 for e in exchanges if e.tool in ENDS and not e.failed), default=0)
    before = calls[since - 1][3] if since else 0
    return Transcript(replies=replies, exchanges=exchanges, since=since, spent=replies - before)


def _exchange(
    number: int, tool: str, arguments: Mapping[str, Any], content: str | None
) -> Exchange:
    # A call without a result is asked about like a failed one: nobody knows what it did.
    content = f"{_FAILED}the call has no result" if content is None else content
    failed = content.startswith(_FAILED)
    result = content.removeprefix(_FAILED) if failed else unfence(content)
    return Exchange(number=number, tool=tool, arguments=arguments, result=result, failed=failed)


def _arguments(text: str) -> Mapping[str, Any]:
    try:
        data = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def listed(result: Exchange) -> list[str]:
    """The paths of a listing; of one that was cut, the last line may be half a path."""
    lines = _CUT.sub("", result.result).splitlines()
    return [line.strip() for line in (lines if result.whole else lines[:-1]) if line.strip()]


def facts(exchange: Exchange | None) -> Mapping[str, Any]:
    """A JSON result, e.g. of a commit; empty where it is something else."""
    return _arguments(exchange.result) if exchange else {}
