"""Helpers of the Git tests."""

from __future__ import annotations

import subprocess
from itertools import count
from pathlib import Path
from typing import Any

from agents.gitops.merging import Wish
from agents.gitops.tools import git_tools
from agents.gitops.workspace import Workspace
from agents.runtime.tool import CallContext, Tool, ToolResult

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  replicas: 2
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
        - name: web
          image: registry.example/web:1.4.2
"""
SETTINGS = ("-c", "user.name=Someone", "-c", "user.email=someone@example.org")


def git(*arguments: str, at: Path | None = None) -> str:
    """A git command of a person at a shell; standard output without the last line break."""
    done = subprocess.run(  # noqa: S603  fixed commands of the tests
        ["git", *SETTINGS, *arguments],  # noqa: S607  the git of the machine
        cwd=at,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.rstrip("\n")


def log(origin: Path, branch: str = "main") -> list[str]:
    return git("log", "--topo-order", "--format=%s", branch, at=origin).splitlines()


def files(origin: Path, branch: str = "main") -> list[str]:
    return git("ls-tree", "-r", "--name-only", branch, at=origin).splitlines()


def push_by_hand(origin: Path, place: Path, path: str, text: str, branch: str = "main") -> str:
    """Somebody else commits a file to a remote branch; the commit id."""
    if not place.exists():
        git("clone", "--quiet", str(origin), str(place))
    git("fetch", "--quiet", "origin", at=place)
    git("checkout", "--quiet", "-B", branch, f"origin/{branch}", at=place)
    (place / path).parent.mkdir(parents=True, exist_ok=True)
    (place / path).write_text(text)
    git("add", "--force", ".", at=place)
    git("commit", "--quiet", "-m", f"by hand: {path}", at=place)
    git("push", "--quiet", "origin", branch, at=place)
    return git("rev-parse", "HEAD", at=place)


class Desk:
    """Calls tools by name; `calls` counts, so that each call has an id of its own."""

    def __init__(self, workspace: Workspace, ticket_id: str) -> None:
        self.workspace = workspace
        self.ticket_id = ticket_id
        self.tools: dict[str, Tool] = {t.name: t for t in git_tools(workspace, ticket_id)}
        self._numbers = count(1)

    def call(self, name: str, **arguments: Any) -> ToolResult:
        return self.call_as(f"{self.ticket_id}-call-{next(self._numbers)}", name, **arguments)

    def call_as(self, call_id: str, name: str, **arguments: Any) -> ToolResult:
        tool = self.tools[name]
        context = CallContext(call_id=call_id, trace_id="trace")
        result = tool.run(tool.parameters(**arguments), context)
        assert isinstance(result, ToolResult)
        return result

    def probe(self, call_id: str, name: str, **arguments: Any) -> ToolResult | None:
        tool = self.tools[name]
        assert tool.probe
        return tool.probe(tool.parameters(**arguments), CallContext(call_id=call_id, trace_id=""))

    def change(self, path: str, text: str, message: str = "change") -> None:
        """Write, stage and commit one file."""
        self.call("git_write_file", path=path, content=text)
        self.call("git_stage", files=["."])
        self.call("git_commit", message=message)

    @property
    def branch(self) -> str:
        return f"aura/ticket-{self.ticket_id}"

    @property
    def path(self) -> Path:
        return self.workspace.root / "tickets" / self.ticket_id

    @property
    def git_dir(self) -> Path:
        return self.workspace.root / "repo" / "worktrees" / self.ticket_id


def wish(summary: str) -> Wish:
    """A merge that nobody objects to."""
    return Wish(summary=summary, permit=lambda proposal: None)
