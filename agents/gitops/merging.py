"""Merges a ticket's branch into the base branch, among many who do the same."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

from agents.gitops import locks
from agents.gitops.changes import changed, inspect, inspect_history, require_clean
from agents.gitops.checks import scan_secrets
from agents.gitops.clone import Clone
from agents.gitops.failures import GitFailure, MergeConflict, NonFastForward
from agents.gitops.messages import clean_message

RETRIES = 5  # further tries when somebody else was faster
_PAUSE_S = 0.2
_LOCK_FACTOR = 10  # time-outs of one merge that may be ahead of us
_SUBJECT = 72  # characters of a commit's first line


class MergeOutcome(StrEnum):
    """What became of the merge."""

    MERGED = "merged"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeResult:
    """`sha` is the commit the base branch stands at, `files` what the merge changed there.

    With `NOTHING` the branch had no commit that the base branch has not; nothing was pushed.
    """

    sha: str
    files: tuple[str, ...]
    outcome: MergeOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a merge would bring to the base branch.

    `paths` are those it would change there; `commits` are (commit id, id of the call its trailer
    names or empty) of everything on the branch that the base has not.
    """

    paths: tuple[str, ...]
    commits: tuple[tuple[str, str], ...]


Permit = Callable[[Proposal], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A merge somebody wants. `permit` raises `ToolFailure` for what may not be merged.

    `planned_on` is the base commit the work was approved on: when the base branch has not got it
    any more, it was rewritten, and merging would bring back what was taken out.
    """

    summary: str
    permit: Permit
    planned_on: str = ""


def merge(clone: Clone, *, ticket_id: str, branch: str, wish: Wish) -> MergeResult:
    """Merge the local `branch` with a merge commit and push it, never by force.

    Raises what `wish.permit` does, `MergeConflict`, `ChecksFailed`, `NonFastForward` (others were
    faster six times) or what the remote answers. Merges of one machine wait for one another;
    those of others are retried.
    """
    return _in_turn(
        clone, lambda: _merge_once(clone, ticket_id=ticket_id, branch=branch, wish=wish)
    )


def _in_turn(clone: Clone, attempt: Callable[[], MergeResult]) -> MergeResult:
    """Change the base branch when it is our turn; again while others elsewhere are faster."""
    wait_s = _LOCK_FACTOR * clone.git.timeout_s
    with locks.held(clone.root / "locks" / "merge", wait_s=wait_s, what="the base branch"):
        for left in range(RETRIES, -1, -1):
            try:
                return attempt()
            except NonFastForward:
                if not left:
                    raise
                time.sleep(random.uniform(0, _PAUSE_S))  # noqa: S311  only to fall out of step
    raise AssertionError("unreachable")


def _merge_once(clone: Clone, *, ticket_id: str, branch: str, wish: Wish) -> MergeResult:
    base = clone.sync_base()
    head = clone.commit_of(f"refs/heads/{branch}")
    if head is None:
        raise GitFailure(f"there is no branch {branch} to merge")
    if clone.is_ancestor(head, base):
        return MergeResult(sha=base, files=(), outcome=MergeOutcome.NOTHING)
    if wish.planned_on and not clone.is_ancestor(wish.planned_on, base):
        raise GitFailure(
            f"{clone.branch} was rewritten after the plan was made on it; run the ticket again"
        )
    with _scratch(clone, ticket_id, base) as path:
        tree = _merged_tree(clone, path, head, branch)
    changes = changed(clone, base, tree)
    paths = tuple(change.path for change in changes)
    wish.permit(Proposal(paths=paths, commits=tuple(_commits(clone, base, head))))
    message = _message(ticket_id, branch, clean_message(wish.summary))
    issues = [*inspect(clone, changes, base, tree), *scan_secrets("merge message", message)]
    require_clean("the merge", [*issues, *inspect_history(clone, changes, base, head)])
    commit = clone.run("commit-tree", tree, "-p", base, "-p", head, stdin=message.encode()).text
    clone.push(commit, clone.branch)
    return MergeResult(sha=commit, files=paths, outcome=MergeOutcome.MERGED)


def _commits(clone: Clone, base: str, head: str) -> Iterator[tuple[str, str]]:
    trailer = "%(trailers:key=Aura-Call,valueonly,separator=%x2C)"
    log = clone.run("log", f"--format=%H {trailer}", f"{base}..{head}").text
    for line in log.splitlines():
        sha, _, call_id = line.partition(" ")
        yield sha, call_id.strip()


def merged(clone: Clone, *, ticket_id: str, branch: str) -> MergeResult | None:
    """The merge of this ticket that the remote base branch holds, or None. Fetches first."""
    base = clone.sync_base()
    head = clone.commit_of(f"refs/heads/{branch}")
    if head and not clone.is_ancestor(head, base):
        return None
    commit = _merge_commit(clone, ticket_id, base)
    if commit is None:
        return None
    files = tuple(change.path for change in changed(clone, f"{commit}^1", commit))
    return MergeResult(sha=commit, files=files, outcome=MergeOutcome.MERGED)


def revert(clone: Clone, *, ticket_id: str, reason: str, of: str = "") -> MergeResult:
    """Take the ticket's merge back by a commit on the base branch, pushed and never by force.

    `of`: the merge that is known to be the ticket's own; a later one by its name is somebody's.
    Raises `GitFailure` when nothing of the ticket is merged, `MergeConflict` when others have
    built on it, and what the remote answers. Waits and tries again as `merge` does.
    """
    return _in_turn(clone, lambda: _revert_once(clone, ticket_id=ticket_id, reason=reason, of=of))


def _revert_once(clone: Clone, *, ticket_id: str, reason: str, of: str) -> MergeResult:
    base = clone.sync_base()
    commit = _merge_commit(clone, ticket_id, base)
    if commit is None:
        raise GitFailure("nothing of this ticket is merged, so there is nothing to take back")
    if of and commit != of:
        raise GitFailure(
            f"the merge {commit[:7]} on {clone.branch} has this ticket's name and was not made by"
            " it, so nothing is taken back; a person must look at it"
        )
    if done := _revert_commit(clone, commit, base):
        return MergeResult(sha=done, files=(), outcome=MergeOutcome.NOTHING)
    with _scratch(clone, ticket_id, base) as path:
        tree = _reverted_tree(clone, path, commit)
    files = tuple(change.path for change in changed(clone, base, tree))
    message = _revert_message(ticket_id, commit, clean_message(reason))
    made = clone.run("commit-tree", tree, "-p", base, stdin=message.encode()).text
    clone.push(made, clone.branch)
    return MergeResult(sha=made, files=files, outcome=MergeOutcome.MERGED)


def reverted(clone: Clone, *, ticket_id: str) -> MergeResult | None:
    """The commit that took the ticket's merge back, if the remote base branch holds one."""
    base = clone.sync_base()
    commit = _merge_commit(clone, ticket_id, base)
    made = _revert_commit(clone, commit, base) if commit else None
    if made is None:
        return None
    files = tuple(change.path for change in changed(clone, f"{made}^1", made))
    return MergeResult(sha=made, files=files, outcome=MergeOutcome.MERGED)


def _revert_commit(clone: Clone, merge_sha: str, base: str) -> str | None:
    trailer = f"--grep=^Aura-Reverts: {merge_sha}$"
    output = clone.run("log", "-1", "--first-parent", "--format=%H", trailer, base)
    return output.text or None


def _reverted_tree(clone: Clone, path: Path, commit: str) -> str:
    """Tree of the worktree at `path` without what the merge `commit` brought."""
    run = partial(clone.git.run, git_dir=clone.git_dir(path), work_tree=path)
    if run("revert", "--no-commit", "-m", "1", commit, accept=(0, 1)).status:
        names = run("diff", "--name-only", "--diff-filter=U", "-z").names
        raise MergeConflict(
            f"others have changed on {clone.branch} what this ticket brought, so it cannot be taken"
            " back by itself; a person must",
            names,
        )
    return run("write-tree").text


def _revert_message(ticket_id: str, commit: str, reason: str) -> str:
    first, _, rest = reason.strip().partition("\n")
    subject = f"Revert: {first}"[:_SUBJECT].rstrip()
    body = f"\n{rest.strip()}\n" if rest.strip() else ""
    return f"{subject}\n{body}\nAura-Ticket: {ticket_id}\nAura-Reverts: {commit}\n"


def _merge_commit(clone: Clone, ticket_id: str, base: str) -> str | None:
    """The last merge on the base branch that carries the ticket's trailer."""
    trailer = f"--grep=^Aura-Ticket: {ticket_id}$"  # an id is letters, digits, _ and -
    output = clone.run("log", "-1", "--first-parent", "--merges", "--format=%H", trailer, base)
    return output.text or None


@contextmanager
def _scratch(clone: Clone, ticket_id: str, commit: str) -> Iterator[Path]:
    """A detached worktree that is thrown away. Ticket ids have no dot, so names never meet."""
    path = clone.root / "merges" / f"{ticket_id}.merge"
    clone.add_worktree(path, "--detach", commit)
    try:
        yield path
    finally:
        clone.remove_worktree(path)


def _merged_tree(clone: Clone, path: Path, head: str, branch: str) -> str:
    """Tree of the merge of `head` into the worktree at `path`. Raises `MergeConflict`."""
    run = partial(clone.git.run, git_dir=clone.git_dir(path), work_tree=path)
    options = ("--no-ff", "--no-commit", "--no-verify", "--quiet")
    if run("merge", *options, head, accept=(0, 1)).status:
        names = run("diff", "--name-only", "--diff-filter=U", "-z").names
        raise MergeConflict(
            f"{branch} and {clone.branch} changed the same lines; call git_rebase with onto"
            f" {clone.branch}, or edit the files so that they agree",
            names,
        )
    return run("write-tree").text


def _message(ticket_id: str, branch: str, summary: str) -> str:
    first, _, rest = summary.strip().partition("\n")
    subject = f"Merge {branch}: {first}".strip(" :")
    if len(subject) > _SUBJECT:
        rest = f"{first}\n{rest}"
        subject = f"Merge {branch}"
    body = f"\n{rest.strip()}\n" if rest.strip() else ""
    return f"{subject}\n{body}\nAura-Ticket: {ticket_id}\n"
