"""The routes that pass no URL table, since raw asynchronous code answers them: event streams,
waiting for an approval, agents' cards and calls (A2A), and MCP.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

STREAM_PATH: Final = re.compile(r"/api/(stream|tickets/[^/]+/stream)")
WAIT_PATH: Final = re.compile(r"/v1/approvals/([^/]+)/wait")
WAIT_ROUTE: Final = "v1/approvals/<str:approval_id>/wait"
A2A_CALLS: Final = ("/", "/invoke")
A2A_CARDS: Final = ("/.well-known/agent.json", "/.well-known/agent-card.json")
MCP_PATHS: Final = ("/mcp", "/mcp/")
SCOPE_KEY: Final = "aura.stream"  # of an ASGI scope, where its `StreamRoute` stands


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRoute:
    """`route` as URL tables write it; `ticket` as the path has it, None for the stream of all."""

    route: str
    ticket: str | None

    @classmethod
    def of(cls, path: str) -> Self | None:
        """The stream at this path, if there is one."""
        match = STREAM_PATH.fullmatch(path)
        if match is None:
            return None
        _, _, ticket = match[1].partition("/")
        if not ticket:
            return cls(route="api/stream", ticket=None)
        return cls(route="api/tickets/<str:id>/stream", ticket=ticket.partition("/")[0])
