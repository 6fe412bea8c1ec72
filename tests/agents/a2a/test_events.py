"""What a stream says happened between two looks at a task."""

from __future__ import annotations

import pytest
from django.utils.timezone import now

from agents.a2a.outgoing import events_of, status_of
from agents.external.protocol import Protocol
from agents.models import HelpdeskTask

OLD, NEW = Protocol.OLD, Protocol.NEW
RESULT = {"id": "a-1", "name": "echo", "parts": '{"said": "x"}'}


def task(state, **more):
    return HelpdeskTask(key="task-1", context_id="ctx-1", state=state, updated_at=now(), **more)


def told(before, after, protocol=OLD):
    return [
        event["artifact"]["name"]
        if event["kind"] == "artifact-update"
        else event["status"]["state"]
        for event in events_of(before, after, protocol)
    ]


WORKED = {"tool_calls": ["echo"], "artifacts": [RESULT]}


@pytest.mark.parametrize(
    ("before", "after", "events"),
    [
        (task("submitted"), task("submitted"), []),
        (task("submitted"), task("working"), ["working"]),
        (task("working"), task("completed", text="done"), ["answer", "completed"]),
        (
            task("submitted"),
            task("completed", text="done", **WORKED),
            ["working", "working", "answer", "echo", "completed"],
        ),
        (task("submitted"), task("submitted", **WORKED), ["working", "echo"]),
        (task("submitted"), task("canceled", text="no"), ["canceled"]),
        (task("input-required", approval="a"), task("canceled"), ["canceled"]),
        (
            task("input-required", approval="a"),
            task("input-required", approval="b"),
            ["working", "input-required"],
        ),
        (task("input-required", approval="a"), task("working", approval="a"), ["working"]),
    ],
)
def test_what_a_look_came_too_late_for_is_told_all_the_same(before, after, events):
    assert told(before, after) == events


def test_only_what_ends_a_stream_of_0_3_is_final():
    def finals(after):
        return [event["final"] for event in events_of(task("working"), after, OLD)]

    assert finals(task("failed", text="no")) == [True]
    assert finals(task("input-required", approval="a")) == [True]
    assert all("final" not in str(one) for one in events_of(task("working"), task("failed"), NEW))


def test_a_task_that_has_called_something_is_at_work():
    assert status_of(task("submitted"), OLD)["state"] == "submitted"
    assert status_of(task("submitted", tool_calls=["echo"]), NEW)["state"] == "TASK_STATE_WORKING"


def test_an_end_without_an_answer_says_why_and_one_with_an_answer_says_nothing_beside():
    assert status_of(task("failed", text="no such host"), OLD)["message"]["parts"] == [
        {"kind": "text", "text": "no such host"}
    ]
    assert "message" not in status_of(task("completed", text="done"), OLD)
