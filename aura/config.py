"""Every setting of the product: the only module that reads the environment.

`load()` returns a frozen, validated `Settings` or raises `ConfigError`, whose text holds one
readable line for each bad value. Names follow the Aura document (section 5 of the behaviour notes).
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

VERSION = "1.0.0"
LAST_PORT = 65535


class ConfigError(Exception):
    """The environment holds values the product cannot start with; one line each."""


def _url(*schemes: str) -> AfterValidator:
    def check(value: str) -> str:
        if value and urlsplit(value).scheme not in schemes:
            raise ValueError(
                f"must be a URL starting with {' or '.join(s + '://' for s in schemes)}"
            )
        return value

    return AfterValidator(check)


def _comma_list(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


Port = Annotated[int, Field(ge=1, le=LAST_PORT)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_list)]


@dataclass(frozen=True, slots=True)
class Ports:
    """The documented port of each surface, as configured."""

    api: int
    gateway: int
    auditd: int
    agents: tuple[int, int, int, int]
    secbot: int

    def listed(self) -> list[tuple[str, str, int]]:
        """(surface, setting that moves it, port) in the documents' order."""
        names = ("database-agent", "k8s-agent", "incident-agent", "research-agent")
        return [
            ("api", "AURA_SERVER_PORT", self.api),
            ("gateway", "AURA_GATEWAY_PORT", self.gateway),
            ("auditd", "AURA_AUDITD_PORT", self.auditd),
            *((n, "AURA_AGENT_PORT", p) for n, p in zip(names, self.agents, strict=True)),
            ("secbot", "AURA_SECBOT_PORT", self.secbot),
        ]


class Settings(BaseSettings):
    """One attribute a setting; the environment name is `AURA_` + the attribute in capitals."""

    model_config = SettingsConfigDict(
        env_prefix="AURA_",
        extra="ignore",
        frozen=True,
        env_ignore_empty=True,  # compose files pass what is unset as an empty text
    )

    env: Literal["development", "production"] = "development"
    data_dir: Path = Path(".aura")
    secret_key: str = ""
    database_url: Annotated[str, _url("postgresql", "postgres")] = ""
    redis_url: Annotated[str, _url("redis", "rediss", "unix")] = ""

    server_host: str = "127.0.0.1"
    server_port: Port = 3000
    gateway_port: Port = 8080
    auditd_port: Port = 1199
    agent_port: Port = 1100
    secbot_port: Port = 9091
    server_allowed_hosts: Names = ()
    server_cors_origin: Names = ()
    auth: Literal["on", "off"] = "off"
    worker_concurrency: Annotated[int, Field(ge=1, le=64)] = 8

    llm_model: str = ""
    llm_base_url: Annotated[str, _url("http", "https")] = ""
    llm_api_key: str = ""
    llm_max_tokens: Annotated[int, Field(ge=1)] = 4096
    llm_temperature: Annotated[float, Field(ge=0, le=2)] = 0.1
    llm_timeout_s: Annotated[float, Field(gt=0, le=600)] = 120.0
    llm_retry_s: Annotated[float, Field(ge=0, le=3600)] = 300.0
    llm_fallback_models: Names = ()
    llm_tool_mode: Literal["native", "json_schema"] = "native"

    git_repo_url: str = ""
    git_branch: str = "main"
    git_working_dir: Path | None = None
    git_author_name: str = "Aura Agent"
    git_author_email: str = "aura@localhost"
    git_username: str = ""
    git_token: str = ""
    git_ssh_key_file: Path | None = None
    git_ssh_known_hosts_file: Path | None = None
    git_timeout_s: Annotated[float, Field(gt=0, le=600)] = 60.0

    agent_max_turns: Annotated[int, Field(ge=1)] = 50
    agent_plan_approval: bool = True
    agent_destructive_approval: bool = True
    agent_auto_merge: bool = True

    cost_tracking_enabled: bool = True
    cost_prompt_price: Annotated[Decimal | None, Field(ge=0)] = None
    cost_completion_price: Annotated[Decimal | None, Field(ge=0)] = None

    logging_level: Literal["debug", "info", "warning", "error"] = "info"

    # Named by the aiHelpDesk document without the AURA_ prefix.
    infra_config: Annotated[Path | None, Field(validation_alias="HELPDESK_INFRA_CONFIG")] = None
    audit_url: Annotated[
        str, _url("http", "https"), Field(validation_alias="HELPDESK_AUDIT_URL")
    ] = ""

    # Of `make demo` alone.
    demo_approve: Annotated[bool, Field(validation_alias="DEMO_APPROVE")] = False
    ci: Annotated[str, Field(validation_alias="CI")] = ""

    @model_validator(mode="after")
    def _fits_together(self) -> Settings:
        problems = [*self._port_problems(), *self._exposure_problems(), *self._file_problems()]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _port_problems(self) -> list[str]:
        taken: dict[int, str] = {}
        problems = []
        if (last := self.ports.agents[-1]) > LAST_PORT:
            problems.append(
                f"AURA_AGENT_PORT: the last agent would be on {last}; choose at most 65529"
            )
        for surface, setting, port in self.ports.listed():
            if port in taken:
                problems.append(
                    f"{setting}: port {port} of {surface} is also that of {taken[port]}"
                )
            taken[port] = surface
        return problems

    def _exposure_problems(self) -> list[str]:
        if self.auth == "off" and not self.loopback:
            reachable = f"AURA_SERVER_HOST: {self.server_host} is reachable from other machines"
            return [f"{reachable} and AURA_AUTH is off; set AURA_AUTH=on or bind 127.0.0.1"]
        if self.env == "production" and not self.secret_key:
            return ["AURA_SECRET_KEY: required when AURA_ENV=production"]
        return []

    def _file_problems(self) -> list[str]:
        named = {
            "AURA_GIT_SSH_KEY_FILE": self.git_ssh_key_file,
            "AURA_GIT_SSH_KNOWN_HOSTS_FILE": self.git_ssh_known_hosts_file,
            "HELPDESK_INFRA_CONFIG": self.infra_config,
        }
        return [f"{k}: no file at {p}" for k, p in named.items() if p and not p.is_file()]

    @cached_property
    def ports(self) -> Ports:
        first = self.agent_port
        return Ports(
            api=self.server_port,
            gateway=self.gateway_port,
            auditd=self.auditd_port,
            agents=(first, first + 2, first + 4, first + 6),
            secbot=self.secbot_port,
        )

    @property
    def loopback(self) -> bool:
        """True when no other machine can reach the bind address."""
        if self.server_host == "localhost":
            return True
        try:
            return ip_address(self.server_host).is_loopback
        except ValueError:
            return False

    @property
    def demo_approves(self) -> bool:
        """The demo approves its own plan: asked to, or nobody is there to do it."""
        return self.demo_approve or self.ci.lower() not in {"", "0", "false"}

    @property
    def data(self) -> Path:
        """Absolute directory of everything that `up` keeps."""
        return self.data_dir.expanduser().absolute()

    @property
    def workspace(self) -> Path:
        """Absolute directory of the clone and of the ticket worktrees."""
        return (self.git_working_dir or self.data / "workspace").expanduser().absolute()

    @property
    def llm_provider(self) -> str:
        """First part of the litellm model name; `offline` when no model is configured."""
        if not self.llm_model:
            return "offline"
        return self.llm_model.split("/", 1)[0] if "/" in self.llm_model else "openai"


