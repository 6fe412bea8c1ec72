"""Nothing that a repository, an argument or the environment says starts a program."""

from __future__ import annotations

import shutil
import stat
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from agents.gitops import failures
from agents.gitops.git import Git, branch_name
from agents.gitops.remote import parse
from agents.gitops.workspace import Workspace
from agents.runtime.tool import ToolFailure
from tests.agents.gitops.support import Desk, git, log, push_by_hand, wish

HOOKS = [
    *("pre-commit", "prepare-commit-msg", "commit-msg", "post-commit", "post-checkout"),
    *("post-merge", "pre-merge-commit", "pre-push", "pre-rebase", "post-rewrite"),
    *("reference-transaction", "post-index-change", "fsmonitor-watchman", "pre-auto-gc"),
]


@pytest.fixture
def alarm(tmp_path: Path) -> Path:
    """A program that leaves a mark when it is run: `alarm.ran` beside it."""
    script = tmp_path / "alarm"
    script.write_text(f'#!/bin/sh\necho "$0 $@" >> {tmp_path}/alarm.ran\nexit 0\n')
    script.chmod(0o755)
    return script


def ran(alarm: Path) -> str:
    mark = alarm.with_name("alarm.ran")
    return mark.read_text() if mark.exists() else ""


def evil_configuration(alarm: Path) -> str:
    """Every setting we know of that names a program."""
    return f"""
[core]
\thooksPath = {alarm.parent}/hooks
\tfsmonitor = {alarm}
\tsshCommand = {alarm}
\taskPass = {alarm}
\teditor = {alarm}
\tpager = {alarm}
\tgitProxy = {alarm}
\talternateRefsCommand = {alarm}
\tworktree = /
[credential]
\thelper = {alarm}
[diff]
\texternal = {alarm}
[diff "x"]
\ttextconv = {alarm}
\tcommand = {alarm}
[filter "x"]
\tclean = {alarm}
\tsmudge = {alarm}
\tprocess = {alarm}
\trequired = true
[merge "x"]
\tdriver = {alarm}
[gpg]
\tprogram = {alarm}
[commit]
\tgpgSign = true
[trailer "x"]
\tcommand = {alarm}
[uploadpack]
\tpackObjectsHook = {alarm}
[remote "origin"]
\turl = ext::{alarm}
\tuploadpack = {alarm}
\treceivepack = {alarm}
[protocol]
\tallow = always
[url "ext::{alarm} "]
\tinsteadOf = /
\tinsteadOf = http
[gc]
\tauto = 1
[pager]
\tstatus = {alarm}
\tdiff = {alarm}
[alias]
\tcommit = !{alarm}
"""


def evil_hooks(alarm: Path, *places: Path) -> None:
    for place in places:
        place.mkdir(parents=True, exist_ok=True)
        for name in HOOKS:
            shutil.copy(alarm, place / name)


def whole_life(desk: Desk, other: Path, origin: Path) -> None:
    """Each command that a ticket can cause."""
    desk.change("apps/new.yaml", "a: 1\n")
    desk.call("git_diff")
    desk.call("git_status")
    desk.call("git_push")
    push_by_hand(origin, other, "by-hand.txt", "x\n")
    desk.call("git_fetch")
    desk.call("git_rebase", onto="main")
    desk.call("git_push")
    worktree = desk.workspace.open(desk.ticket_id)
    worktree.merge_into_base(wish("done"))
    worktree.cleanup()


def test_hooks_and_configuration_of_the_clone_start_nothing(
    new_desk: Desk, alarm: Path, tmp_path: Path, origin: Path
) -> None:
    new_desk.call("git_clone_worktree")
    repo = new_desk.workspace.root / "repo"
    evil_hooks(alarm, repo / "hooks", tmp_path / "hooks", new_desk.git_dir / "hooks")
    (repo / "config").write_text((repo / "config").read_text() + evil_configuration(alarm))
    (new_desk.path / ".gitattributes").write_text("* filter=x diff=x merge=x\n")
    (repo / "info" / "attributes").write_text("* filter=x diff=x merge=x\n")
    whole_life(new_desk, tmp_path / "other", origin)
    assert ran(alarm) == ""
    assert log(origin)[0].startswith("Merge aura/ticket-T1")


