"""Failures of the Argo CD API: gRPC codes behind HTTP."""

from __future__ import annotations

from agents.sandbox.api.message import Response, as_json
from agents.sandbox.errors import ApiError

INVALID, NOT_FOUND, EXISTS, DENIED, PRECONDITION, ABORTED, INTERNAL, UNAUTHENTICATED = (
    3,
    5,
    6,
    7,
    9,
    10,
    13,
    16,
)
_HTTP = {
    INVALID: 400,
    NOT_FOUND: 404,
    EXISTS: 409,
    DENIED: 403,
    PRECONDITION: 400,
    ABORTED: 409,
    INTERNAL: 500,
    UNAUTHENTICATED: 401,
    12: 501,
}
_OF_KUBERNETES = {400: INVALID, 403: DENIED, 404: NOT_FOUND, 409: ABORTED, 422: INVALID}


class ArgoError(Exception):
    """`code` is the gRPC code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def response(self) -> Response:
        body = {"error": self.message, "code": self.code, "message": self.message}
        return as_json(body, _HTTP.get(self.code, 500))


def of_kubernetes(error: ApiError) -> ArgoError:
    """What the API server said, as Argo CD passes it on."""
    code = EXISTS if error.reason == "AlreadyExists" else _OF_KUBERNETES.get(error.code, INTERNAL)
    return ArgoError(code, error.message)


def not_found(name: str) -> ArgoError:
    return ArgoError(NOT_FOUND, f'applications.argoproj.io "{name}" not found')


def denied(what: str = "") -> ArgoError:
    return ArgoError(DENIED, f"permission denied: {what}" if what else "permission denied")