def _environment_name(location: tuple[int | str, ...]) -> str:
    name = str(location[0]) if location else ""
    if not name or name.isupper():
        return name
    return f"AURA_{name.upper()}"


def _lines(error: ValidationError) -> list[str]:
    lines = []
    for problem in error.errors():
        name = _environment_name(problem["loc"])
        text = str(problem["msg"]).removeprefix("Value error, ")
        if not name:
            lines.extend(text.splitlines())
        elif "KEY" in name or "TOKEN" in name or name.endswith("_URL"):
            lines.append(f"{name}: {text}")  # the value may hold a credential
        else:
            lines.append(f"{name}: {text} (it is {problem['input']!r})")
    return lines


def load() -> Settings:
    """Read and validate the environment. Raises `ConfigError` with one line a bad value."""
    try:
        return Settings()
    except ValidationError as error:
        raise ConfigError("\n".join(_lines(error))) from None


def unknown_names(environment: Mapping[str, str] | None = None) -> list[str]:
    """One warning for each `AURA_*` variable that no setting reads, with the nearest name."""
    known = {
        str(field.validation_alias or f"AURA_{name.upper()}")
        for name, field in Settings.model_fields.items()
    } | INTERNAL
    present = os.environ if environment is None else environment
    warnings = []
    for name in sorted(present):
        if name.startswith("AURA_") and name not in known:
            twin = name.replace("AURA_", "HELPDESK_", 1)
            near = [twin] if twin in known else difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            warnings.append(f"{name} is not a setting and is ignored{hint}")
    return warnings


# Set by our own processes for their children, never by a person.
INTERNAL = frozenset({"AURA_SUPERVISED"})
