"""`manage.py mcp_pin NAME`: what a listed MCP server offers now, as the list wants it."""

from __future__ import annotations

from typing import Any

import yaml
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from agents.external.client import definitions
from agents.external.servers import Server, pin, servers
from agents.runtime.tool import ToolFailure
from aura.config import ConfigError
from aura.kernel.unseen import visible


class Command(BaseCommand):
    help = "Show the tools of an MCP server of AURA_MCP_SERVERS, to be looked at and pinned"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="of the server, as the list has it")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        del args, options
        try:
            known = {server.name: server for server in servers(settings.AURA.mcp_servers)}
        except ConfigError as error:
            raise CommandError(str(error)) from None
        if name not in known:
            names = ", ".join(known) or "none; set AURA_MCP_SERVERS"
            raise CommandError(f"no server is called {name} (there are: {names})")
        try:
            found = definitions(known[name])
        except ToolFailure as failure:
            raise CommandError(str(failure)) from None
        tools = {tool: _entry(known[name], tool, said) for tool, said in found.items()}
        text = _written(tools, readable=True)
        if visible(text) != text:  # what nobody sees is read by the model all the same
            text = _written(tools, readable=False)
        self.stdout.write(f"# Read each description, and choose its class yourself.\n{text}")


def _written(tools: dict[str, Any], *, readable: bool) -> str:
    """As YAML. Not `readable`: every character beyond ASCII as its number."""
    return yaml.safe_dump({"tools": tools}, sort_keys=False, allow_unicode=readable)


def _entry(server: Server, name: str, said: dict[str, Any]) -> dict[str, Any]:
    pinned = server.tools.get(name)
    return {
        "class": str(pinned.action_class) if pinned else "destructive",
        "pin": pin(said),
        "title": said.get("title", ""),
        "description": said.get("description") or name,
        "input_schema": said["inputSchema"],
    }
