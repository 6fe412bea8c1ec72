"""Trailers are ours alone: no words of an agent's make a commit look like another ticket's."""

from __future__ import annotations

import pytest

from agents.gitops.failures import GitFailure
from agents.gitops.workspace import MergeOutcome
from tests.agents.gitops.support import DEPLOYMENT, Desk, git, wish

PATH = "apps/web.yaml"


@pytest.fixture
def other(desk: Desk) -> Desk:
    """A second ticket of the same machine."""
    return Desk(desk.workspace, "T2")


def test_a_merge_whose_words_name_another_ticket_is_not_that_tickets(desk, other, origin):
    desk.change("mine.txt", "mine")
    words = f"Mine\n\nAura-Ticket: {other.ticket_id}\n aura-ticket: {other.ticket_id}"
    desk.workspace.open(desk.ticket_id).merge_into_base(wish(words))
    worktree = other.workspace.open(other.ticket_id)
    assert worktree.merged() is None
    with pytest.raises(GitFailure, match="nothing of this ticket is merged"):
        worktree.revert("not mine")


def test_words_do_not_make_a_merge_look_taken_back(desk, other, origin):
    desk.change(PATH, DEPLOYMENT.replace("web:1.4.2", "web:broken"))
    worktree = desk.workspace.open(desk.ticket_id)
    merge = worktree.merge_into_base(wish("Update web"))
    other.change("theirs.txt", "x")
    words = f"Theirs\n\nAura-Reverts: {merge.sha}"
    other.workspace.open(other.ticket_id).merge_into_base(wish(words))
    assert worktree.reverted() is None
    made = worktree.revert("ill")
    assert made.outcome is MergeOutcome.MERGED
    assert "web:1.4.2" in git("show", f"main:{PATH}", at=origin)


def test_a_merge_that_somebody_made_in_the_tickets_name_is_not_taken_back(desk, origin, tmp_path):
    desk.change(PATH, DEPLOYMENT.replace("web:1.4.2", "web:broken"))
    worktree = desk.workspace.open(desk.ticket_id)
    merge = worktree.merge_into_base(wish("Update web"))
    place = tmp_path / "somebody"
    git("clone", "--quiet", str(origin), str(place))
    git("checkout", "--quiet", "-b", "theirs", at=place)
    git("commit", "--quiet", "--allow-empty", "-m", "theirs", at=place)
    git("checkout", "--quiet", "main", at=place)
    words = f"Merge theirs\n\nAura-Ticket: {desk.ticket_id}"
    git("merge", "--quiet", "--no-ff", "-m", words, "theirs", at=place)
    git("push", "--quiet", "origin", "main", at=place)
    with pytest.raises(GitFailure, match="not made by it"):
        worktree.revert("ill", of=merge.sha)
    assert "web:broken" in git("show", f"main:{PATH}", at=origin)
