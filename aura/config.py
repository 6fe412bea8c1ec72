"""Every setting of the product: the only module that reads the environment.

`load()` returns a frozen, validated `Settings` or raises `ConfigError`, whose text holds one
readable line for each bad value. Names follow the Aura document (section 5 of the behaviour notes).
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cache, cached_property
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

VERSION = "1.0.0"
LAST_PORT = 65535
HOURS = 24
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class NoticeChannel(StrEnum):
    """How people are told of something."""

    EMAIL = "email"
    NTFY = "ntfy"
    SLACK = "slack"


class NoticeKind(StrEnum):
    """What people are told of (`governance.notices`)."""

    ACTION = "action"
    PLAN = "plan"
    DENIED = "denied"
    EMERGENCY = "emergency"
    QUESTION = "question"
    FAILED = "failed"
    PAUSED = "paused"
    POLICY = "policy"
    INCIDENT = "incident"


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


def _networks(value: Any) -> Any:
    return tuple(ip_network(part) for part in _comma_list(value))


def _hosts_and_networks(value: Any) -> Any:
    return tuple(_host_or_network(part) for part in _comma_list(value))


def _host_or_network(text: str) -> Network | str:
    if re.fullmatch(r"[0-9.]+|.*[:/].*", text):
        return ip_network(text)
    if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", text.lower()):
        raise ValueError(f"{text} is neither a host name nor a network such as 10.0.0.0/8")
    return text.lower()


def _hours(value: Any) -> Any:
    """`8-18` is from 8:00 until before 18:00; `22-6` goes over midnight."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"([0-9]{1,2})-([0-9]{1,2})", value.strip())
    first, last = (int(match[1]), int(match[2])) if match else (HOURS, HOURS)
    if first >= HOURS or last > HOURS or first == last:
        raise ValueError("must be hours such as 8-18")
    return frozenset(hour % HOURS for hour in range(first, last if last > first else last + HOURS))


def _notices(value: Any) -> Any:
    """`ntfy=action,incident email=all slack=none`."""
    if not isinstance(value, str):
        return value
    told = {}
    for part in value.split():
        channel, _, kinds = part.partition("=")
        if channel not in set(NoticeChannel):
            raise ValueError(f"{channel} is none of {', '.join(NoticeChannel)}")
        whole = {"all": list(NoticeKind), "none": []}
        names = whole.get(kinds, kinds.split(","))
        if strange := set(names) - set(NoticeKind):
            known = ", ".join([*NoticeKind, *whole])
            raise ValueError(f"{channel} is told of {', '.join(sorted(strange))}: none of {known}")
        told[NoticeChannel(channel)] = frozenset(map(NoticeKind, names))
    return tuple(told.items())


def _days(value: Any) -> Any:
    """`mon-fri`, or `mon,wed,fri`; 0 is Monday."""
    if not isinstance(value, str):
        return value
    days: set[int] = set()
    for part in _comma_list(value.lower()):
        first, dash, last = part.partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise ValueError(f"must be days such as mon-fri or mon,wed ({', '.join(DAYS)})")
        span = DAYS.index(last or first) - DAYS.index(first)
        days.update((DAYS.index(first) + step) % 7 for step in range(span % 7 + 1))
    return frozenset(days)


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, OSError, KeyError):
        raise ValueError("must be a time zone such as Europe/Berlin") from None
    return value


def _unlimited(value: Any) -> Any:
    return None if isinstance(value, str) and value.strip().lower() == "none" else value


def _either(name: str) -> Any:
    """A setting with two names: ours and that of the aiHelpDesk document."""
    return Field(validation_alias=AliasChoices(f"AURA_{name}", f"HELPDESK_{name}"))


def _smtp(name: str) -> Any:
    """As the document names it, and as its later versions do."""
    return Field(validation_alias=AliasChoices(f"HELPDESK_SMTP_{name}", f"SMTP_{name}"))


