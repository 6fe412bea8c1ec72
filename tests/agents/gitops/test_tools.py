"""Names, arguments and answers of the tools, as the runner and the model see them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from agents.gitops.tools import DIFF_LIMIT, READ_LIMIT, WriteArguments, git_tools
from agents.gitops.workspace import Workspace
from agents.runtime.tool import (
    CallContext,
    Fact,
    NoArguments,
    Tool,
    ToolFailure,
    ToolResult,
    Toolset,
    TransientFailure,
)
from governance.types import ActionClass, Resource
from tests.agents.gitops.support import DEPLOYMENT, Desk, git, push_by_hand

READ, WRITE, DESTRUCTIVE = ActionClass.READ, ActionClass.WRITE, ActionClass.DESTRUCTIVE
DECLARED = {
    "git_list_files": (READ, True, False),
    "git_read_file": (READ, True, False),
    "git_status": (READ, True, False),
    "git_diff": (READ, True, False),
    "validate_files": (READ, True, False),
    "list_validators": (READ, True, False),
    "git_clone_worktree": (WRITE, True, False),
    "git_checkout_branch": (WRITE, True, False),
    "git_write_file": (WRITE, True, False),
    "git_delete_file": (DESTRUCTIVE, False, True),
    "git_stage": (WRITE, True, False),
    "git_commit": (WRITE, False, True),
    "git_push": (WRITE, False, True),
    "git_fetch": (WRITE, True, False),
    "git_rebase": (DESTRUCTIVE, False, True),
}
SHORT = re.compile(r"[0-9a-f]{7}")


def _usual(tool: Tool) -> ActionClass:
    """The class of an ordinary call; of git_write_file it depends on the content."""
    if tool.name != "git_write_file":
        return tool.classify(tool.parameters.model_construct())
    return tool.classify(WriteArguments(path="a.yaml", content="a: 1\n"))


@pytest.mark.parametrize("content", ["", " \n", "# gone\n", "---\n# gone\n"])
def test_writing_nothing_is_as_destructive_as_deleting(desk: Desk, content: str) -> None:
    write = desk.tools["git_write_file"]
    arguments = WriteArguments(path="a.yaml", content=content)
    assert write.classify(arguments) is ActionClass.DESTRUCTIVE


def test_each_tool_declares_what_it_can_do_and_how_it_recovers(desk: Desk) -> None:
    declared = {
        name: (_usual(tool), tool.idempotent, tool.probe is not None)
        for name, tool in desk.tools.items()
    }
    assert declared == DECLARED
    assert Toolset(desk.tools.values()).names == list(DECLARED)
    assert all(tool.description for tool in desk.tools.values())


@pytest.mark.parametrize(
    ("name", "arguments", "resource"),
    [
        ("git_read_file", {"path": "./apps//web.yaml"}, "file:apps/web.yaml"),
        ("git_write_file", {"path": "a", "content": ""}, "file:a"),
        ("git_delete_file", {"path": "../x"}, "file:../x"),
        ("git_list_files", {}, "file:."),
        ("git_list_files", {"prefix": "apps/"}, "file:apps"),
        ("git_push", {}, "repository:aura/ticket-T1"),
        ("git_rebase", {"onto": "main"}, "repository:aura/ticket-T1"),
        ("git_stage", {"files": ["a"]}, "repository:aura/ticket-T1"),
        ("validate_files", {"files": ["a"]}, "repository:aura/ticket-T1"),
    ],
)
def test_the_resource_of_a_call(
    desk: Desk, name: str, arguments: dict[str, object], resource: str
) -> None:
    tool = desk.tools[name]
    found = tool.resource(tool.parameters(**arguments))
    assert isinstance(found, Resource)
    assert str(found) == resource


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("git_push", {"force": True}),
        ("git_commit", {"message": "x", "amend": True}),
        ("git_read_file", {}),
        ("git_read_file", {"path": "a", "offset": -1}),
        ("git_read_file", {"path": "a", "limit": READ_LIMIT + 1}),
        ("git_stage", {"files": []}),
        ("git_stage", {"files": "a"}),
        ("git_write_file", {"path": "a"}),
    ],
)
def test_arguments_nobody_declared_or_that_do_not_fit_are_refused(
    desk: Desk, name: str, arguments: dict[str, object]
) -> None:
    with pytest.raises(ValidationError):
        desk.tools[name].parameters(**arguments)


def test_the_first_call_that_succeeds_tells_that_the_worktree_was_made(
    new_desk: Desk, origin: Path
) -> None:
    base = git("rev-parse", "main", at=origin)
    with pytest.raises(ToolFailure):
        new_desk.call("git_read_file", path="none")
    fact = Fact(type="worktree_created", payload={"branch": new_desk.branch, "baseSha": base})
    assert new_desk.call("git_list_files").facts == (fact,)
    assert new_desk.call("git_list_files").facts == ()
    assert new_desk.call("git_clone_worktree").facts == ()
    # A worker that comes later tells it again, unless it is in the log.
    assert Desk(new_desk.workspace, "T1").call("git_status").facts == (fact,)
    (status,) = [
        tool
        for tool in git_tools(new_desk.workspace, "T1", is_told=lambda: True)
        if tool.name == "git_status"
    ]
    result = status.run(NoArguments(), CallContext(call_id="c", trace_id="T1"))
    assert isinstance(result, ToolResult)
    assert result.facts == ()


def test_clone_worktree_answers_where_it_is(new_desk: Desk, origin: Path) -> None:
    result = new_desk.call("git_clone_worktree")
    assert json.loads(result.content) == result.data == {
        "path": str(new_desk.path),
        "branch": "aura/ticket-T1",
        "baseSha": git("rev-parse", "main", at=origin),
    }  # fmt: skip


def test_only_the_tickets_branch_can_be_checked_out(desk: Desk) -> None:
    for arguments in ({}, {"branch": ""}, {"branch": "aura/ticket-T1"}):
        assert desk.call("git_checkout_branch", **arguments).data == {"branch": "aura/ticket-T1"}
    for branch in ("main", "aura/ticket-T2", "origin/main"):
        with pytest.raises(ToolFailure, match="aura/ticket-T1 alone"):
            desk.call("git_checkout_branch", branch=branch)


def test_files_are_listed_one_a_line(desk: Desk) -> None:
    assert desk.call("git_list_files").content == "AGENTS.md\napps/web.yaml\nnotes.txt"
    assert desk.call("git_list_files", prefix="apps").content == "apps/web.yaml"
    assert desk.call("git_list_files", prefix="zzz").content == "no files begin with 'zzz'"


def test_a_file_is_shown_as_it_is(desk: Desk) -> None:
    result = desk.call("git_read_file", path="apps/web.yaml")
    assert result.content == DEPLOYMENT
    assert result.data == {
        "path": "apps/web.yaml",
        "characters": len(DEPLOYMENT),
        "total": len(DEPLOYMENT),
    }


def test_a_long_file_says_how_to_read_on(desk: Desk) -> None:
    text = "".join(f"line {i}\n" for i in range(20_000))
    desk.call("git_write_file", path="long.txt", content=text)
    parts, offset = [], 0
    while True:
        content = desk.call("git_read_file", path="long.txt", offset=offset).content
        shown, cut, hint = content.partition("[cut: ")
        parts.append(shown)
        if not cut:
            break
        assert hint.endswith(f"of {len(text)}; read on with offset={offset + len(shown)}]")
        offset += len(shown)
    assert "".join(parts) == text
    assert len(parts) > 2


def test_write_and_delete_confirm_shortly(desk: Desk) -> None:
    wrote = desk.call("git_write_file", path="./a/b.txt", content="ü\n")
    assert (wrote.content, wrote.data) == (
        "wrote a/b.txt (3 bytes)",
        {"path": "a/b.txt", "bytes": 3},
    )
    deleted = desk.call("git_delete_file", path="a/b.txt")
    assert (deleted.content, deleted.data) == ("deleted a/b.txt", {"path": "a/b.txt"})


def test_status_is_json(desk: Desk) -> None:
    result = desk.call("git_status")
    assert json.loads(result.content)["current"] == "aura/ticket-T1"
    assert json.loads(result.content)["staged"] == []


def test_no_changes_is_said(desk: Desk) -> None:
    assert desk.call("git_diff").content == "No changes"


def test_a_long_diff_is_cut(desk: Desk) -> None:
    desk.call("git_write_file", path="long.txt", content="line\n" * 30_000)
    content = desk.call("git_diff").content
    assert len(content) < READ_LIMIT + 200
    assert content.endswith("characters; read files instead]")


def test_staging_counts_and_says_what_is_wrong(desk: Desk) -> None:
    desk.call("git_write_file", path="a/x.txt", content="x\n")
    desk.call("git_write_file", path="b.txt", content="x\n")
    assert desk.call("git_stage", files=["a"]).data == {"staged": ["a/x.txt"]}
    assert desk.call("git_stage", files=["."]).content == "2 file(s) are staged"
    with pytest.raises(ToolFailure, match="neither there nor known"):
        desk.call("git_stage", files=["none.txt"])
    desk.call("git_write_file", path=".gitignore", content="*.log\n")
    desk.call("git_write_file", path="x.log", content="x\n")
    with pytest.raises(ToolFailure, match="ignored"):
        desk.call("git_stage", files=["x.log"])
    with pytest.raises(ToolFailure, match="leaves the repository"):
        desk.call("git_stage", files=["../x"])


def test_commit_tells_short_id_and_message_and_a_fact(desk: Desk) -> None:
    desk.call("git_write_file", path="a.txt", content="x\n")
    desk.call("git_stage", files=["."])
    result = desk.call_as("call-7", "git_commit", message="Add a\n\nbecause")
    assert SHORT.fullmatch(result.data["sha"])
    told = {"sha": result.data["sha"], "message": "Add a\n\nbecause"}
    assert json.loads(result.content) == told
    assert result.facts == (Fact(type="commit_created", payload=told),)
    assert result.data == {**told, "diff": result.data["diff"]}
    assert result.data["diff"].endswith("+++ b/a.txt\n@@ -0,0 +1 @@\n+x\n")
    body = git("log", "-1", "--format=%B", at=desk.path).strip()
    assert body == "Add a\n\nbecause\n\nAura-Ticket: T1\nAura-Call: call-7"
    assert git("status", "--porcelain", at=desk.path) == ""


def test_of_a_very_long_diff_the_beginning_is_kept(desk: Desk) -> None:
    desk.call("git_write_file", path="a.txt", content="x\n" * DIFF_LIMIT)
    desk.call("git_stage", files=["."])
    kept = desk.call_as("call-7", "git_commit", message="Add a").data["diff"]
    assert len(kept) < DIFF_LIMIT + 200
    assert "the commit holds the rest" in kept


@pytest.mark.parametrize("message", ["", " \n ", "Aura-Call: x", "x" * 10_001])
def test_a_message_must_say_something(desk: Desk, message: str) -> None:
    desk.call("git_write_file", path="a.txt", content="x\n")
    desk.call("git_stage", files=["."])
    with pytest.raises(ToolFailure, match="message"):
        desk.call("git_commit", message=message)


def test_nothing_staged_says_to_stage_first(desk: Desk) -> None:
    desk.call("git_write_file", path="a.txt", content="x\n")
    with pytest.raises(ToolFailure, match="git_stage"):
        desk.call("git_commit", message="x")


def test_push_tells_branch_and_id_and_a_fact(desk: Desk, origin: Path) -> None:
    desk.change("a.txt", "x\n")
    result = desk.call("git_push")
    sha = git("rev-parse", desk.branch, at=origin)
    assert result.data == {"branch": "aura/ticket-T1", "sha": sha[:7]}
    assert json.loads(result.content) == result.data
    assert result.facts == (Fact(type="push_executed", payload=result.data),)


def test_fetch_tells_how_far_the_base_went(desk: Desk, origin: Path, tmp_path: Path) -> None:
    desk.call("git_clone_worktree")
    head = push_by_hand(origin, tmp_path / "other", "b.txt", "x\n")
    assert desk.call("git_fetch").data == {"base": head[:7], "branch": None, "behind": 1}


def test_validate_tells_by_validator(desk: Desk) -> None:
    desk.call("git_write_file", path="a.yaml", content="a: 1\na: 2\n")
    desk.call("git_write_file", path="b.txt", content="password: hunter2\n")
    for named in (["a.yaml", "b.txt"], ["."]):
        data = desk.call("validate_files", files=named).data
        assert data["valid"] is False
        assert data["files"] == ["a.yaml", "b.txt"]
        assert [issue["rule"] for issue in data["issues"]] == [
            "yaml.duplicate-key",
            "secrets.password",
        ]
        results = data["validatorResults"]
        assert list(results) == desk.call("list_validators").content.splitlines()
        assert results["yaml"] == {"valid": False, "issues": [data["issues"][0]]}
        assert results["kubernetes"] == {"valid": True, "issues": []}
    assert desk.call("validate_files", files=["AGENTS.md"]).data["valid"] is True
    with pytest.raises(ToolFailure, match="no file none"):
        desk.call("validate_files", files=["none"])
    with pytest.raises(ToolFailure):
        desk.call("validate_files", files=["../../etc/passwd"])


def test_validate_sees_what_is_not_changed_and_what_is_deleted(desk: Desk) -> None:
    desk.change("apps/kustomization.yaml", "resources: [web.yaml]\n")
    assert desk.call("validate_files", files=["apps/kustomization.yaml"]).data["valid"] is True
    desk.call("git_delete_file", path="apps/web.yaml")
    assert desk.call("validate_files", files=["AGENTS.md"]).data["valid"] is False


# --- after a crash: was it done? ------------------------------------------------------------------


def test_the_probe_of_a_commit_finds_the_commit_of_this_very_call(desk: Desk) -> None:
    desk.call("git_write_file", path="a.txt", content="x\n")
    desk.call("git_stage", files=["."])
    assert desk.probe("call-7", "git_commit", message="Add a") is None
    result = desk.call_as("call-7", "git_commit", message="Add a")
    desk.change("b.txt", "x\n")
    found = desk.probe("call-7", "git_commit", message="Add a")
    assert found
    assert (found.content, found.data, found.facts) == (result.content, result.data, result.facts)
    assert desk.probe("call-70", "git_commit", message="Add a") is None
    assert desk.probe("call", "git_commit", message="Add a") is None


def test_a_call_id_in_the_words_of_a_message_deceives_no_probe(desk: Desk) -> None:
    desk.change("a.txt", "x\n", "Add a\n\nAura-Call: call-8\n\nsee Aura-Call: call-9")
    assert desk.probe("call-8", "git_commit", message="x") is None
    assert desk.probe("call-9", "git_commit", message="x") is None


def test_the_probe_of_a_push_compares_with_the_remote(desk: Desk, origin: Path) -> None:
    desk.change("a.txt", "x\n")
    assert desk.probe("p", "git_push") is None
    pushed = desk.call("git_push")
    assert desk.probe("p", "git_push") == pushed
    desk.change("b.txt", "x\n")
    assert desk.probe("p", "git_push") is None
    origin.rename(origin.with_name("gone.git"))
    with pytest.raises(ToolFailure):
        desk.probe("p", "git_push")


def test_the_probe_of_a_deletion_looks_for_the_file(desk: Desk) -> None:
    assert desk.probe("d", "git_delete_file", path="notes.txt") is None
    deleted = desk.call("git_delete_file", path="notes.txt")
    found = desk.probe("d", "git_delete_file", path="notes.txt")
    assert found
    assert found.content == deleted.content
    with pytest.raises(ToolFailure):
        desk.probe("d", "git_delete_file", path="../x")


def test_the_probe_of_a_rebase_looks_what_the_branch_stands_on(
    desk: Desk, origin: Path, tmp_path: Path
) -> None:
    desk.change("a.txt", "x\n")
    push_by_hand(origin, tmp_path / "elsewhere", "b.txt", "y\n")
    desk.call("git_fetch")
    assert desk.probe("r", "git_rebase", onto="main") is None
    rebased = desk.call("git_rebase", onto="main")
    found = desk.probe("r", "git_rebase", onto="main")
    assert found
    assert found.content == rebased.content


def test_a_remote_that_is_down_is_transient_and_reading_goes_on(desk: Desk, tmp_path: Path) -> None:
    desk.change("a.txt", "x\n")
    broken = Workspace(repo_url="http://127.0.0.1:1/x.git", root=desk.workspace.root)
    again = Desk(broken, "T1")
    with pytest.raises(TransientFailure):
        again.call("git_push")
    assert again.call("git_read_file", path="a.txt").content == "x\n"
    assert desk.call("git_push").data["branch"] == desk.branch
