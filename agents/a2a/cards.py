"""What an agent says of itself: a card in the shape of 0.3, of 1.0, or one that is both. Pure.

Skills are the tools; what the agent is told to do is in no card.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

from agents.definition import HelpdeskAgent
from agents.external.protocol import Protocol
from agents.helpdesk.cards import title
from agents.runtime.tool import Tool
from aura.config import VERSION, Settings
from aura.kernel.routes import A2A_CARDS

Json = dict[str, Any]
Flavour = Literal["0.3", "1.0", "both"]

OLD_PATH, NEW_PATH = A2A_CARDS
MODES = ["text/plain", "application/json"]
BEARER = "bearer"
ANY_ADDRESS = {"0.0.0.0", "::", "127.0.0.1", "::1"}  # noqa: S104 - named, not bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A card as it is sent; `etag` changes with it."""

    body: bytes
    etag: str


def card(agent: HelpdeskAgent, settings: Settings, flavour: Flavour) -> Card:
    """The card of this flavour."""
    content = {"0.3": old, "1.0": new, "both": both}[flavour](agent, settings)
    body = json.dumps(content, ensure_ascii=False).encode()
    return Card(body=body, etag=f'"{hashlib.sha256(body).hexdigest()[:32]}"')


def flavour(path: str, version: str, settings: Settings) -> Flavour:
    """What this path shows to a client that says which version it speaks, or none.

    Clients of both versions read the newer path, and most say nothing.
    """
    if path == OLD_PATH:
        return "0.3"
    said: dict[str, Flavour] = {Protocol.OLD: "0.3", Protocol.NEW: "1.0"}
    return said.get(version, settings.a2a_card)


def both(agent: HelpdeskAgent, settings: Settings) -> Json:
    """One card for clients of either version, each of which leaves out what it does not know."""
    ours, theirs = new(agent, settings), old(agent, settings)
    schemes = {
        name: {**scheme, **theirs["securitySchemes"][name]}
        for name, scheme in ours.get("securitySchemes", {}).items()
    }
    return {**theirs, **ours, **({"securitySchemes": schemes} if schemes else {})}


def old(agent: HelpdeskAgent, settings: Settings) -> Json:
    """As protocol 0.3 and the aiHelpDesk document have it."""
    url = address(agent, settings)
    answer = _common(agent, settings) | {
        "url": url,
        "preferredTransport": "JSONRPC",
        "protocolVersion": f"{Protocol.OLD}.0",
        "additionalInterfaces": [{"url": url, "transport": "JSONRPC"}],
        "supportsAuthenticatedExtendedCard": False,
    }
    if settings.auth == "off":
        return answer
    scheme = {"type": "http", "scheme": BEARER, "description": _how_to_log_in()}
    return answer | {"securitySchemes": {BEARER: scheme}, "security": [{BEARER: []}]}


def new(agent: HelpdeskAgent, settings: Settings) -> Json:
    """As protocol 1.0 has it, and nothing beside."""
    url = address(agent, settings)
    interfaces = [
        {"url": url, "protocolBinding": "JSONRPC", "protocolVersion": version}
        for version in (Protocol.NEW, Protocol.OLD)
    ]
    answer = _common(agent, settings) | {"supportedInterfaces": interfaces}
    if settings.auth == "off":
        return answer
    scheme = {"scheme": BEARER, "description": _how_to_log_in()}
    return answer | {
        "securitySchemes": {BEARER: {"httpAuthSecurityScheme": scheme}},
        "securityRequirements": [{"schemes": {BEARER: {"list": []}}}],
    }


def address(agent: HelpdeskAgent, settings: Settings) -> str:
    """Where other agents find this one."""
    port = settings.ports.agents[agent.port_index]
    if settings.agent_url:
        return settings.agent_url.replace("{port}", str(port)).replace("{agent}", agent.name)
    host = "localhost" if settings.server_host in ANY_ADDRESS else settings.server_host
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _common(agent: HelpdeskAgent, settings: Settings) -> Json:
    return {
        "name": agent.name,
        "description": agent.description,
        "version": VERSION,
        "provider": {"organization": "Helpdesk", "url": settings.public_url},
        "capabilities": {"streaming": True, "pushNotifications": True},
        "defaultInputModes": MODES,
        "defaultOutputModes": MODES,
        "skills": [_skill(tool, agent) for tool in agent.tools()],
    }


def _skill(tool: Tool, agent: HelpdeskAgent) -> Json:
    answer: Json = {
        "id": tool.name,
        "name": title(tool),
        "description": tool.description,
        "tags": list(tool.tags or agent.tags or (agent.family,)),
    }
    return answer | ({"examples": list(tool.examples)} if tool.examples else {})


def _how_to_log_in() -> str:
    return "A token of `manage.py create_token`, or a JWT of the OpenID provider"