Hours = Annotated[frozenset[int], NoDecode, BeforeValidator(_hours)]
Days = Annotated[frozenset[int], NoDecode, BeforeValidator(_days)]
UNLIMITED = BeforeValidator(_unlimited)  # `none` lifts a limit that has a default
Port = Annotated[int, Field(ge=1, le=LAST_PORT)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_list)]
ManifestRules = Annotated[
    tuple[Literal["image", "limits", "namespace", "deprecated", "version", "none"], ...],
    NoDecode,
    BeforeValidator(_comma_list),
]
Notices = Annotated[
    tuple[tuple[NoticeChannel, frozenset[NoticeKind]], ...], NoDecode, BeforeValidator(_notices)
]
Network = IPv4Network | IPv6Network
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)]
HostsAndNetworks = Annotated[
    tuple[Network | str, ...], NoDecode, BeforeValidator(_hosts_and_networks)
]

# As litellm names them: those that an address and a key are enough for. Empty: none.
SearchProvider = Literal[
    "",
    "brave",
    "duckduckgo",
    "exa_ai",
    "firecrawl",
    "linkup",
    "parallel_ai",
    "perplexity",
    "searxng",
    "serper",
    "tavily",
    "you_com",
]
KEYLESS_SEARCH = frozenset({"duckduckgo", "searxng"})


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


@cache
def _placed(path: Path) -> Path:
    """Where a path of the settings lies. Asked for with every event, hence remembered."""
    return path.expanduser().absolute()


