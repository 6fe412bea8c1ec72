"""Merging into the base branch: first come, nobody lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agents.gitops import failures
from agents.gitops.workspace import MergeOutcome, MergeResult, Workspace
from tests.agents.gitops.support import DEPLOYMENT, Desk, files, git, log, push_by_hand, wish


def merge(desk: Desk, summary: str = "done") -> MergeResult:
    return desk.workspace.open(desk.ticket_id).merge_into_base(wish(summary))


def test_a_merge_is_one_commit_on_the_base_with_the_summary_and_the_ticket(
    desk: Desk, origin: Path
) -> None:
    desk.change("a.txt", "x\n", "Add a")
    desk.change("apps/b.yaml", "b: 1\n", "Add b")
    result = merge(desk, "Raise the limit\n\nIt was too low.")
    assert result.outcome is MergeOutcome.MERGED
    assert result.files == ("a.txt", "apps/b.yaml")
    assert git("rev-parse", "main", at=origin) == result.sha
    assert git("log", "-1", "--format=%B", "main", at=origin).strip() == (
        "Merge aura/ticket-T1: Raise the limit\n\nIt was too low.\n\nAura-Ticket: T1"
    )
    parents = git("log", "-1", "--format=%P", "main", at=origin).split()
    assert parents[1] == desk.workspace.open("T1").head
    assert log(origin) == ["Merge aura/ticket-T1: Raise the limit", "Add b", "Add a", "first"]


def test_a_long_summary_stands_in_the_body(desk: Desk, origin: Path) -> None:
    desk.change("a.txt", "x\n")
    merge(desk, "word " * 40)
    subject, _, body = git("log", "-1", "--format=%B", "main", at=origin).partition("\n")
    assert subject == "Merge aura/ticket-T1"
    assert body.startswith("\nword word")


def test_nothing_to_merge_is_an_outcome(desk: Desk, origin: Path) -> None:
    desk.call("git_clone_worktree")
    head = git("rev-parse", "main", at=origin)
    expected = MergeResult(sha=head, files=(), outcome=MergeOutcome.NOTHING)
    assert merge(desk) == expected
    assert desk.workspace.open("T1").merged() is None
    assert not desk.workspace.open("T1").is_merged()


def test_whether_it_is_merged_is_told_before_after_and_when_all_is_cleaned_up(desk: Desk) -> None:
    desk.change("a.txt", "x\n")
    worktree = desk.workspace.open("T1")
    assert worktree.merged() is None
    result = merge(desk)
    assert worktree.merged() == result
    assert worktree.is_merged()
    worktree.cleanup()
    assert desk.workspace.open("T1").merged() == result
    assert desk.workspace.open("T10").merged() is None


def test_a_message_that_only_claims_to_be_the_merge_is_not_believed(
    desk: Desk, origin: Path, tmp_path: Path
) -> None:
    desk.call("git_clone_worktree")
    other = tmp_path / "other"
    push_by_hand(origin, other, "x.txt", "x\n")
    git("commit", "--quiet", "--allow-empty", "-m", "Merge\n\nAura-Ticket: T1", at=other)
    git("push", "--quiet", "origin", "main", at=other)
    assert desk.workspace.open("T1").merged() is None


def test_commits_after_a_merge_are_a_new_merge(desk: Desk, origin: Path) -> None:
    desk.change("a.txt", "x\n")
    merge(desk)
    desk.change("b.txt", "x\n")
    assert desk.workspace.open("T1").merged() is None
    assert merge(desk).files == ("b.txt",)
    assert merge(desk).outcome is MergeOutcome.NOTHING
    assert {"a.txt", "b.txt"} <= set(files(origin))


def test_a_base_that_moved_on_is_fetched_first(desk: Desk, origin: Path, tmp_path: Path) -> None:
    desk.change("a.txt", "x\n")
    push_by_hand(origin, tmp_path / "other", "b.txt", "x\n")
    assert merge(desk).files == ("a.txt",)
    assert {"a.txt", "b.txt"} <= set(files(origin))


def test_a_conflict_names_the_files_and_pushes_nothing(
    desk: Desk, origin: Path, tmp_path: Path
) -> None:
    desk.change("notes.txt", "mine\n")
    head = push_by_hand(origin, tmp_path / "other", "notes.txt", "theirs\n")
    with pytest.raises(failures.MergeConflict, match=r"git_rebase.*: notes\.txt") as caught:
        merge(desk)
    assert caught.value.files == ("notes.txt",)
    assert git("rev-parse", "main", at=origin) == head
    assert list((desk.workspace.root / "merges").iterdir()) == []
    desk.call("git_write_file", path="notes.txt", content="theirs\n")
    desk.call("git_stage", files=["."])
    desk.call("git_commit", message="agree")
    assert merge(desk).outcome is MergeOutcome.MERGED


def test_the_merged_files_are_checked_not_only_those_of_the_branch(
    new_desk: Desk, origin: Path, tmp_path: Path
) -> None:
    """Each side is right alone; together a key stands twice."""
    lines = [f"k{i}: 1" for i in range(20)]
    push_by_hand(origin, tmp_path / "other", "a.yaml", "\n".join(lines) + "\n")
    new_desk.change("a.yaml", "\n".join(["new: 1", *lines]) + "\n")
    push_by_hand(origin, tmp_path / "other", "a.yaml", "\n".join([*lines, "new: 2"]) + "\n")
    with pytest.raises(failures.ChecksFailed, match="the key 'new' is there twice"):
        merge(new_desk)
    assert log(origin)[0] == "by hand: a.yaml"


def test_a_scratch_worktree_of_a_killed_merge_is_no_hindrance(desk: Desk) -> None:
    desk.change("a.txt", "x\n")
    leftover = desk.workspace.root / "merges" / "T1.merge"
    leftover.mkdir(parents=True)
    (leftover / "rubbish").touch()
    (desk.workspace.root / "repo" / "worktrees" / "T1.merge").mkdir()
    assert merge(desk).outcome is MergeOutcome.MERGED


def test_deletions_are_merged(desk: Desk, origin: Path) -> None:
    desk.call("git_delete_file", path="notes.txt")
    desk.call("git_stage", files=["notes.txt"])
    desk.call("git_commit", message="Remove notes")
    assert merge(desk).files == ("notes.txt",)
    assert "notes.txt" not in files(origin)


@pytest.mark.parametrize("machines", ["one machine", "six machines"])
def test_six_tickets_merge_at_once_and_no_commit_is_lost(
    origin: Path, tmp_path: Path, machines: str
) -> None:
    """On one machine they queue; on six, five of them lose the first race and try again."""
    root = tmp_path / "ws"
    desks = [
        Desk(
            Workspace(
                repo_url=str(origin),
                root=root if machines == "one machine" else root / str(i),
                timeout_s=30,
            ),
            f"T{i}",
        )
        for i in range(6)
    ]

    def live(desk: Desk) -> MergeResult:
        name = DEPLOYMENT.replace("name: web", f"name: web-{desk.ticket_id.lower()}", 1)
        desk.change(f"apps/{desk.ticket_id}.yaml", name, f"Work of {desk.ticket_id}")
        desk.call("git_push")
        return merge(desk, f"Ticket {desk.ticket_id}")

    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(live, desks))
    assert {f"apps/T{i}.yaml" for i in range(6)} <= set(files(origin))
    assert {f"Work of T{i}" for i in range(6)} <= set(log(origin))
    first_parents = git("log", "--first-parent", "--format=%H", "main", at=origin).splitlines()
    assert len(first_parents) == 7
    assert {result.sha for result in results} < set(first_parents)
    assert [result.files for result in results] == [(f"apps/T{i}.yaml",) for i in range(6)]
    assert git("fsck", "--strict", "--no-dangling", at=origin) == ""
    assert all(desk.workspace.open(desk.ticket_id).merged() for desk in desks)