def test_the_options_alone_silence_a_hostile_repository(alarm: Path, tmp_path: Path) -> None:
    """The clone's configuration is ours; here the options stand alone against a foreign one."""
    repo = tmp_path / "foreign"
    git("init", "--quiet", "-b", "main", str(repo))
    (repo / "a").write_text("1\n")
    git("add", ".", at=repo)
    git("commit", "-qm", "first", at=repo)
    git("branch", "side", at=repo)
    evil_hooks(alarm, repo / ".git" / "hooks", tmp_path / "hooks")
    evil = evil_configuration(alarm).replace("\tworktree = /\n", "")
    (repo / ".git" / "config").write_text((repo / ".git" / "config").read_text() + evil)
    (repo / "a").write_text("2\n")
    runner = Git(
        remote=parse(str(tmp_path / "none")), home=tmp_path, author=("A", "a@b"), timeout_s=20
    )
    for command in (
        ("status",),
        ("diff", "--no-ext-diff", "--no-textconv"),
        ("add", "--all"),
        ("commit", "-m", "second"),
        ("checkout", "--quiet", "side"),
        ("merge", "--no-ff", "-m", "merge", "main"),
        ("log", "-1"),
        ("rebase", "main"),
        ("gc", "--auto"),
        ("worktree", "add", str(tmp_path / "tree"), "HEAD~1"),
    ):
        runner.run(*command, git_dir=repo / ".git", work_tree=repo)
    with pytest.raises(ToolFailure):
        runner.ask("fetch", "main", git_dir=repo / ".git")
    assert ran(alarm) == ""


def test_the_alarm_of_these_tests_does_ring(alarm: Path, tmp_path: Path) -> None:
    git("init", "--quiet", "-b", "main", str(tmp_path / "r"))
    evil_hooks(alarm, tmp_path / "r" / ".git" / "hooks")
    (tmp_path / "r" / "a").touch()
    git("add", ".", at=tmp_path / "r")
    git("commit", "-qm", "x", at=tmp_path / "r")
    assert "pre-commit" in ran(alarm)