@cache
def _below(directory: Path, name: str) -> Path:
    return directory / name


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
    secrets_dir: Path | None = None
    secret_key: str = ""
    secret_key_fallbacks: Names = ()
    log_key_file: Path | None = None
    log_public_key: str = ""
    log_checkpoint_file: Path | None = None
    witness_url: Annotated[str, _url("http", "https")] = ""
    witness_key: str = ""
    witness_logs: Path | None = None
    witness_port: Port = 7070
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
    trusted_proxies: Networks = ()
    throttle: Literal["on", "off"] = "off"
    throttle_requests: Annotated[int, Field(ge=1)] = 100
    throttle_streams: Annotated[int, Field(ge=1)] = 10
    throttle_tickets: Annotated[int, Field(ge=1)] = 50
    outbound_allow: HostsAndNetworks = ()
    auth: Literal["on", "off"] = "on"
    oidc_issuer: Annotated[str, _url("http", "https")] = ""
    oidc_audience: str = ""
    oidc_jwks_url: Annotated[str, _url("http", "https")] = ""
    oidc_roles_claim: Annotated[str, Field(min_length=1)] = "roles"
    oidc_name_claim: Annotated[str, Field(min_length=1)] = "sub"
    public_url: Annotated[str, _url("http", "https")] = ""
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

    search_provider: SearchProvider = ""
    search_url: Annotated[str, _url("http", "https")] = ""
    search_api_key: str = ""

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

    # Files as kubectl takes them, separated by colons; none: the cluster this process runs in.
    kubeconfig: Annotated[
        str, Field(validation_alias=AliasChoices("AURA_KUBECONFIG", "KUBECONFIG"))
    ] = ""
    k8s_context: str = ""
    k8s_namespace: str = ""
    k8s_debug_image: Annotated[str, Field(pattern=r"^[a-z0-9][A-Za-z0-9._:/@-]+$")] = "busybox:1.37"

    # What manifests are checked for before a commit; release of the cluster, empty: the newest.
    k8s_version: Annotated[str, Field(pattern=r"^(1\.\d{1,3})?$")] = ""
    manifest_refuse: ManifestRules = ("image",)
    manifest_forbidden_kinds: Names = ()
    manifest_namespaces: Names = ()

    # Argo CD: its server with a token, or the context of the cluster that holds its objects.
    argocd_server: str = ""
    argocd_token: str = ""
    argocd_context: str = ""
    argocd_namespace: str = "argocd"
    argocd_app_name: str = ""
    argocd_timeout_s: Annotated[float, Field(ge=10, le=24 * 3600)] = 600.0
    argocd_degraded_s: Annotated[float, Field(ge=0, le=3600)] = 30.0
    argocd_window_s: Annotated[float, Field(ge=0, le=7 * 24 * 3600)] = 24 * 3600.0
    argocd_rollback: bool = True
    argocd_preview: Literal["none", "target-revision", "application"] = "none"
    argocd_preview_idle_s: Annotated[float, Field(ge=0, le=7 * 24 * 3600)] = 3600.0

    # Sealed secrets: the controller's certificate, from a file or else from the cluster.
    sealed_secrets_cert: Path | None = None
    sealed_secrets_namespace: str = "kube-system"
    sealed_secrets_controller: str = "sealed-secrets-controller"
    secret_values_expire_s: Annotated[float, Field(ge=60, le=7 * 24 * 3600)] = 24 * 3600.0

    # shell_exec, in bubblewrap; `shell_bwrap` is a name on PATH or a path.
    shell_enabled: bool = False
    shell_bwrap: Annotated[str, Field(min_length=1)] = "bwrap"
    shell_timeout_s: Annotated[int, Field(ge=1, le=3600)] = 120
    shell_memory_mb: Annotated[int, Field(ge=64, le=65_536)] = 1024

    # cdk8s: its programs run as shell_exec's do. The directory holds a lockfile and node_modules.
    cdk8s_enabled: bool = False
    cdk8s_node: Annotated[str, Field(min_length=1)] = "node"
    cdk8s_dependencies: Path | None = None

    notify_provider: Literal["none", "ntfy"] = "none"
    ntfy_server: Annotated[str, _url("http", "https"), Field(min_length=1)] = "https://ntfy.sh"
    ntfy_topic: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,64}$")] = ""
    ntfy_token: str = ""
    slack_webhook_url: Annotated[str, _url("http", "https")] = ""
    # A channel that is not named is told of everything.
    notify: Notices = ()

    agent_max_turns: Annotated[int, Field(ge=1)] = 50
    agent_plan_approval: bool = True
    agent_destructive_approval: bool = True
    agent_four_eyes: bool = True
    agent_auto_merge: bool = True
    alerts_run: bool = True
    mcp_servers: Path | None = None
    tool_result_chars: Annotated[int, Field(ge=1000, le=64_000)] = 16_000

    approval_expires_s: Annotated[float, Field(ge=60)] = 7 * 24 * 3600.0
    approval_request_expires_s: Annotated[float, Field(ge=1)] = 3600.0
    a2a_card: Literal["1.0", "0.3", "both"] = "both"
    agent_wait_s: Annotated[float, Field(ge=1, le=3600)] = 180.0

    budget_ticket_tokens: Annotated[int | None, Field(ge=1), UNLIMITED] = 5_000_000
    budget_ticket_cost: Annotated[Decimal | None, Field(gt=0), UNLIMITED] = None
    budget_ticket_time_s: Annotated[float | None, Field(gt=0), UNLIMITED] = 4 * 3600.0
    budget_day_turns: Annotated[int | None, Field(ge=1), UNLIMITED] = None
    budget_day_tokens: Annotated[int | None, Field(ge=1), UNLIMITED] = None
    budget_day_cost: Annotated[Decimal | None, Field(gt=0), UNLIMITED] = None
    budget_writes_per_minute: Annotated[int, Field(ge=1)] = 60

    secbot_events_per_minute: Annotated[int, Field(ge=1)] = 1000
    secbot_denials_per_minute: Annotated[int, Field(ge=1)] = 10
    secbot_hours: Hours = frozenset()
    secbot_days: Days = frozenset(range(5))
    secbot_timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    secbot_cooldown_s: Annotated[float, Field(ge=0)] = 300.0
    secbot_verify_s: Annotated[float, Field(ge=1)] = 300.0

    cost_tracking_enabled: bool = True
    cost_prompt_price: Annotated[Decimal | None, Field(ge=0)] = None
    cost_completion_price: Annotated[Decimal | None, Field(ge=0)] = None

    logging_level: Literal["debug", "info", "warning", "error"] = "info"
    logging_format: Literal["json", "text"] | None = None
    metrics_port: Annotated[int, Field(ge=0, le=LAST_PORT)] = 0
    otel_endpoint: Annotated[
        str,
        _url("http", "https"),
        Field(validation_alias=AliasChoices("AURA_OTEL_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")),
    ] = ""

    # Named by the aiHelpDesk document without the AURA_ prefix.
    infra_config: Annotated[Path | None, Field(validation_alias="HELPDESK_INFRA_CONFIG")] = None
    audit_url: Annotated[
        str, _url("http", "https"), Field(validation_alias="HELPDESK_AUDIT_URL")
    ] = ""
    audit_api_key: Annotated[str, Field(validation_alias="HELPDESK_AUDIT_API_KEY")] = ""
    # Who is told of requests for approval, and where they find them.
    approval_webhook: Annotated[
        str, _url("http", "https"), Field(validation_alias="HELPDESK_APPROVAL_WEBHOOK")
    ] = ""
    approval_base_url: Annotated[
        str, _url("http", "https"), Field(validation_alias="HELPDESK_APPROVAL_BASE_URL")
    ] = ""
    email_from: Annotated[str, Field(validation_alias="HELPDESK_EMAIL_FROM")] = ""
    email_to: Annotated[Names, Field(validation_alias="HELPDESK_EMAIL_TO")] = ()
    smtp_host: Annotated[str, _smtp("HOST")] = ""
    smtp_port: Annotated[Port, _smtp("PORT")] = 587
    smtp_user: Annotated[str, _smtp("USER")] = ""
    smtp_password: Annotated[str, _smtp("PASSWORD")] = ""
    incident_dir: Annotated[Path | None, Field(validation_alias="HELPDESK_INCIDENT_DIR")] = None
    agent_url: Annotated[
        str, _url("http", "https"), Field(validation_alias="HELPDESK_AGENT_URL")
    ] = ""
    agent_urls: Annotated[Names, Field(validation_alias="HELPDESK_AGENT_URLS")] = ()
    agent_api_key: Annotated[str, Field(validation_alias="HELPDESK_AGENT_API_KEY")] = ""

    # Named by the same document; the AURA_ name counts where both are set.
    policy_file: Annotated[Path | None, _either("POLICY_FILE")] = None
    default_policy: Annotated[
        Literal["deny", "require_approval", "allow"], _either("DEFAULT_POLICY")
    ] = "deny"
    policy_dry_run: Annotated[bool, _either("POLICY_DRY_RUN")] = False
    # How often, and how far apart, a repair is looked at afterwards; None: as the tool has it.
    verify_max_attempts: Annotated[
        int | None, Field(ge=1, le=20), _either("VERIFY_MAX_ATTEMPTS")
    ] = None
    verify_initial_delay_s: Annotated[
        float | None, Field(gt=0, le=300), _either("VERIFY_INITIAL_DELAY_S")
    ] = None
    verify_max_delay_s: Annotated[float, Field(gt=0, le=600), _either("VERIFY_MAX_DELAY_S")] = 15.0
    operating_mode: Annotated[
        Literal["fix", "readonly", "readonly-governed"], _either("OPERATING_MODE")
    ] = "fix"

    # Of `make demo` alone.
    demo_approve: Annotated[bool, Field(validation_alias="DEMO_APPROVE")] = False
    ci: Annotated[str, Field(validation_alias="CI")] = ""

    @model_validator(mode="after")
    def _fits_together(self) -> Settings:
        problems = [*self._port_problems(), *self._exposure_problems(), *self._file_problems()]
        problems += [*self._directory_problems(), *self._budget_problems()]
        problems += [*self._oidc_problems(), *self._search_problems()]
        problems += [*self._agent_problems(), *self._notify_problems()]
        problems += self._argocd_problems()
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

    def _oidc_problems(self) -> list[str]:
        needed = {
            "AURA_OIDC_ISSUER": self.oidc_issuer,
            "AURA_OIDC_AUDIENCE": self.oidc_audience,
            "AURA_OIDC_JWKS_URL": self.oidc_jwks_url,
        }
        if not any(needed.values()):
            return []
        together = "needed where one of AURA_OIDC_ISSUER, _AUDIENCE and _JWKS_URL is set"
        problems = [f"{name}: {together}" for name, value in needed.items() if not value]
        keys = urlsplit(self.oidc_jwks_url)
        if keys.scheme == "http" and not is_loopback(keys.hostname or ""):
            problems.append("AURA_OIDC_JWKS_URL: who signs logins is asked by https alone")
        return problems

    def _agent_problems(self) -> list[str]:
        problems = []
        if self.agent_url and not re.search(r"{(port|agent)}", self.agent_url):
            example = "https://agents.example.com/{agent}"
            problems.append(f"HELPDESK_AGENT_URL: must hold {{port}} or {{agent}}, as {example}")
        if any(urlsplit(url).scheme not in {"http", "https"} for url in self.agent_urls):
            problems.append("HELPDESK_AGENT_URLS: each must begin with http:// or https://")
        return problems

    def _argocd_problems(self) -> list[str]:
        preview, way = self.argocd_preview, self.argocd_server or self.argocd_context
        if preview == "none":
            return []
        problems = []
        if not way:
            problems.append(
                f"AURA_ARGOCD_PREVIEW={preview} needs AURA_ARGOCD_SERVER or AURA_ARGOCD_CONTEXT"
            )
        if not self.agent_auto_merge:
            problems.append(
                f"AURA_ARGOCD_PREVIEW={preview} needs AURA_AGENT_AUTO_MERGE: a preview ends with"
                " the merge"
            )
        if preview == "application" and way and not self.argocd_server:
            problems.append(
                "AURA_ARGOCD_PREVIEW=application needs AURA_ARGOCD_SERVER, which renders the"
                " manifests that a preview must not share"
            )
        return problems

    def told_of(self, kind: NoticeKind) -> list[NoticeChannel]:
        """The channels that are told of it."""
        named = dict(self.notify)
        return [each for each in self.notice_channels if kind in named.get(each, NoticeKind)]

    def _notify_problems(self) -> list[str]:
        problems = [
            f"AURA_NOTIFY: {channel} is not configured ({' and '.join(needed)})"
            for channel, needed in self.notice_settings.items()
            if dict(self.notify).get(channel) and channel not in self.notice_channels
        ]
        if self.notify_provider == "ntfy" and not self.ntfy_topic:
            why = "on a public server whoever knows it reads along, so choose one nobody guesses"
            problems.append(f"AURA_NTFY_TOPIC: needed where AURA_NOTIFY_PROVIDER=ntfy; {why}")
        return problems

    def _search_problems(self) -> list[str]:
        provider, url = self.search_provider, self.search_url
        if not provider:
            return ["AURA_SEARCH_PROVIDER: needed where AURA_SEARCH_URL is set"] if url else []
        if provider == "searxng" and not url:
            return ["AURA_SEARCH_URL: needed for searxng: the address of your instance"]
        if provider not in KEYLESS_SEARCH and not self.search_api_key:
            return [f"AURA_SEARCH_API_KEY: needed for {provider}"]
        return []

    def _budget_problems(self) -> list[str]:
        if self.cost_tracking_enabled:
            return []
        costs = {
            "AURA_BUDGET_TICKET_COST": self.budget_ticket_cost,
            "AURA_BUDGET_DAY_COST": self.budget_day_cost,
        }
        return [
            f"{name}: cannot be kept while AURA_COST_TRACKING_ENABLED=false"
            for name, limit in costs.items()
            if limit is not None
        ]

    def _directory_problems(self) -> list[str]:
        """Whether it can be written is seen where it is: some processes need no data directory."""
        try:
            standing = next(p for p in (self.data, *self.data.parents) if p.exists())
        except (OSError, RuntimeError) as error:  # a name too long; a home that nobody has
            return [f"AURA_DATA_DIR: {str(self.data_dir)[:99]} cannot be used: {_reason(error)}"]
        if not standing.is_dir():
            return [f"AURA_DATA_DIR: {standing} is not a directory"]
        return []

    def _file_problems(self) -> list[str]:
        named = {
            "AURA_GIT_SSH_KEY_FILE": self.git_ssh_key_file,
            "AURA_GIT_SSH_KNOWN_HOSTS_FILE": self.git_ssh_known_hosts_file,
            "HELPDESK_INFRA_CONFIG": self.infra_config,
            "AURA_POLICY_FILE": self.policy_file,
            "AURA_MCP_SERVERS": self.mcp_servers,
            "AURA_WITNESS_LOGS": self.witness_logs,
            "AURA_SEALED_SECRETS_CERT": self.sealed_secrets_cert,
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
        return is_loopback(self.server_host)

    @property
    def oidc(self) -> bool:
        """True when logins of an OpenID provider count."""
        return bool(self.oidc_issuer)

    @property
    def tls(self) -> bool:
        """True when browsers and clients reach the product by https, through a proxy before it."""
        return urlsplit(self.public_url).scheme == "https"

    @property
    def public_origin(self) -> str:
        """`public_url` without a path, as browsers name it."""
        parts = urlsplit(self.public_url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def console_url(self) -> str:
        """Base URL of the API and the console as people reach them, without a slash at its end."""
        return self.public_url.rstrip("/") or f"http://localhost:{self.ports.api}"

    @property
    def public_host(self) -> str:
        """Host name of `public_url`, empty when there is none."""
        return urlsplit(self.public_url).hostname or ""

    @property
    def demo_approves(self) -> bool:
        """The demo approves its own plan: asked to, or nobody is there to do it."""
        return self.demo_approve or self.ci.lower() not in {"", "0", "false"}

    @property
    def data(self) -> Path:
        """Absolute directory of everything that `up` keeps."""
        return _placed(self.data_dir)

    @property
    def inventory(self) -> Path | None:
        """The file of the inventory: the one named, else what `up` wrote of its own database."""
        if self.infra_config:
            return self.infra_config
        return own if (own := self.own_inventory).is_file() else None

    @property
    def own_inventory(self) -> Path:
        """Where `up` registers the embedded database."""
        return _below(self.data, "inventory.json")

    @property
    def workspace(self) -> Path:
        """Absolute directory of the clone and of the ticket worktrees."""
        return _placed(self.git_working_dir or self.data / "workspace")

    @property
    def incidents(self) -> Path:
        """Absolute directory of the incident bundles."""
        return _placed(self.incident_dir) if self.incident_dir else _below(self.data, "incidents")

    @property
    def notice_settings(self) -> dict[NoticeChannel, dict[str, object]]:
        """What each channel needs: setting -> its value."""
        return {
            NoticeChannel.EMAIL: {
                "HELPDESK_EMAIL_TO": self.email_to,
                "HELPDESK_EMAIL_FROM": self.email_from,
                "HELPDESK_SMTP_HOST": self.smtp_host,
            },
            NoticeChannel.NTFY: {
                "AURA_NOTIFY_PROVIDER": self.notify_provider == "ntfy",
                "AURA_NTFY_TOPIC": self.ntfy_topic,
            },
            NoticeChannel.SLACK: {"AURA_SLACK_WEBHOOK_URL": self.slack_webhook_url},
        }

    @property
    def notice_channels(self) -> list[NoticeChannel]:
        """Those over which people can be told."""
        return [name for name, needed in self.notice_settings.items() if all(needed.values())]

    @property
    def log_key(self) -> Path:
        """Absolute path of the key that signs the log."""
        return (
            _placed(self.log_key_file) if self.log_key_file else _below(self.data, "keys/log.key")
        )

    @property
    def log_checkpoints(self) -> Path:
        """Absolute path of the file that every signed checkpoint is appended to."""
        if self.log_checkpoint_file:
            return _placed(self.log_checkpoint_file)
        return _below(self.data, "log-checkpoints.jsonl")

    @property
    def log_contradiction(self) -> Path:
        """Absolute path of the note that a witness contradicted the log."""
        return _below(self.data, "log-contradicted.txt")

    @property
    def llm_provider(self) -> str:
        """First part of the litellm model name; `offline` when no model is configured."""
        if not self.llm_model:
            return "offline"
        return self.llm_model.split("/", 1)[0] if "/" in self.llm_model else "openai"


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)


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
    """Read and validate the environment, and below it the files of AURA_SECRETS_DIR, each named
    as a setting. Raises `ConfigError` with one line a bad value.
    """
    secrets = os.environ.get("AURA_SECRETS_DIR") or None
    if secrets and not Path(secrets).is_dir():
        raise ConfigError(f"AURA_SECRETS_DIR: no directory at {secrets}")
    try:
        return Settings(_secrets_dir=secrets)
    except ValidationError as error:
        raise ConfigError("\n".join(_lines(error))) from None
    except PermissionError as error:
        raise ConfigError(
            f"AURA_SECRETS_DIR: {error.filename} cannot be read by this user"
        ) from None


def variable(name: str) -> str:
    """A credential that a file of ours names by its variable, or by its file in AURA_SECRETS_DIR;
    empty when there is none.
    """
    directory = os.environ.get("AURA_SECRETS_DIR")
    file = Path(directory, name) if directory and re.fullmatch(r"\w+", name) else None
    if file and file.is_file():
        return file.read_text(encoding="utf-8").strip()
    return os.environ.get(name, "")


def unknown_names(environment: Mapping[str, str] | None = None) -> list[str]:
    """One warning for each `AURA_*` variable that no setting reads, with the nearest name."""
    known = _known_names() | INTERNAL | OF_TOOLS
    present = {*os.environ, *_secret_names()} if environment is None else set(environment)
    warnings = []
    for name in sorted(present):
        if name.startswith("AURA_") and name not in known:
            twin = name.replace("AURA_", "HELPDESK_", 1)
            near = [twin] if twin in known else difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            warnings.append(f"{name} is not a setting and is ignored{hint}")
    return warnings


def environment_name(setting: str) -> str:
    """The first name by which the environment gives a setting."""
    match Settings.model_fields[setting].validation_alias:
        case AliasChoices(choices=choices):
            return str(choices[0])
        case alias:
            return str(alias or f"AURA_{setting.upper()}")


def _known_names() -> set[str]:
    known: set[str] = set()
    for name, field in Settings.model_fields.items():
        match field.validation_alias:
            case AliasChoices(choices=choices):
                known.update(str(choice) for choice in choices)
            case alias:
                known.add(str(alias or f"AURA_{name.upper()}"))
    return known


def _secret_names() -> set[str]:
    """Names of the files that stand for settings."""
    directory = os.environ.get("AURA_SECRETS_DIR")
    return {path.name.upper() for path in Path(directory).iterdir()} if directory else set()


# Set by our own processes for their children, never by a person.
INTERNAL = frozenset({"AURA_SUPERVISED"})
# Read by the command line tools alone (`governance.cli.environment`).
OF_TOOLS = frozenset({"AURA_API_URL", "AURA_TOKEN", "AURA_TOKEN_FILE"})
