"""Tools that fail or are denied: a person is asked, a retry is granted once, and it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.agents.offline.conversation import TOOLS, converse
from tests.agents.offline.repositories import demo, find, plain

TITLE = "Scale hello to 3"
Failing = Callable[[str, Mapping[str, Any], int], str | None]


def fails(tool: str, text: str = "Error: the remote did not answer", times: int = 1) -> Failing:
    """The first `times` calls of a tool fail."""
    return lambda name, _, earlier: text if name == tool and earlier < times else None


STEPS = ["git_list_files", "submit_plan", "git_write_file", "git_stage", "git_commit", "git_push"]


@pytest.mark.parametrize("tool", [*STEPS, "resolve"])
def test_a_failed_step_is_asked_about_and_retried_on_request(tool: str) -> None:
    talk = converse(demo(), TITLE, fails=fails(tool), answers=["retry"])
    assert "A step failed." in talk.questions[0]
    assert f"{tool}" in talk.questions[0]
    assert "the remote did not answer" in talk.questions[0]
    assert talk.of("ask_question")[0]["options"] == ["retry", "give up"]
    assert talk.calls[-1][0] == "resolve"
    assert find(talk.files, "Deployment", "hello")["spec"]["replicas"] == 3


@pytest.mark.parametrize("tool", STEPS)
def test_a_step_that_fails_twice_is_the_end(tool: str) -> None:
    talk = converse(demo(), TITLE, fails=fails(tool, times=9), answers=["retry", "retry"])
    assert talk.end == "give_up"
    assert "failed twice: the remote did not answer" in talk.reason
    assert len(talk.questions) == 1


@pytest.mark.parametrize("tool", STEPS)
def test_giving_up_is_an_answer_to_a_failure(tool: str) -> None:
    talk = converse(demo(), TITLE, fails=fails(tool), answers=["give up"])
    assert talk.reason == "A person asked to give up."


@pytest.mark.parametrize("tool", ["git_write_file", "git_commit", "git_push"])
def test_what_was_denied_is_not_tried_again(tool: str) -> None:
    denial = "Error: Denied by ops: not on a Friday"
    talk = converse(demo(), TITLE, fails=fails(tool, denial), answers=["retry"])
    assert talk.questions[0].startswith("A step was denied.")
    assert "not on a Friday" in talk.questions[0]
    assert talk.end == "give_up"
    assert len([c for c in talk.calls if c[0] == tool]) == 1


def test_a_denied_delete_can_be_answered_with_another_wish() -> None:
    denial = "Error: Denied by ops: keep it running with 0 replicas"
    talk = converse(
        plain(),
        "Remove web",
        fails=fails("git_delete_file", denial),
        answers=["give up"],
    )
    assert talk.end == "give_up"


def test_after_a_failed_check_the_person_may_change_the_wish() -> None:
    refusal = "Error: commit refused: replicas must be odd"
    talk = converse(
        demo(), "Scale hello to 4", fails=fails("git_commit", refusal), answers=["use 5 replicas"]
    )
    assert len(talk.of("submit_plan")) == 2
    assert find(talk.files, "Deployment", "hello")["spec"]["replicas"] == 5
    assert talk.end == "resolve"


def test_files_of_an_abandoned_plan_are_put_back() -> None:
    refusal = "Error: commit refused: no ingress allowed"
    talk = converse(
        demo(),
        "Deploy nginx 1.27 at www.example.com",
        fails=fails("git_commit", refusal),
        answers=["without the ingress"],
    )
    assert talk.end == "resolve"
    assert "apps/nginx/ingress.yaml" not in talk.files
    deleted = [s["path"] for s in talk.plan["steps"] if s["tool"] == "git_delete_file"]
    assert deleted == ["apps/nginx/ingress.yaml"]


def test_a_list_that_was_cut_is_completed_from_the_usual_places() -> None:
    cut = "README.md\napps/hel\n[cut: 90000 more characters; ask for a part]"

    def too_long(name: str, arguments: Mapping[str, Any], _: int) -> str | None:
        return cut if name == "git_list_files" and not arguments else None

    talk = converse(demo(), TITLE, fails=too_long)
    assert {"prefix": "apps"} in talk.of("git_list_files")
    assert talk.end == "resolve"


def test_a_neighbour_that_cannot_be_read_is_done_without() -> None:
    files = demo()

    def broken(name: str, arguments: Mapping[str, Any], _: int) -> str | None:
        other = "hello" in str(arguments.get("path"))
        return "Error: not a text file" if name == "git_read_file" and other else None

    talk = converse(files, "Deploy nginx 1.27", fails=broken)
    assert talk.end == "resolve"


def test_a_file_of_the_application_that_cannot_be_read_is_asked_about() -> None:
    path = "apps/hello/deployment.yaml"

    def broken(name: str, arguments: Mapping[str, Any], earlier: int) -> str | None:
        first = earlier < 5
        failing = name == "git_read_file" and arguments["path"] == path and first
        return "Error: the disk is on holiday" if failing else None

    talk = converse(demo(), TITLE, fails=broken, answers=["retry"])
    assert path in talk.questions[0]
    assert talk.end == "resolve"


def test_a_question_that_cannot_be_asked_is_the_end() -> None:
    talk = converse(demo(), "Deploy shop", fails=fails("ask_question", times=9))
    assert talk.reason.startswith("I could not ask a person: Which image")


def test_giving_up_that_fails_is_said_in_words() -> None:
    failing = fails("give_up", times=9)
    talk = converse(demo(), "Deploy shop", fails=failing, answers=["give up"])
    assert talk.replies[-1].tool_calls == ()
    assert "could not be closed" in talk.replies[-1].text


def test_a_commit_result_that_is_no_json_claims_no_sha() -> None:
    talk = converse(demo(), TITLE, fails=fails("git_commit", "committed"))
    assert "Committed and pushed to aura/ticket-1." in talk.summary


@pytest.mark.parametrize("missing", ["git_stage", "git_push", "git_write_file"])
def test_a_tool_that_is_not_offered_ends_the_work_with_a_reason(missing: str) -> None:
    talk = converse(demo(), TITLE, tools=[tool for tool in TOOLS if tool != missing])
    assert f"I need the tool {missing}" in talk.reason
