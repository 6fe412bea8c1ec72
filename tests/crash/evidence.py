"""What a bare repository can prove: its hook writes down every change of a branch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.fakes import git

HOOK = """#!/bin/sh
while read old new ref; do echo "$old $new $ref" >> pushes.log; done
"""
NOTHING = "0" * 40
FIELD, RECORD = "¦", "¶"  # in no subject, and no blanks: those are stripped


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """One change of one branch that the remote accepted."""

    kind: str
    branch: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    sha: str
    subject: str
    call: str


def keep_pushes(repository: Path) -> None:
    """From now on the repository remembers every push it accepts."""
    hook = repository / "hooks" / "post-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(HOOK)
    hook.chmod(0o755)


def add_file(repository: Path, name: str, content: str) -> None:
    """A commit on main by somebody else."""
    work = repository.parent / "seed"
    (work / name).write_text(content)
    git(work, "add", name)
    git(work, "commit", "--quiet", "-m", f"Add {name}")
    git(work, "push", "--quiet", "origin", "main")


def pushes_of(repository: Path, ticket_id: str) -> list[Push]:
    """What happened at the remote to the branch of a ticket."""
    log = repository / "pushes.log"
    lines = [line.split() for line in log.read_text().splitlines()] if log.exists() else []
    branch = f"refs/heads/aura/ticket-{ticket_id}"
    return [Push(kind=_kind(old, new), branch=ref) for old, new, ref in lines if ref == branch]


def _kind(old: str, new: str) -> str:
    if old == NOTHING:
        return "created"
    return "deleted" if new == NOTHING else "moved"


def commits_of(repository: Path, ticket_id: str) -> list[Commit]:
    """Commits on main that calls of the ticket made."""
    return _all(repository, f"Aura-Ticket: {ticket_id}", "--no-merges")


def merges_of(repository: Path, ticket_id: str) -> list[Commit]:
    """Merges of the ticket into main."""
    return _all(repository, f"Aura-Ticket: {ticket_id}", "--merges")


def _all(repository: Path, trailer: str, which: str) -> list[Commit]:
    form = FIELD.join(("%H", "%s", "%(trailers:key=Aura-Call,valueonly)")) + RECORD
    text = git(repository, "log", which, f"--grep=^{trailer}$", f"--format={form}", "main")
    found = []
    for record in filter(None, (part.strip("\n") for part in text.split(RECORD))):
        sha, subject, call = record.split(FIELD)
        found.append(Commit(sha=sha, subject=subject, call=call.strip()))
    return found


def files_of(repository: Path) -> set[str]:
    """The files of main."""
    return set(git(repository, "ls-tree", "-r", "--name-only", "main").splitlines())


def branches_of(repository: Path) -> set[str]:
    """Ids of the tickets whose branch the remote still has."""
    names = git(repository, "for-each-ref", "--format=%(refname)", "refs/heads/aura/").splitlines()
    return {name.removeprefix("refs/heads/aura/ticket-") for name in names}
