"""What `up` prints when it is ready: where everything is."""

from __future__ import annotations

import json
import shlex
import sys
from urllib.parse import urlsplit, urlunsplit

from aura.config import Settings
from aura.serving.startup import FIRST_OPERATOR, FIRST_USER, LOGIN_NOTE, TOKEN_NOTE, First

# What each port answers.
HOLDS = {
    "gateway": "/api/v1/query, /db, /k8s, /incidents, /governance; /mcp; documentation:"
    " /api/v1/schema",
    "auditd": "/v1/events, /v1/approvals, /v1/governance; documentation: /v1/schema",
    "database-agent": "A2A; its card: /.well-known/agent.json",
    "k8s-agent": "A2A; its card: /.well-known/agent.json",
    "incident-agent": "A2A; its card: /.well-known/agent.json",
    "research-agent": "A2A; its card: /.well-known/agent.json",
    "secbot": "/health, /metrics",
}


def address(config: Settings, port: int) -> str:
    """URL of a port as seen from this machine."""
    host = config.server_host
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def console_url(config: Settings) -> str:
    return f"{address(config, config.ports.api)}/admin/"


def banner(config: Settings, *, first: First | None, workers: bool) -> str:
    """One line a fact. `first`: login and token made in this start."""
    api = address(config, config.ports.api)
    rows = [
        ("API", f"{api}/api  (documentation: {api}/api/docs)"),
        ("Console", console_url(config)),
        *_login(config, first),
        *(
            (name, f"{address(config, port)}  ({HOLDS[name]})")
            for name, _, port in config.ports.listed()
            if name in HOLDS
        ),
        ("Access", _access(config)),
        ("Model", config.llm_model or "none: rules and the offline planner"),
        ("Repository", _repository(config)),
        ("Database", _where(config.database_url, "AURA_DATABASE_URL")),
        ("Redis", _where(config.redis_url, "AURA_REDIS_URL")),
        ("Data", f"{config.data}  (logs in log/)"),
        *([] if workers else [("Worker", "not started here (--no-worker)")]),
    ]
    width = max(len(name) for name, _ in rows)
    facts = "\n".join(f"  {name:<{width}}  {text}" for name, text in rows)
    return f"{facts}\n\n{try_it(config)}"


def _login(config: Settings, first: First | None) -> list[tuple[str, str]]:
    login, token = config.data / LOGIN_NOTE, config.data / TOKEN_NOTE
    if first is not None:
        return [
            ("Login", f"{FIRST_USER} / {first.password}  (approves; kept in {login})"),
            ("Token", f"{first.token}  (of {FIRST_OPERATOR}: opens tickets; kept in {token})"),
        ]
    kept = [("Login", login), ("Token", token)]
    return [(name, f"as written in {note}") for name, note in kept if note.is_file()]


def _access(config: Settings) -> str:
    if config.auth == "on":
        return "a login or a token is required (AURA_AUTH=on)"
    return "no token needed from this machine (AURA_AUTH=off)"


def shell_token(config: Settings, name: str = TOKEN_NOTE) -> str:
    """The token kept in the file `name`, as a shell finds it; empty where none is needed."""
    if config.auth == "off":
        return ""
    note = config.data / name
    return f"$(cat {shlex.quote(str(note))})" if note.is_file() else "$TOKEN"


def curl(url: str, *options: str, token: str) -> str:
    """A command that asks the API, to be copied into a shell as it is. `token`: `shell_token`."""
    header = [f'-H "Authorization: Bearer {token}"'] if token else []
    return " ".join(["curl -sS", *options, *header, shlex.quote(url)])


def try_it(config: Settings) -> str:
    """The first commands somebody would try."""
    tickets, token = f"{address(config, config.ports.api)}/api/tickets", shell_token(config)
    body = {"title": "Deploy nginx", "description": "Deploy nginx 1.27 in namespace web"}
    sent = ["-X POST", '-H "Content-Type: application/json"', f"-d '{json.dumps(body)}'"]
    lines = [curl(tickets, token=token), curl(tickets, *sent, token=token)]
    if token == "$TOKEN":  # noqa: S105 - the name of a variable
        lines.insert(0, f"TOKEN=$({sys.executable} manage.py create_token USER)")
    return "\n".join(lines)


def _repository(config: Settings) -> str:
    if not config.git_repo_url:
        return "none: set AURA_GIT_REPO_URL to the GitOps repository that tickets change"
    return f"{without_password(config.git_repo_url)} ({config.git_branch})"


def without_password(url: str) -> str:
    """A URL fit for printing: user and password cut off."""
    parts = urlsplit(url)
    if not parts.scheme or "@" not in parts.netloc:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _where(url: str, setting: str) -> str:
    return f"that of {setting}" if url else f"embedded (set {setting} to use another)"
