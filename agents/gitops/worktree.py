"""What one ticket may do to the repository: its own branch, in its own worktree.

Checks run inside `commit`, `push` and `merge_into_base`; there is no way around them in this class.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.gitops import locks, merging
from agents.gitops.changes import (
    changed,
    inspect,
    inspect_history,
    require_clean,
    tolerated,
)
from agents.gitops.checks import check_files, scan_secrets
from agents.gitops.clone import Clone
from agents.gitops.failures import BranchMissing, GitFailure, NonFastForward
from agents.gitops.git import Output, is_commit
from agents.gitops.issues import Issue
from agents.gitops.jail import Jail, normalise
from agents.gitops.merging import MergeResult
from agents.gitops.messages import clean_message
from agents.runtime.tool import ToolFailure

BRANCH_PREFIX = "aura/ticket-"
_TICKET_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_READY = "aura-ready"  # in the worktree's git directory, written when all files are checked out
_UNFINISHED = ("rebase-merge", "rebase-apply")


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit as it was made: full id, and the message without our trailers."""

    sha: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """Where the remote stands: base and ticket branch (None: not pushed), `behind` the base."""

    base: str
    branch: str | None
    behind: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebased:
    """`sha` is the branch's head afterwards. With `conflicts` (paths) nothing was changed."""

    sha: str
    conflicts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Paths by what happened to them.

    `ahead` and `behind` compare with `tracking`, or with the base branch before the first push.
    """

    current: str
    tracking: str | None
    staged: tuple[str, ...]
    modified: tuple[str, ...]
    deleted: tuple[str, ...]
    created: tuple[str, ...]
    conflicted: tuple[str, ...]
    ahead: int
    behind: int


class Worktree:
    """The worktree of one ticket. Make it with `Workspace.open`.

    Each method holds the ticket's lock, so two workers never work in one worktree at once.
    """

    def __init__(self, clone: Clone, ticket_id: str) -> None:
        if not _TICKET_ID.fullmatch(ticket_id):
            raise ToolFailure(f"{ticket_id[:80]!r} is not a ticket id")
        self.ticket_id = ticket_id
        self.branch = f"{BRANCH_PREFIX}{ticket_id}"
        self.path = clone.root / "tickets" / ticket_id
        self.jail = Jail(self.path)
        self._clone = clone

    # --- being there ------------------------------------------------------------------------------

    def open(self) -> None:
        """Make the worktree, or make it whole after a crash.

        Nothing is asked of the remote when it is in order. Work that was not committed is kept,
        unless the checkout had never finished or git's own state of the worktree is lost.
        """
        with self._held():
            self._clone.prepare()
            if not self._is_ready():
                self._make()
            self._abort_unfinished()
            self._attach()

    @property
    def base_sha(self) -> str:
        """The commit of the base branch that the ticket's branch builds on."""
        base = self._clone.tracked(self._clone.branch)[self._clone.branch]
        return self._clone.merge_base(self.head, base or self.head)

    @property
    def head(self) -> str:
        """Commit id of the ticket's branch."""
        commit = self._clone.commit_of(f"refs/heads/{self.branch}")
        if commit is None:
            raise GitFailure(f"{self.branch} is gone; call git_clone_worktree to make it again")
        return commit

    def _is_ready(self) -> bool:
        state = (_READY, "HEAD", "index", "commondir")
        if not (self.path.is_dir() and all((self._git_dir / name).is_file() for name in state)):
            return False
        return self._clone.commit_of(f"refs/heads/{self.branch}") is not None

    def _make(self) -> None:
        heads = self._clone.sync(self._clone.branch, self.branch)
        base, remote = heads[self._clone.branch], heads[self.branch]
        if base is None:
            raise BranchMissing(
                f"the repository has no branch {self._clone.branch}: the operator checks"
                " AURA_GIT_BRANCH"
            )
        local = self._clone.commit_of(f"refs/heads/{self.branch}")
        what: tuple[str, ...] = (self.branch,)
        if local is None:
            what = ("-b", self.branch, remote or base)
        elif remote and remote != local and self._clone.is_ancestor(local, remote):
            self._clone.run("update-ref", f"refs/heads/{self.branch}", remote)
        self._clone.add_worktree(self.path, *what)
        (self._git_dir / _READY).touch()

    def _abort_unfinished(self) -> None:
        """A rebase that a killed worker left: back to where it began. It starts with no changes."""
        if not any((self._git_dir / name).exists() for name in _UNFINISHED):
            return
        if self._run("rebase", "--abort", accept=range(256)).status:
            for name in _UNFINISHED:
                shutil.rmtree(self._git_dir / name, ignore_errors=True)
            self._run("symbolic-ref", "HEAD", f"refs/heads/{self.branch}")
            self._run("reset", "--hard", "--quiet")

    def _attach(self) -> None:
        """Stand on the ticket's branch, whatever somebody did by hand."""
        head = self._git_dir / "HEAD"
        if head.read_text().strip() != f"ref: refs/heads/{self.branch}":
            self._run("checkout", "--quiet", self.branch, "--")

    # --- looking ----------------------------------------------------------------------------------

    def status(self) -> Status:
        """The state of the worktree, untracked files included (in `created`)."""
        with self._held():
            listed = self._run(
                "status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames"
            ).names
            pushed = self._clone.tracked(self.branch)[self.branch]
            compared = f"refs/remotes/origin/{self.branch}" if pushed else self._base_ref
            counts = self._run("rev-list", "--left-right", "--count", f"{compared}...HEAD").text
        behind, ahead = counts.split()
        entries = [(item[0], item[1], item[3:]) for item in listed]
        conflicted = {path for x, y, path in entries if "U" in (x, y) or x + y in ("AA", "DD")}
        entries = [entry for entry in entries if entry[2] not in conflicted]
        return Status(
            current=self.branch,
            tracking=f"origin/{self.branch}" if pushed else None,
            staged=tuple(path for x, _, path in entries if x not in " ?"),
            modified=tuple(path for x, y, path in entries if "M" in (x, y) or "T" in (x, y)),
            deleted=tuple(path for x, y, path in entries if "D" in (x, y)),
            created=tuple(path for x, _, path in entries if x in "A?"),
            conflicted=tuple(sorted(conflicted)),
            ahead=int(ahead),
            behind=int(behind),
        )

    def diff(self, base: str | None = None) -> str:
        """The worktree, untracked files included, against `base` or the commit it builds on."""
        with self._held():
            against = self._resolve(base) if base else self.base_sha
            index, copy = self._git_dir / "index", self._git_dir / "aura-diff-index"
            shutil.copyfile(index, copy)
            variables = {"GIT_INDEX_FILE": str(copy)}
            self._run("add", "--all", "--intent-to-add", "--", ".", variables=variables)
            output = self._run(
                "diff", "--no-ext-diff", "--no-textconv", against, "--", variables=variables
            )
            copy.unlink()
        return output.stdout.decode(errors="replace")

    def committed(self) -> str:
        """What the branch's commits change, against the commit that they build on."""
        with self._held():
            output = self._run(
                "diff", "--no-ext-diff", "--no-textconv", self.base_sha, self.head, "--"
            )
        return output.stdout.decode(errors="replace")

    def brought(self, sha: str) -> str:
        """What one commit of the branch changed."""
        output = self._run("diff", "--no-ext-diff", "--no-textconv", f"{sha}^", sha, "--")
        return output.stdout.decode(errors="replace")

    def changed_paths(self) -> list[str]:
        """Paths that differ from the commit the branch builds on and still exist, sorted."""
        status = self.status()
        names = self._run(
            "diff", "--name-only", "--diff-filter=d", "-z", "--no-renames", self.base_sha, "--"
        ).names
        return sorted({path for path in [*names, *status.created] if self.jail.exists(path)})

    def check(self, paths: Sequence[str]) -> list[Issue]:
        """What a commit of these files, as they are in the worktree, would be told."""
        return self.judge({path: self.jail.read_text(path).text for path in paths})

    def judge(self, files: Mapping[str, str]) -> list[Issue]:
        """What a commit would be told if `files` (path -> text) stood in the worktree."""
        issues = check_files(
            files,
            exists=self.jail.exists,
            read=self._text,
            removed=self.status().deleted,
            policy=self._clone.policy,
        )
        return tolerated(self._clone, issues, self.base_sha)

    def _text(self, path: str) -> str | None:
        try:
            return self.jail.read_text(path).text
        except ToolFailure:
            return None

    # --- changing ---------------------------------------------------------------------------------

    def stage(self, paths: Sequence[str]) -> list[str]:
        """Stage files or directories, deletions too; `.` is everything. The staged paths."""
        names = ["." if path.strip() in (".", "./") else normalise(path) for path in paths]
        if not names:
            raise ToolFailure("name the files to stage, or '.' for all")
        with self._held():
            output = self._run("add", "--all", "--", *names, accept=(0, 1, 128))
            if output.status:
                raise ToolFailure(_told(self._clone.git.remote.clean(output.stderr)))
            return self._run("diff", "--cached", "--name-only", "-z", "--no-renames").names

    def commit(self, message: str, call_id: str) -> Commit:
        """Commit what is staged, after the checks, with the trailers that name ticket and call.

        Raises `ChecksFailed`, or `GitFailure` when nothing is staged.
        """
        text = clean_message(message)
        with self._held():
            ref = f"refs/heads/{self.branch}"
            head = self.head
            tree = self._run("write-tree").text
            changes = changed(self._clone, head, tree)
            if not changes:
                raise GitFailure("nothing is staged; call git_stage with the files, then commit")
            issues = inspect(self._clone, changes, head, tree)
            require_clean("the commit", [*issues, *scan_secrets("commit message", text)])
            full = f"{text}\n\nAura-Ticket: {self.ticket_id}\nAura-Call: {call_id}\n"
            sha = self._run("commit-tree", tree, "-p", head, stdin=full.encode()).text
            self._run("update-ref", "-m", "commit", ref, sha, head)
        return Commit(sha=sha, message=text)

    def commit_of_call(self, call_id: str) -> Commit | None:
        """The commit that this very call made on the branch, or None."""
        range_ = f"{self.base_sha}..refs/heads/{self.branch}"
        for entry in self._run("log", "-z", "--format=%H%n%B", range_).names:
            sha, _, body = entry.partition("\n")
            lines = body.strip().splitlines()
            if f"Aura-Call: {call_id}" in lines[-2:]:
                return Commit(sha=sha, message="\n".join(lines[:-2]).strip())
        return None

    def push(self) -> str:
        """Push the branch after the checks; the commit it stands at.

        Forward only. After `rebase` the pushed commits may be replaced, but only those that were
        rebased: a commit of somebody else on the branch is `NonFastForward`.
        """
        with self._held():
            head = self.head
            heads = self._clone.sync(self._clone.branch, self.branch)
            remote = heads[self.branch]
            if remote == head:
                return head
            base = self.base_sha
            if base == head:
                raise GitFailure("there is nothing to push yet; stage and commit first")
            changes = changed(self._clone, base, head)
            issues = inspect(self._clone, changes, base, head)
            older = inspect_history(self._clone, changes, base, head)
            require_clean("the push", [*issues, *older])
            replaces = remote and not self._clone.is_ancestor(remote, head)
            if replaces and not self._was_rebased(remote or ""):
                raise NonFastForward(
                    f"somebody else has pushed to {self.branch}; call git_fetch, then git_rebase"
                    f" with onto origin/{self.branch}"
                )
            self._clone.push(head, self.branch, expected=remote if replaces else None)
            if self._clone.commit_of(self._rebased_ref):
                self._run("update-ref", "-d", self._rebased_ref)
            return head

    def pushed(self) -> str | None:
        """The head of the branch when the remote branch holds it, else None."""
        head = self.head
        remote = self._clone.sync(self.branch)[self.branch]
        return head if remote and self._clone.is_ancestor(head, remote) else None

    def fetch(self) -> Fetched:
        """Fetch base and ticket branch; take over what was pushed elsewhere when that is simple."""
        with self._held():
            heads = self._clone.sync(self._clone.branch, self.branch)
            remote = heads[self.branch]
            if remote and remote != self.head and self._clone.is_ancestor(self.head, remote):
                if self._is_dirty():
                    raise ToolFailure(
                        f"origin/{self.branch} is ahead and there are uncommitted changes; commit"
                        " them first, then call git_rebase"
                    )
                self._run("merge", "--ff-only", "--no-verify", "--quiet", remote)
            base = heads[self._clone.branch] or self.base_sha
            behind = self._run("rev-list", "--count", f"{self.head}..{base}").text
        return Fetched(base=base, branch=remote, behind=int(behind))

    def rebase(self, onto: str) -> Rebased:
        """Put the branch's commits on top of `onto`; on a conflict everything stays as it was."""
        with self._held():
            if self._is_dirty():
                raise ToolFailure("there are uncommitted changes; commit them before git_rebase")
            target, before = self._resolve(onto), self.head
            if not self._clone.commit_of(self._rebased_ref):
                self._run("update-ref", self._rebased_ref, before)
            output = self._run(
                "rebase", "--no-verify", "--quiet", "--no-autostash", target, accept=range(256)
            )
            if output.status:
                conflicts = self._run("diff", "--name-only", "--diff-filter=U", "-z").names
                self._abort_unfinished()
                if not conflicts:
                    reason = self._clone.git.remote.clean(output.stderr)[-400:]
                    raise GitFailure(f"the rebase failed and was undone: {reason}")
                return Rebased(sha=before, conflicts=tuple(conflicts))
            return Rebased(sha=self.head, conflicts=())

    def rebased(self, onto: str) -> Rebased | None:
        """What `rebase` left when it has put the branch on top of `onto`, else None.

        A rebase that a killed worker left half-done was undone by `open`.
        """
        with self._held():
            target, head = self._resolve(onto), self.head
            if not self._clone.is_ancestor(target, head):
                return None
            return Rebased(sha=head, conflicts=())

    # --- the end ----------------------------------------------------------------------------------

    def merge_into_base(self, wish: merging.Wish) -> MergeResult:
        """Merge the branch into the remote base branch; see `merging.merge`."""
        with self._held():
            return merging.merge(
                self._clone, ticket_id=self.ticket_id, branch=self.branch, wish=wish
            )

    def merged(self) -> MergeResult | None:
        """The merge of this ticket that the remote base branch holds, or None."""
        return merging.merged(self._clone, ticket_id=self.ticket_id, branch=self.branch)

    def revert(self, reason: str, *, of: str = "") -> MergeResult:
        """Take this ticket's merge back on the remote base branch; see `merging.revert`."""
        with self._held():
            return merging.revert(self._clone, ticket_id=self.ticket_id, reason=reason, of=of)

    def reverted(self) -> MergeResult | None:
        """The commit that took this ticket's merge back, or None."""
        return merging.reverted(self._clone, ticket_id=self.ticket_id)

    def holds(self, sha: str, revision: str) -> bool:
        """Whether `revision` of the remote base branch contains the commit `sha`."""
        if not is_commit(revision) or not is_commit(sha):
            return False
        self._clone.sync_base()
        try:
            return self._clone.is_ancestor(sha, revision)
        except GitFailure:
            return False  # a revision that the base branch has not, or not any more

    def is_merged(self) -> bool:
        """Whether the remote base branch holds this ticket's merge. For the probe of resolving."""
        return self.merged() is not None

    def cleanup(self, *, delete_remote_branch: bool = True) -> bool:
        """Remove worktree, local branch and remote branch; fine to repeat.

        False when the remote branch was left because it has commits that are not ours.
        """
        with self._held():
            self._clone.prepare()
            gone = self._delete_remote() if delete_remote_branch else True
            self._clone.remove_worktree(self.path)
            with self._clone.changing():
                for ref in (
                    f"refs/heads/{self.branch}",
                    f"refs/remotes/origin/{self.branch}",
                    self._rebased_ref,
                ):
                    self._clone.run("update-ref", "-d", ref)
            return gone

    def _delete_remote(self) -> bool:
        remote = self._clone.sync(self._clone.branch, self.branch)[self.branch]
        if remote is None:
            return True
        ours = (f"refs/heads/{self.branch}", self._rebased_ref, self._base_ref)
        known = [self._clone.commit_of(ref) for ref in ours]
        if not any(commit and self._clone.is_ancestor(remote, commit) for commit in known):
            return False
        self._clone.delete_remote(self.branch, expected=remote)
        return True

    # --- inside -----------------------------------------------------------------------------------

    @property
    def _git_dir(self) -> Path:
        return self._clone.git_dir(self.path)

    @property
    def _base_ref(self) -> str:
        return f"refs/remotes/origin/{self._clone.branch}"

    @property
    def _rebased_ref(self) -> str:
        """The head before the first rebase since the last push: what a push may replace."""
        return f"refs/aura/rebased/{self.ticket_id}"

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Hold the ticket's lock; what lock files are there then, a killed git left behind."""
        lock = self._clone.root / "locks" / f"ticket-{self.ticket_id}"
        wait_s = self._clone.git.timeout_s
        with locks.held(lock, wait_s=wait_s, what=f"the worktree of ticket {self.ticket_id}"):
            branch_lock = self._clone.path / "refs" / "heads" / f"{self.branch}.lock"
            for leftover in (*self._git_dir.glob("*.lock"), branch_lock):
                leftover.unlink(missing_ok=True)
            yield

    def _run(self, *arguments: str, **options: Any) -> Output:
        return self._clone.git.run(
            *arguments, git_dir=self._git_dir, work_tree=self.path, **options
        )

    def _is_dirty(self) -> bool:
        return bool(self._run("status", "--porcelain", "--untracked-files=no").text)

    def _was_rebased(self, remote: str) -> bool:
        """Whether all that the remote branch holds was on ours before it was rebased."""
        before = self._clone.commit_of(self._rebased_ref)
        return before is not None and self._clone.is_ancestor(remote, before)

    def _resolve(self, name: str) -> str:
        """Commit that a name from outside means. Branches of other tickets are no business here."""
        base = self._clone.branch
        refs = {
            base: self._base_ref,
            f"origin/{base}": self._base_ref,
            self.branch: f"refs/heads/{self.branch}",
            f"origin/{self.branch}": f"refs/remotes/origin/{self.branch}",
            "HEAD": "HEAD",
        }
        wanted = name.strip()
        ref = refs.get(wanted) or (wanted if is_commit(wanted) else None)
        commit = ref and self._run(
            "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}", accept=(0, 1, 128)
        )
        if not commit or commit.status:
            raise ToolFailure(
                f"{name[:100]!r} is not known here; use {base}, origin/{base}, {self.branch},"
                " HEAD or a commit id"
            )
        return commit.text


def _told(said: str) -> str:
    if "did not match any files" in said:
        return "a file to stage is neither there nor known to Git; git_status shows what changed"
    if "ignored by one of your .gitignore" in said:
        return "a file to stage is ignored by .gitignore; stage the others only"
    return f"git could not stage the files: {said[-400:].strip()}"
