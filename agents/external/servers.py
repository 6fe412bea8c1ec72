"""The operator's list of MCP servers: a YAML file that AURA_MCP_SERVERS names.

    servers:
      - name: tracker
        url: https://tracker.example.com/mcp
        token_env: TRACKER_TOKEN          # of the variable, never the token itself
        agent: research_agent             # whose tool they become
        tools:
          search_issues:
            class: read                   # read, write or destructive
            pin: sha256:9f86d081884c…     # of all that the server says of the tool
            description: Search issues by words
            input_schema: {type: object, properties: {query: {type: string}}}

What is not listed does not exist, and what the server describes otherwise than on the day it was
pinned is refused: a description is an instruction to the model. Pure but for reading the file.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from agents.external.schemas import usable
from aura.config import ConfigError
from governance.audit.canonical import canonical
from governance.types import ActionClass

NAME = r"^[a-z][a-z0-9_]{0,30}$"
CLASSES = (ActionClass.READ, ActionClass.WRITE, ActionClass.DESTRUCTIVE)


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Pinned(Strict):
    """One tool of a server, as it was when somebody looked at it."""

    action_class: ActionClass = Field(alias="class")
    pin: str = Field(pattern=r"^sha256:[0-9a-f]{64}$")
    title: str = ""
    description: str = Field(min_length=1, max_length=4000)
    input_schema: Annotated[dict[str, Any], AfterValidator(usable)]


class Server(Strict):
    name: str = Field(pattern=NAME)
    url: str = Field(pattern=r"^https?://")
    token_env: str = Field(default="", pattern=r"^\w*$")
    agent: str
    timeout_s: float = Field(default=30.0, gt=0, le=300)
    tools: dict[str, Pinned] = Field(default_factory=dict)


class Listed(Strict):
    servers: tuple[Server, ...] = ()


@cache
def servers(path: Path | None) -> tuple[Server, ...]:
    """The servers of the file, read once. Raises `ConfigError`."""
    if path is None:
        return ()
    try:
        listed = Listed.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except RecursionError:
        raise ConfigError(f"AURA_MCP_SERVERS: {path}: nested too deeply") from None
    except (OSError, yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"AURA_MCP_SERVERS: {path}: {_complaint(error)}") from None
    names = [server.name for server in listed.servers]
    if len(set(names)) < len(names):
        raise ConfigError(f"AURA_MCP_SERVERS: {path}: two servers have the same name")
    for server in listed.servers:
        for name, tool in server.tools.items():
            if tool.action_class not in CLASSES:
                raise ConfigError(f"AURA_MCP_SERVERS: {path}: {server.name}.{name} has no class")
    return listed.servers


def pin(definition: dict[str, Any]) -> str:
    """The fingerprint of what a server says of a tool, as JSON."""
    return f"sha256:{hashlib.sha256(canonical(definition)).hexdigest()}"


def _complaint(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return " ".join(str(error).split())
    return "; ".join(
        f"{'.'.join(map(str, one['loc']))}: {one['msg'].removeprefix('Value error, ')}"
        for one in error.errors()[:5]
    )
