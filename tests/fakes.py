"""Stand-ins that implement our own protocols: a scripted model, and a workshop around real Git."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from agents.gitops.workspace import Workspace
from agents.runtime.llm import ModelFailure, Reply, Request, ToolCall, Usage
from aura.config import Settings
from tickets.agent import Workshop

Said = Reply | ModelFailure | Callable[[Request], Reply]


@dataclass
class ScriptedModel:
    """Answers what the script says, one entry a request; keeps every request it got."""

    script: list[Said]
    name: str = "scripted"
    requests: list[Request] = field(default_factory=list)

    def complete(self, request: Request) -> Reply:
        self.requests.append(request)
        said = self.script.pop(0)
        if isinstance(said, ModelFailure):
            raise said
        return said(request) if callable(said) else said


def call(name: str, /, _id: str = "", **arguments: Any) -> ToolCall:
    """A tool call as a model says it."""
    return ToolCall(id=_id or f"call_{name}", name=name, arguments=json.dumps(arguments))


def says(*calls: ToolCall, text: str = "", tokens: tuple[int, int] = (10, 5)) -> Reply:
    """One reply with these calls."""
    unique = tuple(
        ToolCall(id=f"{c.id}_{n}", name=c.name, arguments=c.arguments) for n, c in enumerate(calls)
    )
    usage = Usage(prompt_tokens=tokens[0], completion_tokens=tokens[1], cost=Decimal("0.001"))
    return Reply(text=text, tool_calls=unique, usage=usage, model="scripted-1")


NGINX = """apiVersion: v1
kind: ConfigMap
metadata:
  name: nginx
  namespace: web
data:
  greeting: hello
"""


def plan(
    *steps: dict[str, str], path: str = "apps/nginx/config.yaml", summary: str = "Add nginx"
) -> ToolCall:
    """A submit_plan call; by default one that writes, commits, pushes and resolves one file."""
    usual = [
        {"description": f"Write {path}", "tool": "git_write_file", "path": path},
        {"description": "Commit", "tool": "git_commit"},
        {"description": "Push", "tool": "git_push"},
    ]
    return call(
        "submit_plan",
        summary=summary,
        steps=list(steps) or usual,
        estimatedTools=["git_write_file", "git_stage", "git_commit", "git_push"],
        risks=["none known"],
    )


def whole_ticket(path: str = "apps/nginx/config.yaml", content: str = NGINX) -> list[Said]:
    """The replies that take a ticket from nothing to resolved."""
    return [
        says(call("git_list_files")),
        says(plan(path=path), text="A plan"),
        says(call("git_write_file", path=path, content=content)),
        says(call("git_stage", files=["."])),
        says(call("git_commit", message="Add nginx")),
        says(call("git_push")),
        says(call("resolve", summary="nginx was added")),
    ]


def git(directory: Path | str, *arguments: str) -> str:
    """Run git as a person would, and return what it printed."""
    identity = ("-c", "user.name=Test", "-c", "user.email=test@localhost")
    done = subprocess.run(  # noqa: S603 - a test's own arguments
        ["git", *identity, "-C", str(directory), *arguments],  # noqa: S607 - git from PATH
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def bare_repository(directory: Path, files: dict[str, str] | None = None) -> Path:
    """A bare repository with one commit on main."""
    bare, work = directory / "remote.git", directory / "seed"
    directory.mkdir(parents=True, exist_ok=True)
    git(directory, "init", "--quiet", "--bare", "--initial-branch=main", str(bare))
    git(directory, "clone", "--quiet", str(bare), str(work))
    for name, content in (files or {"README.md": "# Example\n"}).items():
        target = work / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
    git(work, "checkout", "--quiet", "-B", "main")
    git(work, "add", ".")
    git(work, "commit", "--quiet", "-m", "Seed")
    git(work, "push", "--quiet", "origin", "main")
    return bare


def workshop(model: Any, repository: Path | str, root: Path, **settings: Any) -> Workshop:
    """A workshop with this model and a real workspace on a real repository."""
    config = Settings(git_repo_url=str(repository), git_working_dir=root, **settings)
    return Workshop(model=model, workspace=Workspace.from_settings(config), config=config)


def names(calls: Iterable[Any]) -> list[str]:
    """Tool names of executions, in order."""
    return [each.tool for each in calls]
