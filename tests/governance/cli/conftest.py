"""The tools as people start them, and the servers they ask."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from governance.cli import approvals, auditor, govexplain
from tests.governance.cli.stub import Stub, serving
from tests.serving.instance import ROOT, Instance, bare_environment
from tickets.cli import main as aura

MAIN = {
    "approvals": approvals.main,
    "aura": aura.main,
    "auditor": auditor.main,
    "govexplain": govexplain.main,
}
OURS = ("AURA_", "HELPDESK_")
TWO_PEOPLE = """
from django.contrib.auth.models import User
from governance.access import give_role
from governance.identity import issue_token
from governance.types import Role
for name, role in (("ada", Role.APPROVER), ("vic", Role.VIEWER)):
    user = User.objects.create_user(name)
    give_role(user, role)
    print("token", name, issue_token(user, name="test"))
"""


A_CALL = """
from governance.audit.record import record
from governance.types import ActorKind, Principal
def tell(trace_id, call):
    aura = Principal(kind=ActorKind.AGENT, name="aura")
    data = {"call": call}
    record("tool_called", actor=aura, action="git_write_file", trace_id=trace_id, data=data)
"""


def _shell(code: str, settings: Mapping[str, str]) -> str:
    made: subprocess.CompletedProcess[str] = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", code],
        cwd=ROOT,
        env={**bare_environment(), **settings},
        capture_output=True,
        text=True,
        check=True,
    )
    return made.stdout


@dataclass
class Done:
    """What a tool left."""

    code: int
    out: str
    err: str


@pytest.fixture
def clean(monkeypatch, tmp_path) -> None:
    """Nothing of who runs the tests: no settings, no token, no proxy."""
    for name in list(os.environ):  # noqa: TID251 - to take it away
        if name.startswith(OURS) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def tool(clean, capsys) -> Callable[..., Done]:
    """Run a tool in this process: `tool("approvals", "list", …)`."""

    def run(name: str, *arguments: str) -> Done:
        try:
            code = MAIN[name](arguments)
        except SystemExit as end:  # argparse
            code = int(str(end.code or 0))
        said = capsys.readouterr()
        return Done(code, said.out, said.err)

    return run


@pytest.fixture
def stub() -> Iterator[Stub]:
    with serving(Stub()) as running:
        yield running


@dataclass
class House:
    """A running product with authentication, and the tokens of ada (approver) and vic (viewer)."""

    up: Instance
    admin: str
    tokens: dict[str, str]

    @property
    def auditd(self) -> str:
        return self.up.url("AURA_AUDITD_PORT")

    @property
    def gateway(self) -> str:
        return self.up.url("AURA_GATEWAY_PORT")

    def called(self, trace_id: str, *calls: Mapping[str, object]) -> None:
        """Agents called tools, as their events tell it."""
        settings = {name: str(value) for name, value in self.up.settings.items()}
        _shell(f"{A_CALL}\nfor call in {list(calls)!r}:\n    tell({trace_id!r}, call)", settings)

    def asks(self, **more: object) -> str:
        """A new request for approval; its id."""
        body = {
            "action_class": "destructive",
            "requested_by": "dba",
            "agent_name": "dba",
            "tool_name": "terminate_connection",
            "resource_type": "database",
            "resource_name": "prod",
            **more,
        }
        headers = {"Authorization": f"Bearer {self.admin}"}
        answer = httpx.post(f"{self.auditd}/v1/approvals", json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["approval_id"])


@pytest.fixture(scope="package")
def house(tmp_path_factory) -> Iterator[House]:
    up = Instance(tmp_path_factory.mktemp("house"), AURA_AUTH="on")
    up.start()
    try:
        up.wait_ready()
        settings = {name: str(value) for name, value in up.settings.items()}
        made = _shell(TWO_PEOPLE, settings)
        found = [line.split() for line in made.splitlines() if line.startswith("token ")]
        admin = (up.data / "first-token.txt").read_text().strip()
        yield House(up, admin, {name: token for _, name, token in found})
    finally:
        up.clean()


@dataclass
class Running:
    """A tool that was started and goes on; its lines as they come."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    _fresh: queue.Queue[str] = field(default_factory=queue.Queue)

    def __post_init__(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            self._fresh.put(line.rstrip())

    def line(self, part: str, timeout_s: float = 60.0) -> str:
        """The next line that holds `part`."""
        while True:
            try:
                line = self._fresh.get(timeout=timeout_s)
            except queue.Empty:
                raise AssertionError(f"no {part!r} in {self.lines}") from None
            if part in line:
                return line

    def type(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\n")
        self.process.stdin.flush()


@pytest.fixture
def started(tmp_path) -> Iterator[Callable[..., Running]]:
    """Start a tool as a process of its own: `started("approvals", "watch", …, AURA_TOKEN=…)`."""
    processes: list[subprocess.Popen[str]] = []

    def start(name: str, *arguments: str, **environment: str) -> Running:
        kept = {k: v for k, v in bare_environment().items() if not k.startswith("HELPDESK_")}
        process = subprocess.Popen(  # noqa: S603 - ours
            [sys.executable, "-m", f"governance.cli.{name}", *arguments],
            cwd=ROOT,
            env=kept | {"HOME": str(tmp_path)} | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        processes.append(process)
        return Running(process)

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture
def token_file(tmp_path) -> Callable[[str], Path]:
    """A file that holds a token and that nobody else may read."""

    def write(token: str, mode: int = 0o600) -> Path:
        path = Path(tmp_path, "token")
        path.write_text(f"{token}\n")
        path.chmod(mode)
        return path

    return write
