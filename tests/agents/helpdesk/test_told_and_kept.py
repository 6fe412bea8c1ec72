"""What tasks keep of what people say, and tell of what was under way when they were stopped."""

from __future__ import annotations

import json

import pytest

from agents.helpdesk import drive, tasks
from agents.models import Run, TaskState
from agents.runtime.tool import ToolResult
from governance import approvals
from tests.agents.helpdesk.desk import ADA, BEA, NAME, Desk

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "canary-9fX2kQ7w"
URL = f"postgresql://someone:{SECRET}@db9/orders"


def message(**part):
    return {"messageId": "m-1", "role": "ROLE_USER", "parts": [part]}


def test_a_password_in_a_question_is_kept_nowhere(desk: Desk) -> None:
    said = f"Why is {URL} slow?"
    task = tasks.ask(NAME, said, by=ADA, message=message(text=said), purpose_note=said)
    drive.advance(task.run_id)
    found = tasks.find(task.key)
    assert found is not None
    run = Run.objects.get(pk=task.run_id)
    kept = [found.question, found.purpose_note, found.text, json.dumps([found.message, run.prompt])]
    assert all(SECRET not in text for text in kept)
    assert "db9/orders slow?" in found.question


def test_a_password_in_the_message_of_a_call_is_not_kept_with_it(desk: Desk) -> None:
    arguments = {"connection_string": URL}
    said = message(data={"skill": "look", "arguments": arguments})
    task = tasks.call(NAME, "look", arguments, by=ADA, message=said)
    found = tasks.find(task.key)
    assert found is not None
    assert SECRET not in json.dumps([found.message, found.arguments])


def test_who_cancels_during_an_effect_is_told_that_it_had_begun(desk: Desk, monkeypatch) -> None:
    task = tasks.call(NAME, "destroy", {"text": "x"}, by=ADA)
    drive.advance(task.run_id)

    def run(self, name, said, context):
        tasks.cancel(task.key, by=ADA)
        return ToolResult(content="destroyed")

    monkeypatch.setattr(Desk, "_run", run)
    waiting = tasks.find(task.key)
    assert waiting is not None
    approvals.approve(waiting.approval, by=BEA, reason="it must go")
    drive.advance(task.run_id)
    found = tasks.find(task.key)
    assert found is not None
    assert found.state == TaskState.CANCELED
    assert "destroy had begun" in found.text


def test_who_cancels_before_anything_has_begun_is_told_nothing_of_it(desk: Desk) -> None:
    task = tasks.call(NAME, "destroy", {"text": "x"}, by=ADA)
    drive.advance(task.run_id)
    cancelled = tasks.cancel(task.key, by=ADA)
    assert cancelled is not None
    assert cancelled.text == "canceled by ada"
