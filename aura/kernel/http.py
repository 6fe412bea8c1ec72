"""Problems on the wire: the one error envelope of the API, whatever went wrong and wherever."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework import exceptions, negotiation
from rest_framework.response import Response

from aura.kernel import errors

UNAUTHENTICATED = errors.Unauthenticated.status

CONSOLE = "/admin"

logger = logging.getLogger(__name__)


class JSONAlways(negotiation.BaseContentNegotiation):
    """The API answers JSON whatever `Accept` says: an error must be readable to every client."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        return negotiation.DefaultContentNegotiation().select_parser(request, parsers)

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        del request, format_suffix
        return renderers[0], renderers[0].media_type


def envelope(problem: errors.Problem) -> dict[str, Any]:
    """`{"error": {"code", "message", "details"}}`"""
    return {"error": {"code": problem.code, "message": problem.message, "details": problem.details}}


def plain(problem: errors.Problem) -> dict[str, Any]:
    """`{"error": "<text>"}`, as the aiHelpDesk document has it; what is wrong with fields in it."""
    complaints = [
        sentence if sentence.startswith(name) else f"{name}: {sentence}"
        for name, sentences in problem.details.items()
        if isinstance(sentences, list)
        for sentence in map(str, sentences)
    ]
    return {"error": "; ".join(complaints) or problem.message}


def answer_exception(raised: Exception, context: Mapping[str, Any]) -> Response:
    """DRF's exception handler: every exception becomes the envelope; a bug tells nothing more."""
    return _answer(raised, context, envelope)


def answer_exception_plainly(raised: Exception, context: Mapping[str, Any]) -> Response:
    """The same on the helpdesk's ports."""
    return _answer(raised, context, plain)


def _answer(
    raised: Exception, context: Mapping[str, Any], shape: Callable[[errors.Problem], dict[str, Any]]
) -> Response:
    problem = as_problem(raised)
    if problem is None:
        request = context.get("request")
        logger.error("unexpected error at %s", getattr(request, "path", "?"), exc_info=raised)
        problem = errors.Problem("Unexpected server error")
    return Response(shape(problem), status=problem.status, headers=headers_of(problem))


def headers_of(problem: errors.Problem) -> dict[str, str]:
    """What a client is told beside the envelope."""
    if isinstance(problem, errors.RateLimited):
        return {"Retry-After": str(problem.retry_after_s)}
    return {"WWW-Authenticate": "Bearer"} if problem.status == UNAUTHENTICATED else {}


def as_problem(raised: Exception) -> errors.Problem | None:
    """The expected failure that an exception stands for, or None for a bug."""
    if isinstance(raised, errors.Problem):
        return raised
    if isinstance(raised, OperationalError | InterfaceError):
        logger.warning("the database does not answer: %s", " ".join(str(raised).split()))
        return errors.Unavailable("The database does not answer; try again in a moment")
    if isinstance(raised, exceptions.ValidationError):
        return errors.ValidationFailed("Invalid request", details=_details(raised.detail))
    for theirs, ours in _OF_OTHERS:
        if isinstance(raised, theirs):
            return ours(str(getattr(raised, "detail", raised)) or "Not allowed")
    return None


# The first that fits counts: a subclass stands before its base.
_OF_OTHERS: tuple[tuple[type[Exception], type[errors.Problem]], ...] = (
    (exceptions.ParseError, errors.ValidationFailed),
    (exceptions.NotAuthenticated, errors.Unauthenticated),
    (exceptions.AuthenticationFailed, errors.Unauthenticated),
    (exceptions.PermissionDenied, errors.Forbidden),
    (exceptions.NotFound, errors.NotFound),
    (exceptions.MethodNotAllowed, errors.MethodNotAllowed),
    (exceptions.UnsupportedMediaType, errors.UnsupportedMediaType),
    (Http404, errors.NotFound),
    (PermissionDenied, errors.Forbidden),
    (RequestDataTooBig, errors.PayloadTooLarge),
    (SuspiciousOperation, errors.ValidationFailed),
)


def _details(detail: Any) -> dict[str, Any]:
    """DRF's complaints as field -> list of sentences."""
    if isinstance(detail, Mapping):
        return {_field(name): _sentences(value) for name, value in detail.items()}
    return {"body": _sentences(detail)}


def _field(name: Any) -> str:
    return "body" if name == "non_field_errors" else str(name)


def _sentences(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [f"{name}: {text}" for name, item in value.items() for text in _sentences(item)]
    if isinstance(value, list | tuple):
        return [text for item in value for text in _sentences(item)]
    return [str(value).encode(errors="replace").decode()]  # it may quote half a character


def problem_response(problem: errors.Problem, *, api: bool = True) -> JsonResponse:
    """A Problem as a plain Django response, for what happens outside DRF's views.

    `api`: on Aura's own port, whose errors are envelopes.
    """
    body = envelope(problem) if api else plain(problem)
    return JsonResponse(body, status=problem.status, headers=headers_of(problem))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler404: the console gets a page, everybody else the envelope."""
    if _console(request):
        return defaults.page_not_found(request, exception)
    return problem_response(errors.NotFound(f"No route for {request.method} {request.path}"))


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500. What happened is in the log of the server, never in the answer."""
    raised = sys.exc_info()[1]  # Django calls this while it handles the exception
    problem = as_problem(raised) if isinstance(raised, Exception) else None
    if _console(request):
        page = defaults.server_error(request)
        if isinstance(problem, errors.Unavailable):
            page.status_code = problem.status
        return page
    return problem_response(problem or errors.Problem("Unexpected server error"))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler403"""
    if _console(request):
        return defaults.permission_denied(request, exception)
    return problem_response(errors.Forbidden("Not allowed"))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler400"""
    if _console(request):
        return defaults.bad_request(request, exception)
    return problem_response(errors.ValidationFailed("Invalid request"))


def _console(request: HttpRequest) -> bool:
    return request.path.startswith(CONSOLE)