def test_variables_of_the_worker_do_not_reach_git(
    desk: Desk, alarm: Path, tmp_path: Path, origin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(evil_configuration(alarm))
    for name, value in {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "GIT_DIR": "/nowhere",
        "GIT_WORK_TREE": "/",
        "GIT_INDEX_FILE": "/nowhere/index",
        "GIT_SSH_COMMAND": str(alarm),
        "GIT_EXTERNAL_DIFF": str(alarm),
        "GIT_ASKPASS": str(alarm),
        "GIT_PROXY_COMMAND": str(alarm),
        "GIT_EDITOR": str(alarm),
        "GIT_TEMPLATE_DIR": str(tmp_path / "hooks"),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.fsmonitor",
        "GIT_CONFIG_VALUE_0": str(alarm),
        "GIT_CONFIG_PARAMETERS": f"'core.fsmonitor'='{alarm}'",
        "GIT_TRACE": str(tmp_path / "trace"),
        "PAGER": str(alarm),
        "EDITOR": str(alarm),
    }.items():
        monkeypatch.setenv(name, value)
    desk.change("apps/new.yaml", "a: 1\n")
    desk.call("git_diff")
    desk.call("git_push")
    desk.workspace.open("T1").merge_into_base(wish("done"))
    assert ran(alarm) == ""
    assert not (tmp_path / "trace").exists()


def test_git_sees_what_we_give_it_and_nothing_of_the_worker(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the worker has a variable of the same name."""
    for name in ("GIT_TERMINAL_PROMPT", "GIT_CONFIG_NOSYSTEM", "GIT_LITERAL_PATHSPECS", "HOME"):
        monkeypatch.setenv(name, "0")
    monkeypatch.setenv("AURA_DATABASE_URL", "postgres://x")
    clone = desk.workspace._clone  # the git as it is really run
    shown = clone.run("-c", "alias.see=!env", "see").text.splitlines()
    seen = dict(line.split("=", 1) for line in shown if "=" in line)
    assert seen["HOME"] == seen["GIT_CONFIG_GLOBAL"] == "/dev/null"
    assert seen["GIT_CONFIG_NOSYSTEM"] == seen["GIT_LITERAL_PATHSPECS"] == "1"
    assert seen["GIT_TERMINAL_PROMPT"] == "0"
    assert "AURA_DATABASE_URL" not in seen


OPTIONS = ["--output=ran", "-Oran", "--upload-pack=touch ran", "--exec=touch ran", "-c", "--"]
REFS = [*OPTIONS, "main..HEAD", "main...x", "HEAD@{1}", ":/first", "HEAD^{/x}", "main:apps", "@",
        "^main", "refs/heads/main", "other", "$(id)", "a b", "main\nx", "a\0b"]  # fmt: skip


def test_a_reference_from_outside_is_a_branch_of_ours_or_a_commit(desk: Desk) -> None:
    desk.change("a.txt", "x\n")
    for value in REFS:
        for tool, argument in (
            ("git_diff", "base"),
            ("git_rebase", "onto"),
            ("git_checkout_branch", "branch"),
        ):
            with pytest.raises(ToolFailure):
                desk.call(tool, **{argument: value})
    with pytest.raises(ToolFailure):
        desk.call("git_rebase", onto=" ")
    assert not list(desk.workspace.root.rglob("ran"))


def test_a_path_from_outside_is_a_path(desk: Desk) -> None:
    paths = [*OPTIONS, "--pathspec-from-file=x", ":!a.txt", ":(top)", "*", "[ab].txt", "-"]
    for path in paths:
        desk.call("git_write_file", path=path, content="x\n")
    desk.call("git_write_file", path="a.txt", content="x\n")
    for path in paths:
        desk.call("git_stage", files=[path])
    assert sorted(desk.call("git_status").data["staged"]) == sorted(paths)
    desk.call("git_commit", message="odd names")
    assert not list(desk.workspace.root.rglob("ran"))


def test_a_message_from_outside_is_a_message(desk: Desk) -> None:
    for message in ("--amend", "-F/etc/passwd", "# only\n# comments", "$(id)\n`id`"):
        desk.call("git_write_file", path="a.txt", content=message)
        desk.call("git_stage", files=["."])
        assert desk.call("git_commit", message=message).data["message"] == message
        body = git("log", "-1", "--format=%B", at=desk.path)
        assert body.startswith(f"{message}\n\nAura-Ticket: T1\nAura-Call: ")


@pytest.mark.parametrize(
    "name", ["-b", "--force", "a..b", "a b", "HEAD", "x.lock", "/x", "x/", "@{1}"]
)
def test_a_configured_branch_must_be_a_name(origin: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(ToolFailure, match="branch name"):
        branch_name(name)
    health = Workspace(repo_url=str(origin), root=tmp_path / "w", branch=name).check()
    assert not health.available


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c 'touch /tmp/x'",
        "fd::17",
        "--upload-pack=touch /tmp/x",
        "-oProxyCommand=touch /tmp/x",
        "ssh://-oProxyCommand=x/repo",
        "git@-oProxyCommand=x:repo",
        "javascript:x",
        "ftp://example.org/x",
        "data:x",
    ],
)
def test_an_address_that_starts_programs_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(failures.NotConfigured, match="AURA_GIT_REPO_URL"):
        parse(url)
    assert not Workspace(repo_url=url, root=tmp_path / "w").check().available


@pytest.mark.parametrize("ticket_id", ["../x", "a/b", "-x", "", "a.lock", "a b", "x" * 65, ".git"])
def test_a_ticket_id_that_is_no_plain_word_is_refused(workspace: Workspace, ticket_id: str) -> None:
    with pytest.raises(ToolFailure, match="ticket id"):
        workspace.open(ticket_id)


def test_a_link_in_the_repository_is_checked_out_as_text(
    new_desk: Desk, origin: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    git("clone", "--quiet", str(origin), str(other))
    (other / "link").symlink_to("/etc/passwd")
    git("add", ".", at=other)
    git("commit", "-qm", "link", at=other)
    git("push", "--quiet", "origin", "main", at=other)
    assert new_desk.call("git_read_file", path="link").content == "/etc/passwd"
    assert not (new_desk.path / "link").is_symlink()
    assert new_desk.call("git_status").data["modified"] == ()


def test_a_link_or_a_submodule_is_not_committed(desk: Desk) -> None:
    desk.call("git_clone_worktree")
    (desk.path / "link").symlink_to("/etc/passwd")
    git("init", "--quiet", str(desk.path / "sub"))
    git("commit", "--quiet", "--allow-empty", "-m", "x", at=desk.path / "sub")
    desk.call("git_stage", files=["."])
    with pytest.raises(failures.ChecksFailed, match=r"(?s)link: is a symbolic link.*a submodule"):
        desk.call("git_commit", message="x")


def ends(process: Path) -> bool:
    """Whether the process is gone soon, or dead with nobody there to reap it."""
    latest = time.monotonic() + 20
    while time.monotonic() < latest:
        with suppress(FileNotFoundError, ProcessLookupError):
            if ") Z " not in process.read_text():
                time.sleep(0.02)
                continue
        return True
    return False


def test_a_command_that_hangs_is_ended_with_all_its_children(tmp_path: Path) -> None:
    """The time limit ends ssh as well, not only git."""
    mark = tmp_path / "pid"
    fake = tmp_path / "bin" / "ssh"
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\necho $$ > {mark}\nexec sleep 60\n")
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{fake.parent}:/usr/bin:/bin")
        for limit_s in (1, 5, 20):  # on a busy machine ssh may begin late
            root = tmp_path / f"w{limit_s}"
            workspace = Workspace(repo_url="git@h:x.git", root=root, timeout_s=limit_s)
            start = time.monotonic()
            with pytest.raises(failures.RemoteUnavailable, match=f"not answer within {limit_s} s"):
                workspace.base_commit()
            assert time.monotonic() - start < 40
            if mark.exists() and mark.read_text().strip():
                break
    assert ends(Path(f"/proc/{mark.read_text().strip()}/stat"))


def test_ssh_is_called_with_our_key_and_without_questions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "bin" / "ssh"
    fake.parent.mkdir()
    fake.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/arguments\nset > {tmp_path}/variables\n'
        "echo 'git@h: Permission denied (publickey).' >&2\nexit 255\n"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:/usr/bin:/bin")
    monkeypatch.setenv("AURA_LLM_API_KEY", "model-key")
    key = tmp_path / "a key"
    workspace = Workspace(
        repo_url="ssh://git:pw@h/x.git", root=tmp_path / "w", ssh_key_file=key, token="unused"
    )
    with pytest.raises(failures.AccessDenied):
        workspace.base_commit()
    arguments = (tmp_path / "arguments").read_text().splitlines()
    assert arguments[arguments.index("-i") + 1] == str(key)
    assert {"BatchMode=yes", "IdentitiesOnly=yes", "StrictHostKeyChecking=accept-new"} <= {
        *arguments
    }
    assert f'UserKnownHostsFile="{tmp_path / "w" / "known_hosts"}"' in arguments
    assert "git@h" in arguments
    variables = (tmp_path / "variables").read_text()
    assert "model-key" not in variables
    assert "unused" not in variables


def test_git_is_imported_by_the_workers_alone() -> None:
    code = "import agents.gitops.tools, sys; sys.exit('git' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=False)  # noqa: S603  fixed
    assert done.returncode == 0
