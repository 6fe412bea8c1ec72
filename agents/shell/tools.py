"""`shell_exec`: off unless AURA_SHELL_ENABLED is set."""

from __future__ import annotations

import json
from typing import Any, Final

from pydantic import Field

from agents.gitops.jail import PathRefused, normalise
from agents.gitops.workspace import Workspace
from agents.gitops.worktree import BRANCH_PREFIX, Worktree
from agents.runtime.tool import (
    Arguments,
    CallContext,
    Inspection,
    Tool,
    ToolFailure,
    ToolResult,
)
from agents.shell import bubblewrap
from agents.shell.bubblewrap import Ended, Limits
from aura.config import Settings
from aura.kernel.secrets import redact
from governance.types import ActionClass, Resource

SHELL_EXEC: Final = "shell_exec"
MAX_WORDS: Final = 64
MAX_WORD: Final = 4096  # characters


class ShellArguments(Arguments):
    command: tuple[str, ...] = Field(
        min_length=1,
        max_length=MAX_WORDS,
        description="program and its arguments, one word each; there is no shell in between",
    )
    cwd: str = Field(
        default="", max_length=1024, description="directory of the repository to run it in"
    )
    timeout: int = Field(default=30, ge=1, le=3600, description="seconds it may take")


def shell_tools(workspace: Workspace, ticket_id: str, config: Settings) -> list[Tool]:
    """The tool, bound to one ticket's worktree; none while it is switched off."""
    if not config.shell_enabled:
        return []
    return [_Shell(workspace, ticket_id, config).tool()]


class _Shell:
    def __init__(self, workspace: Workspace, ticket_id: str, config: Settings) -> None:
        self._workspace = workspace
        self._ticket_id = ticket_id
        self._config = config

    def tool(self) -> Tool:
        resource = Resource(type="repository", name=f"{BRANCH_PREFIX}{self._ticket_id}")
        return Tool(
            name=SHELL_EXEC,
            description=(
                "Run one program on the ticket's files, e.g. a linter or a renderer: without a"
                " shell, without network, in a sandbox that reads the repository and writes to"
                " /tmp alone. What it prints is the result. Each call needs an approval."
            ),
            # What a program does cannot be told from its words, so each is looked at by a person.
            action_class=ActionClass.DESTRUCTIVE,
            parameters=ShellArguments,
            run=self._run,
            resource=lambda _: resource,
            check=_check,
            inspect=self._inspect,
            idempotent=True,  # it leaves nothing behind
            alone=True,
        )

    def _inspect(self, said: ShellArguments, context: CallContext) -> Inspection:
        """Nobody is asked to approve what cannot be run here."""
        del context
        worktree = self._workspace.open(self._ticket_id)
        _require_directory(worktree, said.cwd)
        bubblewrap.check(self._config.shell_bwrap, directory=worktree.path)
        where = f"{bubblewrap.WORK}/{said.cwd}" if said.cwd else bubblewrap.WORK
        limits = self._limits(said)
        plan = (
            f"Run in {where}, which is {worktree.branch} and read-only, without network, for at"
            f" most {limits.seconds} s and {limits.memory_mb} MiB a process:"
            f"\n{json.dumps(said.command, ensure_ascii=False)}"
        )
        return Inspection(plan=plan)

    def _run(self, said: ShellArguments, context: CallContext) -> ToolResult:
        del context
        worktree = self._workspace.open(self._ticket_id)
        _require_directory(worktree, said.cwd)
        bubblewrap.check(self._config.shell_bwrap, directory=worktree.path)
        limits = self._limits(said)
        ended = bubblewrap.run(
            self._config.shell_bwrap,
            said.command,
            directory=worktree.path,
            cwd=said.cwd and normalise(said.cwd),
            limits=limits,
        )
        return _result(ended, limits)

    def _limits(self, said: ShellArguments) -> Limits:
        seconds = min(said.timeout, self._config.shell_timeout_s)
        return Limits(seconds=seconds, memory_mb=self._config.shell_memory_mb)


def _check(said: ShellArguments) -> None:
    if any(len(word) > MAX_WORD or "\0" in word for word in said.command):
        raise ToolFailure(f"a word of the command has a NUL or more than {MAX_WORD} characters")
    if not said.command[0].strip():
        raise ToolFailure("the first word of the command is the program, and it is empty")
    if said.cwd:
        normalise(said.cwd)


def _require_directory(worktree: Worktree, cwd: str) -> None:
    """A link that leads out of it leads nowhere inside the sandbox."""
    if cwd and not (worktree.path / normalise(cwd)).is_dir():
        raise PathRefused(f"{normalise(cwd)} is not a directory of the repository")


def _result(ended: Ended, limits: Limits) -> ToolResult:
    stdout, stderr = (
        redact(part.decode(errors="replace")) for part in (ended.stdout, ended.stderr)
    )
    notes = []
    if ended.cut:
        kept = bubblewrap.MAX_OUTPUT >> 10
        notes.append(f"[ended: it printed more than the {kept} KiB of a stream that are kept]")
    elif ended.code is None:
        notes.append(f"[ended: it took longer than {limits.seconds} s]")
    else:
        notes.append(f"exit code {ended.code}")
    shown = [stdout.rstrip("\n"), f"stderr:\n{stderr}".rstrip() if stderr else "", *notes]
    data: dict[str, Any] = {
        "exitCode": ended.code,
        "stdout": stdout,
        "stderr": stderr,
        "cut": ended.cut,
    }
    return ToolResult(content="\n".join(filter(None, shown)), data=data)
