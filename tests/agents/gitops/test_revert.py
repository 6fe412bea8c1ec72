"""Taking a merge back: a commit on the base branch, never by force."""

from __future__ import annotations

import pytest

from agents.gitops.failures import GitFailure, MergeConflict
from agents.gitops.workspace import MergeOutcome
from tests.agents.gitops.support import DEPLOYMENT, git, log, push_by_hand, wish

PATH = "apps/web.yaml"  # there from the beginning


def text(origin, path: str = PATH) -> str:
    return git("show", f"main:{path}", at=origin)


@pytest.fixture
def merged(desk):
    """A change of a file that was there before, merged into main."""
    desk.change(PATH, DEPLOYMENT.replace("web:1.4.2", "web:broken"))
    worktree = desk.workspace.open(desk.ticket_id)
    return worktree, worktree.merge_into_base(wish("Update web"))


def test_the_base_branch_is_as_it_was_and_nothing_is_lost(merged, origin):
    worktree, merge = merged
    assert "web:broken" in text(origin)
    made = worktree.revert("web does not start: image pull")
    assert made.files == (PATH,)
    assert "web:1.4.2" in text(origin)
    assert log(origin)[0] == "Revert: web does not start: image pull"
    assert git("merge-base", "--is-ancestor", merge.sha, "main", at=origin) == ""
    assert worktree.holds(merge.sha, made.sha)
    assert not worktree.holds(made.sha, merge.sha)
    assert not worktree.holds(merge.sha, "no commit")


def test_it_is_done_once_however_often_it_is_asked_for(merged, origin):
    worktree, _ = merged
    assert worktree.reverted() is None
    first = worktree.revert("ill")
    again = worktree.revert("ill")
    assert (again.sha, again.outcome) == (first.sha, MergeOutcome.NOTHING)
    assert worktree.reverted().sha == first.sha
    assert log(origin).count("Revert: ill") == 1


def test_others_work_since_then_stays(merged, origin, tmp_path):
    worktree, _ = merged
    push_by_hand(origin, tmp_path / "other", "apps/cart/x.txt", "theirs")
    worktree.revert("ill")
    assert text(origin, "apps/cart/x.txt") == "theirs"
    assert "web:1.4.2" in text(origin)


def test_what_others_have_built_on_is_left_to_a_person(merged, origin, tmp_path):
    worktree, _ = merged
    push_by_hand(origin, tmp_path / "other", PATH, DEPLOYMENT.replace("web:1.4.2", "web:2.0.0"))
    with pytest.raises(MergeConflict, match="a person must"):
        worktree.revert("ill")
    assert "web:2.0.0" in text(origin)


def test_nothing_merged_is_nothing_to_take_back(desk):
    desk.change("new.txt", "x")
    with pytest.raises(GitFailure, match="nothing of this ticket is merged"):
        desk.workspace.open(desk.ticket_id).revert("ill")
