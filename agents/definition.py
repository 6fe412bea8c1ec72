"""What a helpdesk agent is: a name, instructions for the model, and tools."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.runtime.tool import Tool

# (name, arguments) of a tool call
Wanted = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpdeskAgent:
    """One agent, as it is published and as it works.

    `family` is its part of a URL (`/api/v1/db/{tool}`); `aliases` name it in /api/v1/query;
    `port_index` counts the agents' ports. `instructions` are told to the model and to nobody else.
    Without a model `calls_for` tells which reads answer a question: none where it cannot tell.
    `targets` names what is registered to be asked about; None: the agent needs nothing registered.
    """

    name: str
    family: str
    title: str
    description: str
    instructions: str
    tools: Callable[[], Sequence[Tool]]
    calls_for: Callable[[str], Sequence[Wanted]]
    port_index: int
    targets: Callable[[], Sequence[str]] | None = None
    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
