"""POST /api/tickets/:id/answer"""

from __future__ import annotations

import pytest

from agents.models import ToolExecution
from governance.audit.record import data_of
from tests.builders import asked_while_planning, log_of, pending_input, run_of
from tests.contract.wire import at, invalid, ok, refused, woken

pytestmark = pytest.mark.django_db


def test_the_answer_is_the_documents_own(api, django_capture_on_commit_callbacks):
    ticket = pending_input()
    with django_capture_on_commit_callbacks() as callbacks:
        body = ok(api.post(at(ticket, "/answer"), {"answer": "data"}))
    assert list(body.items()) == [
        ("id", str(ticket.pk)),
        ("status", "executing"),
        ("pendingQuestion", None),
    ]
    assert run_of(ticket).due_at is not None
    assert woken(callbacks) == [ticket.pk]
    assert ok(api.get(at(ticket)))["pendingQuestion"] is None


def test_a_question_put_while_planning_leads_back_to_planning(api):
    ticket = asked_while_planning()
    assert ok(api.post(at(ticket, "/answer"), {"answer": "data"}))["status"] == "planning"


def test_the_answer_is_the_result_of_the_call_that_asked(api):
    ok(api.post(at(pending_input(), "/answer"), {"answer": "  the data one "}))
    call = ToolExecution.objects.get(tool="ask_question")
    assert (call.state, call.failed, call.result) == ("done", False, "the data one")
    assert call.data == {"answer": "the data one"}
    assert call.ended_at is not None


def test_an_answer_need_not_be_one_of_the_options(api):
    ok(api.post(at(pending_input(), "/answer"), {"answer": "neither"}))
    assert ToolExecution.objects.get(tool="ask_question").result == "neither"


def test_the_log_holds_question_and_answer(api):
    ticket = pending_input()
    ok(api.post(at(ticket, "/answer"), {"answer": "data"}))
    answered, moved = log_of(ticket)[-2:]
    assert (answered.type, answered.actor) == ("question_answered", "user")
    assert data_of(answered.body)["data"]["payload"] == {
        "question": "Which namespace?",
        "answer": "data",
    }
    assert moved.type == "status_changed"


def test_a_second_answer_is_refused(api):
    ticket = pending_input()
    ok(api.post(at(ticket, "/answer"), {"answer": "data"}))
    refused(api.post(at(ticket, "/answer"), {"answer": "cache"}), 400, "QUESTION_NOT_PENDING")
    assert ToolExecution.objects.get(tool="ask_question").result == "data"


@pytest.mark.parametrize(
    "value", [None, "", " \n", 5, True, ["x"], {}, "x" * 10_001, "\x00"], ids=lambda v: repr(v)[:9]
)
def test_an_answer_is_a_text_with_something_in_it(api, value):
    ticket = pending_input()
    invalid(api.post(at(ticket, "/answer"), {"answer": value}), "answer")
    assert ToolExecution.objects.get(tool="ask_question").state == "waiting"


@pytest.mark.parametrize("body", [None, {}])
def test_an_answer_is_required(api, body):
    invalid(api.post(at(pending_input(), "/answer"), body), "answer")
