"""One clone, many worktrees, and workers that are killed at any moment."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agents.gitops import failures, locks
from agents.gitops.checks import Issue
from agents.gitops.jail import PathRefused
from agents.gitops.policy import Policy
from agents.gitops.workspace import Workspace
from agents.runtime.tool import ToolFailure, TransientFailure
from aura.config import Settings
from tests.agents.gitops.support import DEPLOYMENT, Desk, files, git, log, push_by_hand, wish


def test_the_settings_of_the_operator_are_all_used(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.touch()
    settings = Settings(
        data_dir=tmp_path,
        git_repo_url="https://h/x.git",
        git_branch="trunk",
        git_author_name="A",
        git_author_email="a@b",
        git_username="u",
        git_token="t0ken",
        git_ssh_key_file=key,
        git_ssh_known_hosts_file=key,
        git_timeout_s=7,
        k8s_version="1.29",
        manifest_refuse=("image", "limits"),
        manifest_forbidden_kinds=("ClusterRole",),
        manifest_namespaces=("shop",),
    )
    assert Workspace.from_settings(settings) == Workspace(
        repo_url="https://h/x.git",
        root=tmp_path / "workspace",
        branch="trunk",
        author_name="A",
        author_email="a@b",
        username="u",
        token="t0ken",
        ssh_key_file=key,
        known_hosts_file=key,
        timeout_s=7,
        policy=Policy(
            refuse=frozenset({"image", "limits"}),
            limits=True,
            forbidden=frozenset({"clusterrole"}),
            namespaces=frozenset({"shop"}),
            release=(1, 29),
        ),
    )


def test_making_a_workspace_touches_nothing(tmp_path: Path) -> None:
    Workspace(repo_url="https://h/x.git", root=tmp_path / "ws")
    assert list(tmp_path.iterdir()) == []


def test_files_of_the_base_branch_are_read_as_they_are_now(
    workspace: Workspace, origin: Path, tmp_path: Path
) -> None:
    assert workspace.read_base_file("AGENTS.md") == "# Rules\nBe careful.\n"
    assert workspace.read_base_file("none.md") is None
    assert workspace.read_base_file("apps") is None
    commit = push_by_hand(origin, tmp_path / "other", "AGENTS.md", "new\n")
    assert workspace.read_base_file("./AGENTS.md") == "new\n"
    assert workspace.base_commit() == commit
    with pytest.raises(PathRefused):
        workspace.read_base_file("../x")


def test_a_worktree_stands_on_its_branch_from_the_remote_base(
    workspace: Workspace, origin: Path, tmp_path: Path
) -> None:
    workspace.base_commit()
    commit = push_by_hand(origin, tmp_path / "other", "late.txt", "x\n")
    worktree = workspace.open("T1")
    assert worktree.branch == "aura/ticket-T1"
    assert worktree.base_sha == worktree.head == commit
    assert worktree.jail.exists("late.txt")
    assert worktree.path == workspace.root / "tickets" / "T1"
    assert git("branch", "--show-current", at=worktree.path) == "aura/ticket-T1"


def test_opening_again_needs_no_remote_and_keeps_the_work(new_desk: Desk, origin: Path) -> None:
    new_desk.call("git_write_file", path="draft.txt", content="x\n")
    shutil.rmtree(origin)
    again = new_desk.workspace.open("T1")
    assert again.jail.read_text("draft.txt").text == "x\n"
    assert again.status().created == ("draft.txt",)


def test_another_machine_goes_on_from_what_was_pushed(desk: Desk, tmp_path: Path) -> None:
    desk.change("a.txt", "x\n")
    sha = desk.call("git_push").data["sha"]
    elsewhere = Workspace(repo_url=desk.workspace.repo_url, root=tmp_path / "machine 2")
    worktree = elsewhere.open("T1")
    assert worktree.head.startswith(sha)
    Desk(elsewhere, "T1").change("b.txt", "x\n")
    worktree.push()
    assert desk.call("git_fetch").data["branch"] == worktree.head[:7]
    assert desk.call("git_read_file", path="b.txt").content == "x\n"


def test_the_author_is_the_configured_one(origin: Path, tmp_path: Path) -> None:
    workspace = Workspace(
        repo_url=str(origin), root=tmp_path / "w", author_name="Bot", author_email="b@o.t"
    )
    desk = Desk(workspace, "T1")
    desk.change("a.txt", "x\n")
    assert (
        git("log", "-1", "--format=%an <%ae> %cn <%ce>", at=desk.path) == "Bot <b@o.t> Bot <b@o.t>"
    )


# --- status and diff ------------------------------------------------------------------------------


def test_status_tells_every_kind_of_change(desk: Desk) -> None:
    desk.change("gone.txt", "x\n")
    desk.call("git_push")
    desk.call("git_delete_file", path="gone.txt")
    desk.call("git_write_file", path="notes.txt", content="changed\n")
    desk.call("git_write_file", path="new staged.txt", content="x\n")
    desk.call("git_stage", files=["new staged.txt"])
    desk.call("git_write_file", path="new/ünstaged.txt", content="x\n")
    assert desk.call("git_status").data == {
        "current": desk.branch,
        "tracking": f"origin/{desk.branch}",
        "staged": ("new staged.txt",),
        "modified": ("notes.txt",),
        "deleted": ("gone.txt",),
        "created": ("new staged.txt", "new/ünstaged.txt"),
        "conflicted": (),
        "ahead": 0,
        "behind": 0,
    }


def test_ahead_and_behind_are_against_the_base_until_the_branch_is_pushed(
    desk: Desk, origin: Path, tmp_path: Path
) -> None:
    desk.change("a.txt", "x\n")
    push_by_hand(origin, tmp_path / "other", "b.txt", "x\n")
    desk.call("git_fetch")
    status = desk.call("git_status").data
    assert (status["tracking"], status["ahead"], status["behind"]) == (None, 1, 1)


def test_the_diff_holds_what_is_committed_staged_changed_new_and_deleted(desk: Desk) -> None:
    desk.change("committed.txt", "1\n")
    desk.call("git_write_file", path="staged.txt", content="2\n")
    desk.call("git_stage", files=["staged.txt"])
    desk.call("git_write_file", path="new.txt", content="3\n")
    desk.call("git_delete_file", path="notes.txt")
    text = desk.call("git_diff").content
    for name in ("committed.txt", "staged.txt", "new.txt", "notes.txt"):
        assert f"diff --git a/{name} b/{name}" in text
    assert desk.call("git_status").data["staged"] == ("staged.txt",)
    assert "committed.txt" not in desk.call("git_diff", base="HEAD").content


# --- after a crash --------------------------------------------------------------------------------


def test_lock_files_of_a_killed_git_do_not_stop_the_next_worker(desk: Desk) -> None:
    desk.call("git_write_file", path="a.txt", content="x\n")
    repo = desk.workspace.root / "repo"
    branch_lock = repo / "refs" / "heads" / f"{desk.branch}.lock"
    remote_lock = repo / "refs" / "remotes" / "origin" / "main.lock"
    leftovers = [desk.git_dir / "index.lock", desk.git_dir / "HEAD.lock", branch_lock, remote_lock]
    leftovers += [repo / "packed-refs.lock", repo / "config.lock"]
    for leftover in leftovers:
        leftover.parent.mkdir(parents=True, exist_ok=True)
        leftover.touch()
    desk.call("git_stage", files=["."])
    desk.call("git_commit", message="x")
    desk.call("git_push")
    desk.workspace.open("T1").merge_into_base(wish("done"))


def test_a_lock_file_of_a_git_that_still_runs_is_respected(desk: Desk, tmp_path: Path) -> None:
    """The worker is killed; its git lives on, holds the lock, and is waited for."""
    desk.call("git_write_file", path="a.txt", content="x\n")
    lock = desk.workspace.root / "locks" / "ticket-T1"
    started, ends = tmp_path / "started", tmp_path / "ends"

    def worker() -> None:
        with locks.held(lock, wait_s=1, what="x"):
            pid = os.fork()
            if pid == 0:  # stands for git: it inherits the descriptor as git does
                (desk.git_dir / "index.lock").touch()
                started.touch()
                while not ends.exists():
                    time.sleep(0.01)
                (desk.git_dir / "index.lock").unlink()
                os._exit(0)
            time.sleep(60)

    process = multiprocessing.get_context("fork").Process(target=worker)
    process.start()
    while not started.exists():
        time.sleep(0.01)
    process.kill()
    process.join()
    assert (desk.git_dir / "index.lock").exists()
    with ThreadPoolExecutor(1) as pool:
        staged = pool.submit(desk.call, "git_stage", files=["."])
        with pytest.raises(TimeoutError):
            staged.result(timeout=0.3)
        ends.touch()
        staged.result()
    assert not (desk.git_dir / "index.lock").exists()


def test_git_inherits_the_locks_of_its_worker(desk: Desk) -> None:
    worktree = desk.workspace.open("T1")
    assert locks.descriptors() == ()
    with locks.held(desk.workspace.root / "locks" / "x", wait_s=1, what="x"):
        (fd,) = locks.descriptors()
        clone = worktree._clone  # the git as it is really run
        output = clone.run("-c", f"alias.see=!ls -l /proc/self/fd/{fd}", "see")
        assert output.text.endswith("locks/x")


def test_a_lock_that_is_held_too_long_is_transient(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locks.held(path, wait_s=1, what="x"):
        again = locks.held(path, wait_s=0.05, what="the clone")
        with pytest.raises(TransientFailure, match="the clone is in use"), again:
            pass
    with locks.held(path, wait_s=0, what="x"):
        pass


def no_checkout(desk: Desk) -> None:
    (desk.git_dir / "aura-ready").unlink()
    (desk.git_dir / "index").unlink()
    (desk.path / "notes.txt").unlink()


def no_files(desk: Desk) -> None:
    shutil.rmtree(desk.path)


def no_state(desk: Desk) -> None:
    shutil.rmtree(desk.git_dir)


def still_locked(desk: Desk) -> None:
    (desk.git_dir / "aura-ready").unlink()
    (desk.git_dir / "locked").write_text("initializing")


def no_clone(desk: Desk) -> None:
    shutil.rmtree(desk.workspace.root / "repo")


def half_a_clone(desk: Desk) -> None:
    shutil.rmtree(desk.workspace.root / "repo" / "objects")


def unfinished_clone(desk: Desk) -> None:
    no_clone(desk)
    (desk.workspace.root / "repo.new" / "objects").mkdir(parents=True)


@pytest.mark.parametrize(
    "damage",
    [no_checkout, no_files, no_state, still_locked, no_clone, half_a_clone, unfinished_clone],
)
def test_a_half_made_worktree_is_made_whole(desk: Desk, damage: Callable[[Desk], None]) -> None:
    desk.change("a.txt", "x\n")
    sha = desk.call("git_push").data["sha"]
    damage(desk)
    worktree = desk.workspace.open("T1")
    assert worktree.head.startswith(sha)
    assert worktree.status().modified == worktree.status().deleted == ()
    assert worktree.jail.read_text("notes.txt").text == "one\ntwo\nthree\n"
    desk.change("b.txt", "x\n")
    desk.call("git_push")


def test_a_rebase_that_was_cut_off_is_undone(desk: Desk, origin: Path, tmp_path: Path) -> None:
    desk.change("notes.txt", "mine\n")
    head = desk.workspace.open("T1").head
    push_by_hand(origin, tmp_path / "other", "notes.txt", "theirs\n")
    desk.call("git_fetch")
    with pytest.raises(Exception, match="1"):
        git("rebase", "origin/main", at=desk.path)
    assert (desk.git_dir / "rebase-merge").exists()
    worktree = desk.workspace.open("T1")
    assert worktree.head == head
    assert worktree.jail.read_text("notes.txt").text == "mine\n"
    assert worktree.status().conflicted == ()


def test_a_branch_changed_by_hand_is_left_again(desk: Desk) -> None:
    desk.call("git_clone_worktree")
    git("checkout", "--quiet", "--detach", at=desk.path)
    desk.call("git_status")
    assert git("branch", "--show-current", at=desk.path) == desk.branch


def test_a_half_written_file_is_neither_listed_nor_staged(desk: Desk) -> None:
    desk.call("git_clone_worktree")
    (desk.path / "apps" / ".aura-tmp-0123456789abcdef").write_text("half")
    assert ".aura-tmp" not in desk.call("git_list_files").content
    assert desk.call("git_stage", files=["."]).data["staged"] == []
    assert desk.call("git_diff").content == "No changes"


def _live(workspace: Workspace, number: int) -> None:
    desk = Desk(workspace, "T1")
    for i in range(100):
        desk.call("git_write_file", path=f"{number}/{i}.txt", content="x\n")
        desk.call("git_stage", files=["."])
        desk.call_as(f"{number}-{i}", "git_commit", message=f"{number}-{i}")
        desk.call("git_push")


def test_a_worker_killed_anywhere_leaves_nothing_that_stops_the_next(
    origin: Path, tmp_path: Path
) -> None:
    """Ten kills in one life of a ticket, from the first clone on."""
    workspace = Workspace(repo_url=str(origin), root=tmp_path / "fresh", timeout_s=20)
    fork = multiprocessing.get_context("fork")
    pause = random.Random(5)  # noqa: S311  any moment will do
    for number in range(10):
        process = fork.Process(target=_live, args=(workspace, number))
        process.start()
        time.sleep(pause.uniform(0.01, 0.25))
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
    desk = Desk(workspace, "T1")
    desk.change("last.txt", "x\n", "last")
    desk.call("git_push")
    subjects = log(origin, desk.branch)
    assert subjects[0] == "last"
    assert len(subjects) == len(set(subjects))
    assert git("fsck", "--strict", "--no-dangling", at=origin) == ""
    assert git("status", "--porcelain", at=desk.path) == ""
    assert workspace.open("T1").merge_into_base(wish("done")).sha


# --- checks cannot be gone around -----------------------------------------------------------------


def test_a_file_with_an_error_is_not_committed(desk: Desk, origin: Path) -> None:
    for path, text, rule in (
        ("apps/bad.yaml", "a: [1\n", "yaml.parse"),
        ("apps/bad.yaml", "a: 1\na: 2\n", "yaml.duplicate-key"),
        ("apps/web.yaml", DEPLOYMENT.replace("replicas: 2", "replicas: -1"), "replicas"),
        ("apps/secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\ndata: {a: Yg==}\n",
         "kubernetes.secret"),
        ("README.md", "password: hunter2\n", "secrets.password"),
    ):  # fmt: skip
        desk.call("git_write_file", path=path, content=text)
        desk.call("git_stage", files=["."])
        with pytest.raises(failures.ChecksFailed, match=rule) as caught:
            desk.call("git_commit", message="x")
        assert isinstance(caught.value.issues[0], Issue)
        assert path in str(caught.value)
    assert desk.workspace.open("T1").head == git("rev-parse", "main", at=origin)


def test_a_secret_in_the_message_is_not_committed(desk: Desk) -> None:
    desk.call("git_write_file", path="a.txt", content="x\n")
    desk.call("git_stage", files=["."])
    with pytest.raises(failures.ChecksFailed, match="commit message"):
        desk.call("git_commit", message="use password: hunter2")


def test_what_is_checked_is_what_is_staged_not_what_lies_there(desk: Desk) -> None:
    desk.call("git_write_file", path="a.yaml", content="a: [1\n")
    desk.call("git_stage", files=["a.yaml"])
    desk.call("git_write_file", path="a.yaml", content="a: 1\n")
    with pytest.raises(failures.ChecksFailed):
        desk.call("git_commit", message="x")


def test_warnings_do_not_block(desk: Desk) -> None:
    desk.change("apps/web.yaml", DEPLOYMENT.replace("web:1.4.2", "web:latest"))


def test_a_file_that_was_wrong_before_and_is_not_touched_does_not_block(
    new_desk: Desk, origin: Path, tmp_path: Path
) -> None:
    push_by_hand(origin, tmp_path / "other", "old.yaml", "a: [1\n")
    new_desk.change("new.yaml", "a: 1\n")
    new_desk.call("git_push")


def test_a_commit_made_by_hand_is_checked_when_it_is_pushed(desk: Desk, origin: Path) -> None:
    desk.call("git_clone_worktree")
    (desk.path / "apps" / "bad.yaml").write_text("a: [1\n")
    git("add", ".", at=desk.path)
    git("commit", "--quiet", "-m", "behind the tool", at=desk.path)
    with pytest.raises(failures.ChecksFailed, match=r"the push was refused.*\n.*apps/bad.yaml"):
        desk.call("git_push")
    with pytest.raises(failures.ChecksFailed, match="the merge was refused"):
        desk.workspace.open("T1").merge_into_base(wish("done"))
    assert git("branch", "--list", at=origin) == "* main"


def test_a_secret_that_was_taken_back_is_still_not_pushed(desk: Desk, origin: Path) -> None:
    desk.call("git_clone_worktree")
    for text, message in (("password: hunter2\n", "oops"), ("nothing\n", "taken back")):
        (desk.path / "a.txt").write_text(text)
        git("add", ".", at=desk.path)
        git("commit", "--quiet", "-m", message, at=desk.path)
    with pytest.raises(failures.ChecksFailed, match=r"a\.txt:1"):
        desk.call("git_push")
    git("commit", "--quiet", "--allow-empty", "-m", "token: gh" + "p_" + "a1B2" * 9, at=desk.path)
    with pytest.raises(failures.ChecksFailed, match="commit message"):
        desk.call("git_push")
    assert git("branch", "--list", at=origin) == "* main"


def test_a_deleted_file_that_a_kustomization_names_is_not_committed(desk: Desk) -> None:
    desk.change("apps/kustomization.yaml", "resources: [web.yaml]\n")
    desk.call("git_delete_file", path="apps/web.yaml")
    desk.call("git_stage", files=["."])
    with pytest.raises(failures.ChecksFailed, match=r"apps/web\.yaml is deleted but still named"):
        desk.call("git_commit", message="x")


# --- push and rebase ------------------------------------------------------------------------------


def test_pushing_twice_is_pushing_once(desk: Desk, origin: Path) -> None:
    desk.change("a.txt", "x\n")
    assert desk.call("git_push").data == desk.call("git_push").data
    assert log(origin, desk.branch) == ["change", "first"]


def test_pushing_without_a_commit_is_said(desk: Desk) -> None:
    with pytest.raises(ToolFailure, match="nothing to push"):
        desk.call("git_push")


def test_a_commit_of_somebody_else_on_the_branch_is_never_overwritten(
    desk: Desk, origin: Path, tmp_path: Path
) -> None:
    desk.change("a.txt", "x\n")
    desk.call("git_push")
    theirs = push_by_hand(origin, tmp_path / "other", "b.txt", "x\n", branch=desk.branch)
    desk.change("c.txt", "x\n")
    with pytest.raises(failures.NonFastForward, match="somebody else"):
        desk.call("git_push")
    push_by_hand(origin, tmp_path / "other", "d.txt", "x\n")
    desk.call("git_fetch")
    desk.call("git_rebase", onto="main")
    with pytest.raises(failures.NonFastForward):
        desk.call("git_push")
    assert git("rev-parse", desk.branch, at=origin) == theirs
    desk.call("git_rebase", onto=f"origin/{desk.branch}")
    desk.call("git_push")
    assert {"b.txt", "c.txt"} <= set(files(origin, desk.branch))


def test_a_pushed_branch_may_be_rebased_and_pushed_again(
    desk: Desk, origin: Path, tmp_path: Path
) -> None:
    desk.change("a.txt", "x\n")
    desk.call("git_push")
    for name in ("b.txt", "c.txt"):
        push_by_hand(origin, tmp_path / "other", name, "x\n")
        desk.call("git_fetch")
        assert desk.call("git_rebase", onto="main").data["conflicts"] == []
    desk.call("git_push")
    assert log(origin, desk.branch)[:2] == ["change", "by hand: c.txt"]
    assert "Aura-Call: T1-call-3" in git("log", "-1", "--format=%B", desk.branch, at=origin)


def test_a_rebase_with_a_conflict_changes_nothing_and_names_the_files(
    desk: Desk, origin: Path, tmp_path: Path
) -> None:
    desk.change("notes.txt", "mine\n")
    push_by_hand(origin, tmp_path / "other", "notes.txt", "theirs\n")
    desk.call("git_fetch")
    before = desk.call("git_status").data
    result = desk.call("git_rebase", onto="origin/main").data
    assert result["conflicts"] == ["notes.txt"]
    assert desk.workspace.open("T1").head.startswith(result["sha"])
    assert desk.call("git_status").data == before
    assert desk.call("git_read_file", path="notes.txt").content == "mine\n"


def test_uncommitted_work_is_not_rebased(desk: Desk) -> None:
    desk.call("git_write_file", path="notes.txt", content="x\n")
    with pytest.raises(ToolFailure, match="commit"):
        desk.call("git_rebase", onto="main")


# --- side by side ---------------------------------------------------------------------------------


def test_many_first_tickets_share_one_clone(workspace: Workspace) -> None:
    with ThreadPoolExecutor(6) as pool:
        worktrees = list(pool.map(workspace.open, [f"T{i}" for i in range(6)]))
    assert {tree.head for tree in worktrees} == {workspace.base_commit()}
    assert all(tree.status().current == f"aura/ticket-T{i}" for i, tree in enumerate(worktrees))


def test_a_ticket_does_not_wait_for_the_clone_when_it_only_works(desk: Desk) -> None:
    desk.call("git_clone_worktree")
    taken, free = threading.Event(), threading.Event()

    def keep() -> None:
        with locks.held(desk.workspace.root / "locks" / "clone", wait_s=1, what="x"):
            taken.set()
            free.wait(60)

    thread = threading.Thread(target=keep)
    thread.start()
    assert taken.wait(30)
    try:
        desk.change("a.txt", "x\n")
        desk.call("git_diff")
        desk.call("git_status")
        assert thread.is_alive()
    finally:
        free.set()
        thread.join()


# --- the end --------------------------------------------------------------------------------------


def test_cleaning_up_removes_every_trace_and_may_be_repeated(desk: Desk, origin: Path) -> None:
    desk.change("a.txt", "x\n")
    desk.call("git_push")
    worktree = desk.workspace.open("T1")
    assert worktree.cleanup()
    assert worktree.cleanup()
    assert not desk.path.exists()
    assert not desk.git_dir.exists()
    assert git("branch", "--list", at=origin) == "* main"
    repo = desk.workspace.root / "repo"
    assert "T1" not in git("for-each-ref", "--format=%(refname)", at=repo)


def test_cleaning_up_may_leave_the_remote_branch(desk: Desk, origin: Path) -> None:
    desk.change("a.txt", "x\n")
    desk.call("git_push")
    assert desk.workspace.open("T1").cleanup(delete_remote_branch=False)
    assert desk.branch in git("branch", "--list", at=origin)


def test_cleaning_up_leaves_commits_of_somebody_else(
    desk: Desk, origin: Path, tmp_path: Path
) -> None:
    desk.change("a.txt", "x\n")
    desk.call("git_push")
    push_by_hand(origin, tmp_path / "other", "b.txt", "x\n", branch=desk.branch)
    assert desk.workspace.open("T1").cleanup() is False
    assert "b.txt" in files(origin, desk.branch)
    assert not desk.path.exists()


def test_maintenance_loses_nothing(desk: Desk) -> None:
    desk.change("a.txt", "x\n")
    desk.workspace.maintain()
    assert desk.call("git_status").data["ahead"] == 1
