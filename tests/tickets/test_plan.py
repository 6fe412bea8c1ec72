"""Plans: what one is, which are usable, and how far one covers a call."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from agents.runtime.tool import ToolFailure
from governance.policy.types import Coverage
from tickets.plan import CARRIED, Plan, check, coverage, paths, stored

WRITE = {"description": "Write it", "tool": "git_write_file", "path": "apps/a.yaml"}
DELETE = {"description": "Delete it", "tool": "git_delete_file", "path": "apps/old.yaml"}
COMMIT = {"description": "Commit", "tool": "git_commit"}
KNOWN = {"git_write_file", "git_delete_file", "git_commit", "git_push", "argo_sync"}


def plan(*steps: dict[str, Any], **fields: Any) -> Plan:
    return Plan.model_validate({"summary": "Do it", "steps": steps or (WRITE, COMMIT)} | fields)


# --- what a plan is ---


def test_a_plan_is_kept_as_the_document_shows_it():
    given = plan(estimatedTools=["git_push", "git_commit"], risks=["None known"])
    assert stored(given) == {
        "summary": "Do it",
        "steps": [WRITE, COMMIT],
        "estimatedTools": ["git_push", "git_commit", "git_write_file"],
        "risks": ["None known"],
    }


def test_what_is_kept_is_a_plan_again():
    kept = stored(plan(estimatedTools=["git_push"], risks=["x"]))
    assert stored(Plan.model_validate(kept)) == kept


def test_texts_are_trimmed():
    given = plan({"description": " Write ", "tool": " git_commit\n", "path": " a "}, summary=" S ")
    assert stored(given)["summary"] == "S"
    assert stored(given)["steps"] == [{"description": "Write", "tool": "git_commit", "path": "a"}]


def test_keys_that_a_model_adds_bind_nothing_and_are_dropped():
    given = plan(WRITE | {"title": "1", "approved": True}, approved=True)
    assert stored(given)["steps"] == [WRITE]
    assert "approved" not in stored(given)


@pytest.mark.parametrize("count", [1, 20])
def test_a_plan_has_one_to_twenty_steps(count):
    assert len(plan(*[COMMIT] * count).steps) == count


@pytest.mark.parametrize(
    "fields",
    [
        {"steps": []},
        {"steps": [COMMIT] * 21},
        {"steps": None},
        {"steps": "git_commit"},
        {"steps": [{"description": "x"}]},
        {"steps": [{"tool": "git_commit"}]},
        {"steps": [{"description": " ", "tool": "git_commit"}]},
        {"steps": [{"description": "x", "tool": 5}]},
        {"steps": [COMMIT | {"path": "x" * 501}]},
        {"steps": [COMMIT | {"description": "x" * 2001}]},
        {"summary": ""},
        {"summary": None},
        {"summary": "x" * 2001},
        {"risks": [""]},
        {"estimatedTools": [None]},
    ],
    ids=lambda fields: repr(fields)[:40],
)
def test_anything_else_is_no_plan(fields):
    with pytest.raises(ValidationError):
        plan(**fields)


# --- whether it can be carried out ---


def test_a_plan_of_known_tools_with_paths_is_usable():
    check(plan(WRITE, DELETE, COMMIT, estimatedTools=["argo_sync"]), KNOWN)


@pytest.mark.parametrize("tool", ["git_write_file", "git_delete_file"])
def test_a_step_that_touches_a_file_names_it(tool):
    with pytest.raises(ToolFailure, match=f"step 2 uses {tool} and must name its path"):
        check(plan(COMMIT, {"description": "x", "tool": tool}), KNOWN)


def test_everything_that_is_wrong_is_told_at_once():
    bad = plan({"description": "x", "tool": "rm_rf"}, WRITE | {"path": ""}, estimatedTools=["sudo"])
    with pytest.raises(ToolFailure) as failure:
        check(bad, KNOWN)
    for fault in ("no tool rm_rf", "no tool sudo", "step 2 uses git_write_file"):
        assert fault in str(failure.value)


# --- how far it covers a call ---

APPROVED = stored(plan(WRITE, DELETE, COMMIT, estimatedTools=["argo_sync"]))


@pytest.mark.parametrize("tool", ["git_write_file", "git_commit", "argo_sync"])
def test_without_an_approved_plan_nothing_is_covered(tool):
    assert coverage(None, tool=tool, path="apps/a.yaml") is Coverage.NO_PLAN


@pytest.mark.parametrize(
    ("tool", "path", "covered"),
    [
        ("git_write_file", "apps/a.yaml", True),
        ("git_delete_file", "apps/old.yaml", True),
        ("git_write_file", "apps/b.yaml", False),
        ("git_write_file", "apps", False),
        ("git_write_file", "apps/a.yaml/b", False),
        ("git_write_file", "", False),
        ("git_write_file", "apps/old.yaml", False),
        ("git_delete_file", "apps/a.yaml", False),
        ("git_write_file", "APPS/a.yaml", False),
        ("git_write_file", "../apps/a.yaml", False),
        ("git_write_file", "apps/../apps/a.yaml", False),
    ],
)
def test_a_file_tool_is_covered_on_exactly_the_paths_that_its_steps_name(tool, path, covered):
    expected = Coverage.IN_PLAN if covered else Coverage.OUTSIDE_PLAN
    assert coverage(APPROVED, tool=tool, path=path) is expected


@pytest.mark.parametrize("tool", ["git_write_file", "git_delete_file"])
def test_naming_a_file_tool_among_the_estimated_ones_covers_no_file(tool):
    loose = stored(plan(COMMIT, estimatedTools=[tool]))
    assert coverage(loose, tool=tool, path="apps/a.yaml") is Coverage.OUTSIDE_PLAN
    assert coverage(loose, tool=tool, path="") is Coverage.OUTSIDE_PLAN


def test_a_path_may_be_spelt_in_the_plan_in_several_ways():
    spelt = stored(plan(*(WRITE | {"path": p} for p in ("./a/b.yaml", "c//d.yaml", "e/./f/"))))
    assert paths(spelt, "git_write_file") == {"a/b.yaml", "c/d.yaml", "e/f"}
    assert coverage(spelt, tool="git_write_file", path="a/b.yaml") is Coverage.IN_PLAN


@pytest.mark.parametrize("path", ["apps/../secret.yaml", "/etc/passwd", ".git/config"])
def test_a_plan_that_names_a_path_no_tool_may_touch_is_refused(path):
    with pytest.raises(ToolFailure, match="step 1: "):
        check(plan(WRITE | {"path": path}), KNOWN)


@pytest.mark.parametrize("tool", sorted(CARRIED))
def test_what_every_plan_needs_is_covered_by_every_plan(tool):
    assert coverage(APPROVED, tool=tool, path="") is Coverage.IN_PLAN


def test_only_tools_with_guards_of_their_own_are_covered_unnamed():
    assert {
        "git_clone_worktree",
        "git_checkout_branch",
        "git_fetch",
        "git_stage",
        "git_commit",
        "git_push",
        "git_merge",
        "git_revert",
        "resolve",
    } == CARRIED


@pytest.mark.parametrize(
    ("tool", "expected"),
    [("argo_sync", Coverage.IN_PLAN), ("kubectl_exec", Coverage.OUTSIDE_PLAN)],
)
def test_any_other_tool_is_covered_when_the_plan_names_it(tool, expected):
    assert coverage(APPROVED, tool=tool, path="") is expected
