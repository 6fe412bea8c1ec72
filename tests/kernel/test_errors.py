"""Expected failures, and what exceptions of others become."""

from __future__ import annotations

import pytest
from django.core import exceptions as django
from django.http import Http404
from rest_framework import exceptions as drf

from aura.kernel import errors
from aura.kernel.http import answer_exception, as_problem, envelope
from governance.approvals import ApprovalNotPending
from tickets.errors import TicketNotFound
from tickets.lifecycle import InvalidTransition
from tickets.services import AgentBusy, QuestionNotPending

CONTRACT = {
    errors.ValidationFailed: ("VALIDATION_ERROR", 400),
    TicketNotFound: ("TICKET_NOT_FOUND", 404),
    InvalidTransition: ("INVALID_TRANSITION", 400),
    ApprovalNotPending: ("APPROVAL_NOT_PENDING", 400),
    QuestionNotPending: ("QUESTION_NOT_PENDING", 400),
    AgentBusy: ("AGENT_BUSY", 409),
    errors.Problem: ("INTERNAL_ERROR", 500),
    errors.NotFound: ("NOT_FOUND", 404),
    errors.MethodNotAllowed: ("METHOD_NOT_ALLOWED", 405),
    errors.UnsupportedMediaType: ("UNSUPPORTED_MEDIA_TYPE", 415),
    errors.PayloadTooLarge: ("PAYLOAD_TOO_LARGE", 413),
    errors.Unauthenticated: ("UNAUTHENTICATED", 401),
    errors.Forbidden: ("FORBIDDEN", 403),
    errors.Unavailable: ("UNAVAILABLE", 503),
}


@pytest.mark.parametrize("problem", list(CONTRACT))
def test_codes_and_statuses_are_the_documents(problem):
    assert (problem.code, problem.status) == CONTRACT[problem]


def test_the_envelope_has_code_message_and_details():
    problem = errors.ValidationFailed("No", details={"title": ["Too long"]})
    assert envelope(problem) == {
        "error": {"code": "VALIDATION_ERROR", "message": "No", "details": {"title": ["Too long"]}}
    }
    assert envelope(errors.Forbidden("No"))["error"]["details"] == {}


def test_details_are_a_copy():
    details = {"title": ["Too long"]}
    problem = errors.ValidationFailed("No", details=details)
    details.clear()
    assert problem.details == {"title": ["Too long"]}


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (drf.ValidationError({"a": ["b"]}), "VALIDATION_ERROR"),
        (drf.ParseError(), "VALIDATION_ERROR"),
        (drf.NotAuthenticated(), "UNAUTHENTICATED"),
        (drf.AuthenticationFailed(), "UNAUTHENTICATED"),
        (drf.PermissionDenied(), "FORBIDDEN"),
        (drf.NotFound(), "NOT_FOUND"),
        (drf.MethodNotAllowed("PUT"), "METHOD_NOT_ALLOWED"),
        (drf.UnsupportedMediaType("x/y"), "UNSUPPORTED_MEDIA_TYPE"),
        (Http404(), "NOT_FOUND"),
        (django.PermissionDenied(), "FORBIDDEN"),
        (django.RequestDataTooBig(), "PAYLOAD_TOO_LARGE"),
        (django.SuspiciousOperation(), "VALIDATION_ERROR"),
        (django.DisallowedHost(), "VALIDATION_ERROR"),
        (django.TooManyFieldsSent(), "VALIDATION_ERROR"),
        (errors.Unavailable("later"), "UNAVAILABLE"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
)
def test_exceptions_of_the_frameworks_become_problems(raised, code):
    problem = as_problem(raised)
    assert problem is not None
    assert problem.code == code
    assert problem.message


@pytest.mark.parametrize("raised", [RuntimeError("x"), KeyError("x"), drf.APIException("x")])
def test_anything_else_is_a_bug(raised):
    assert as_problem(raised) is None


def test_complaints_are_sentences_by_field():
    raised = drf.ValidationError(
        {
            "title": ["Too long", "Too loud"],
            "steps": [{"tool": ["Unknown"]}, {}],
            "non_field_errors": ["No"],
            "half": ["\ud800"],
        }
    )
    problem = as_problem(raised)
    assert problem is not None
    assert problem.details == {
        "title": ["Too long", "Too loud"],
        "steps": ["tool: Unknown"],
        "body": ["No"],
        "half": ["?"],
    }


def test_a_bare_complaint_is_about_the_body():
    problem = as_problem(drf.ValidationError("No"))
    assert problem is not None
    assert problem.details == {"body": ["No"]}


@pytest.mark.parametrize(
    "raised",
    [errors.Unauthenticated("x"), drf.NotAuthenticated(), drf.AuthenticationFailed()],
    ids=lambda raised: type(raised).__name__,
)
def test_who_must_log_in_is_told_how(raised):
    response = answer_exception(raised, {})
    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize("raised", [errors.Forbidden("x"), RuntimeError("x")])
def test_nobody_else_is(raised):
    assert "WWW-Authenticate" not in answer_exception(raised, {}).headers


def test_of_a_bug_nothing_is_told_but_the_log(caplog):
    response = answer_exception(RuntimeError("hunter2"), {})
    assert response.status_code == 500
    assert "hunter2" not in str(response.data)
    assert "hunter2" in caplog.text
