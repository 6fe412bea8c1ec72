"""The Git side of the product: one repository, one clone, a worktree for each ticket.

    workspace = Workspace.from_settings(settings)
    worktree = workspace.open(ticket_id)

Everything may be repeated, by any worker, after any crash. A worktree is on its branch
`aura/ticket-<ticket id>`; nothing here writes to the base branch but `Worktree.merge_into_base`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from agents.gitops.changes import MAX_CHECKED
from agents.gitops.clone import Clone
from agents.gitops.failures import GitFailure
from agents.gitops.git import Git, branch_name
from agents.gitops.jail import normalise
from agents.gitops.merging import MergeOutcome, MergeResult
from agents.gitops.policy import Policy
from agents.gitops.remote import parse
from agents.gitops.worktree import Worktree
from agents.runtime.tool import ToolFailure

if TYPE_CHECKING:
    from aura.config import Settings

__all__ = ["Health", "MergeOutcome", "MergeResult", "Workspace", "Worktree"]

CHECK_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether tickets can use the repository now, and in one sentence why not."""

    available: bool
    detail: str


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """Where the repository is and under whose name we work. Making one touches nothing.

    `root` is the directory of the clone and the worktrees, on a local disk. `token` is for https,
    `ssh_key_file` for ssh. `timeout_s` holds for each single git command.
    """

    repo_url: str
    root: Path
    branch: str = "main"
    author_name: str = "Aura Agent"
    author_email: str = "aura@localhost"
    username: str = ""
    token: str = ""
    ssh_key_file: Path | None = None
    known_hosts_file: Path | None = None
    timeout_s: float = 60.0
    policy: Policy = field(default_factory=Policy)

    @classmethod
    def from_settings(cls, settings: Settings) -> Workspace:
        """The workspace the operator configured (`AURA_GIT_*`)."""
        return cls(
            repo_url=settings.git_repo_url,
            root=settings.workspace,
            branch=settings.git_branch,
            author_name=settings.git_author_name,
            author_email=settings.git_author_email,
            username=settings.git_username,
            token=settings.git_token,
            ssh_key_file=settings.git_ssh_key_file,
            known_hosts_file=settings.git_ssh_known_hosts_file,
            timeout_s=settings.git_timeout_s,
            policy=Policy.from_settings(settings),
        )

    def __repr__(self) -> str:
        return f"Workspace(root={str(self.root)!r}, branch={self.branch!r})"  # never the token

    def check(self) -> Health:
        """Ask the remote for the base branch, for at most 5 s. Never raises for what is outside."""
        try:
            self._clone.prepare()
            limit = min(CHECK_TIMEOUT_S, self.timeout_s)
            commit = self._clone.heads(self.branch, timeout_s=limit)[self.branch]
        except ToolFailure as failure:
            return Health(available=False, detail=str(failure))
        except OSError as error:
            return Health(available=False, detail=f"the workspace cannot be used: {error.strerror}")
        if commit is None:
            return Health(available=False, detail=f"the repository has no branch {self.branch}")
        return Health(available=True, detail=f"{self.branch} is at {commit[:7]}")

    def base_commit(self) -> str:
        """Commit id of the base branch on the remote now."""
        return self._clone.sync_base()

    def read_base_file(self, path: str) -> str | None:
        """Text of a file of the remote base branch now, None when there is none (or a directory).

        Raises `ToolFailure` for a path that is none, and above 5 MiB.
        """
        name = f"{self._clone.sync_base()}:{normalise(path)}"
        kind = self._clone.run("cat-file", "-t", name, accept=(0, 128))
        if kind.status or kind.text != "blob":
            return None
        if int(self._clone.run("cat-file", "-s", name).text) > MAX_CHECKED:
            raise GitFailure(f"{path} is too large to read")
        return self._clone.run("cat-file", "blob", name).stdout.decode(errors="replace")

    def maintain(self) -> None:
        """Keep the clone small and fast; for a periodic task. Cheap when there is nothing to do."""
        self._clone.prepare()
        self._clone.maintain()

    def ticket_ids(self) -> frozenset[str]:
        """The tickets that have a worktree on this machine."""
        tickets = self._clone.root / "tickets"
        return (
            frozenset(path.name for path in tickets.iterdir()) if tickets.exists() else frozenset()
        )

    def open(self, ticket_id: str) -> Worktree:
        """The ticket's worktree, made when it is missing, mended when a crash left it half-made."""
        worktree = Worktree(self._clone, ticket_id)
        worktree.open()
        return worktree

    @cached_property
    def _clone(self) -> Clone:
        root = self.root.expanduser().absolute()
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise GitFailure(
                f"the workspace cannot be made ({error.strerror}): the operator checks"
                " AURA_GIT_WORKING_DIR"
            ) from None
        remote = parse(
            self.repo_url,
            username=self.username,
            token=self.token,
            ssh_key_file=self.ssh_key_file,
            known_hosts_file=self.known_hosts_file,
            accepted_hosts_file=root / "known_hosts",
        )
        git = Git(
            remote=remote,
            home=root,
            author=(self.author_name, self.author_email),
            timeout_s=self.timeout_s,
        )
        return Clone(root=root, branch=branch_name(self.branch), git=git, policy=self.policy)
