"""The one bare clone of a machine, which all ticket worktrees share.

What changes the clone itself (remote-tracking references, the list of worktrees) happens under its
lock. Objects are never deleted, and each ticket writes to references of its own, so commits, reads
and pushes of different tickets need no lock.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agents.gitops import locks
from agents.gitops.failures import BranchMissing
from agents.gitops.git import Git, Output, is_commit
from agents.gitops.jail import TEMPORARY
from agents.gitops.policy import Policy

_CONFIG = """\
[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = true
[remote "origin"]
\turl = {url}
\tfetch = +refs/heads/*:refs/remotes/origin/*
"""
_EXCLUDE = f"{TEMPORARY}*\n"
_LOCK_FACTOR = 3  # time-outs of git that may be ahead of us


@dataclass(frozen=True, slots=True, kw_only=True)
class Clone:
    """`<root>/repo`, its lock, and the talk with the remote. `branch` is the base branch.

    `policy` is what the operator wants of everything that is committed.
    """

    root: Path
    branch: str
    git: Git
    policy: Policy = field(default_factory=Policy)

    @property
    def path(self) -> Path:
        return self.root / "repo"

    def run(self, *arguments: str, **options: Any) -> Output:
        """A git command on the clone, without a worktree."""
        return self.git.run(*arguments, git_dir=self.path, **options)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the clone's lock; lock files that a killed git left behind are removed."""
        wait_s = _LOCK_FACTOR * self.git.timeout_s
        with locks.held(self.root / "locks" / "clone", wait_s=wait_s, what="the Git clone"):
            for place in (self.path.glob("*.lock"), self.path.glob("refs/remotes/**/*.lock")):
                for leftover in place:
                    leftover.unlink(missing_ok=True)
            yield

    def prepare(self) -> None:
        """Make the clone when it is missing, and put its configuration right."""
        if not self._is_there():
            with self.changing():
                if not self._is_there():
                    self._initialise()
        for path, text in self._own_files().items():
            if not path.is_file() or path.read_text() != text:
                with self.changing():
                    path.parent.mkdir(exist_ok=True)
                    path.write_text(text)

    def _is_there(self) -> bool:
        return all((self.path / name).exists() for name in ("HEAD", "objects", "refs"))

    def _initialise(self) -> None:
        """In another place, renamed when finished: a half-made clone never has the name."""
        unfinished = self.root / "repo.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.rmtree(self.path, ignore_errors=True)
        self.git.run("init", "--quiet", "--bare", "--template=", str(unfinished))
        unfinished.rename(self.path)

    def _own_files(self) -> Mapping[Path, str]:
        """Files of the clone that nobody else may write: configuration can start programs."""
        return {
            self.path / "config": _CONFIG.format(url=_quoted(self.git.remote.url)),
            self.path / "info" / "exclude": _EXCLUDE,
        }

    # --- the remote -------------------------------------------------------------------------------

    def heads(self, *branches: str, timeout_s: float | None = None) -> dict[str, str | None]:
        """Commit of each branch as the remote says it is now; None for one that is not there."""
        refs = [f"refs/heads/{branch}" for branch in branches]
        output = self.git.ask("ls-remote --heads", *refs, git_dir=self.path, timeout_s=timeout_s)
        lines = (line.partition("\t") for line in output.text.splitlines())
        found = {ref: commit for commit, _, ref in lines}
        return {branch: found.get(ref) for branch, ref in zip(branches, refs, strict=True)}

    def sync(self, *branches: str) -> dict[str, str | None]:
        """Fetch what is new of the branches; the commit of each, None for one that is not there.

        Asks first and locks only when there is something to fetch: many tickets share one fetch.
        """
        self.prepare()
        told = self.heads(*branches)
        if self.tracked(*branches) == told:
            return told
        with self.changing():
            tracked = self.tracked(*branches)
            wanted = [b for b in branches if told[b] and told[b] != tracked[b]]
            if wanted:
                refspecs = [f"+refs/heads/{b}:refs/remotes/origin/{b}" for b in wanted]
                self.git.ask(
                    "fetch --quiet --no-tags --no-write-fetch-head", *refspecs, git_dir=self.path
                )
            for branch in branches:
                if tracked[branch] and not told[branch]:
                    self.run("update-ref", "-d", f"refs/remotes/origin/{branch}")
        return self.tracked(*branches)

    def sync_base(self) -> str:
        """Fetch the base branch; its commit. Raises `BranchMissing` when the remote has none."""
        commit = self.sync(self.branch)[self.branch]
        if commit is None:
            raise BranchMissing(
                f"the repository has no branch {self.branch}: the operator checks AURA_GIT_BRANCH"
            )
        return commit

    def tracked(self, *branches: str) -> dict[str, str | None]:
        """Commit of each branch as it was at the last fetch or push."""
        return {branch: self.commit_of(f"refs/remotes/origin/{branch}") for branch in branches}

    def push(self, commit: str, branch: str, *, expected: str | None = None) -> None:
        """Set the remote branch to `commit`, forward only.

        With `expected` the branch may be rewritten, if it stands at that very commit.
        """
        lease = f" --force-with-lease=refs/heads/{branch}:{expected}" if expected else ""
        self.git.ask(
            f"push --quiet --no-verify --no-follow-tags{lease}",
            f"{commit}:refs/heads/{branch}",
            git_dir=self.path,
        )
        with self.changing():
            self.run("update-ref", f"refs/remotes/origin/{branch}", commit)

    def delete_remote(self, branch: str, *, expected: str) -> None:
        """Delete the remote branch if it stands at `expected`."""
        lease = f"--force-with-lease=refs/heads/{branch}:{expected}"
        self.git.ask(
            f"push --quiet --no-verify {lease}", f":refs/heads/{branch}", git_dir=self.path
        )

    # --- commits ----------------------------------------------------------------------------------

    def commit_of(self, ref: str) -> str | None:
        """Commit a full reference (`refs/...`) stands at, or None.

        Read from its file when it has one, which spares a process; git packs none here by itself.
        """
        try:
            text = (self.path / ref).read_text().strip()
        except OSError:
            text = ""
        if is_commit(text):
            return text
        output = self.run("rev-parse", "--verify", "--quiet", ref, accept=(0, 1, 128))
        return output.text if output.status == 0 else None

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether `newer` holds the commit `older`; both are ids."""
        if older == newer:
            return True
        return self.run("merge-base", "--is-ancestor", older, newer, accept=(0, 1)).status == 0

    def merge_base(self, one: str, other: str) -> str:
        """The newest commit that both ids hold; `GitFailure` when they share no history."""
        return one if one == other else self.run("merge-base", one, other).text

    def maintain(self) -> None:
        """Pack the objects when there are many. None is deleted, so others may work meanwhile."""
        self.run("-c", "gc.auto=6700", "-c", "gc.autoPackLimit=50", "gc", "--auto", "--quiet")

    # --- worktrees --------------------------------------------------------------------------------

    def git_dir(self, path: Path) -> Path:
        """Where git keeps the state of the worktree at `path`."""
        return self.path / "worktrees" / path.name

    def add_worktree(self, path: Path, *what: str) -> None:
        """A worktree at `path` with its files; `what` is a branch, or `--detach` and a commit."""
        self.remove_worktree(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        options = ("--quiet", "--force", "--no-checkout", *what[:-1])
        with self.changing():
            self.run("worktree", "add", *options, str(path), what[-1])
        # The slow part, outside the lock.
        self.git.run("reset", "--hard", "--quiet", git_dir=self.git_dir(path), work_tree=path)

    def remove_worktree(self, path: Path) -> None:
        """Remove the worktree whatever state it is in; nothing happens when there is none."""
        if path.exists() or self.git_dir(path).exists():
            with self.changing():
                shutil.rmtree(self.git_dir(path), ignore_errors=True)
            shutil.rmtree(path, ignore_errors=True)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
