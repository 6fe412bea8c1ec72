"""Expected failures. Each surface turns a Problem into its own envelope; anything else is a bug."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Problem(Exception):
    """A failure the caller can act on: `code` and `status` are contract, `details` is JSON."""

    code = "INTERNAL_ERROR"
    status = 500

    def __init__(self, message: str, *, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = dict(details or {})


class ValidationFailed(Problem):
    """`details` maps each field to its list of complaints."""

    code, status = "VALIDATION_ERROR", 400


class Unauthenticated(Problem):
    code, status = "UNAUTHENTICATED", 401


class Forbidden(Problem):
    code, status = "FORBIDDEN", 403


class NotFound(Problem):
    code, status = "NOT_FOUND", 404


class MethodNotAllowed(Problem):
    code, status = "METHOD_NOT_ALLOWED", 405


class PayloadTooLarge(Problem):
    code, status = "PAYLOAD_TOO_LARGE", 413


class UnsupportedMediaType(Problem):
    code, status = "UNSUPPORTED_MEDIA_TYPE", 415


class RateLimited(Problem):
    """Too much was asked for; `retry_after_s` says when it is worth trying again."""

    code, status = "RATE_LIMITED", 429

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(
            f"{message}; try again in {retry_after_s} s", details={"retryAfter": retry_after_s}
        )
        self.retry_after_s = retry_after_s


class Unavailable(Problem):
    """Something the product depends on does not answer; trying again later may help."""

    code, status = "UNAVAILABLE", 503
