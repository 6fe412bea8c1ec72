"""Failures of the API, each a Status object with its code, reason and details."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from agents.sandbox.objects import Object


class Named(Protocol):
    """What a failure says of the kind of object it is about."""

    @property
    def group(self) -> str: ...
    @property
    def plural(self) -> str: ...
    @property
    def kind(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One wrong field: its path, the sentence, and one of the FieldValue… reasons."""

    field: str
    message: str
    reason: str = "FieldValueInvalid"

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class ApiError(Exception):
    """A request that fails; `status` is the answer's body."""

    def __init__(self, code: int, reason: str, message: str, details: Object | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details

    def status(self) -> Object:
        body: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            body["reason"] = self.reason
        if self.details:
            body["details"] = self.details
        body["code"] = self.code
        return body


def qualified(kind: Named) -> str:
    """`deployments.apps`, `pods`: the resource as messages name it."""
    return f"{kind.plural}.{kind.group}" if kind.group else kind.plural


def _details(kind: Named, name: str, *, singular: bool = False) -> Object:
    details = {"name": name, "group": kind.group, "kind": kind.kind if singular else kind.plural}
    return {key: value for key, value in details.items() if value}


def not_found(kind: Named, name: str) -> ApiError:
    text = f'{qualified(kind)} "{name}" not found'
    return ApiError(404, "NotFound", text, _details(kind, name))


def no_such_path() -> ApiError:
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def already_exists(kind: Named, name: str) -> ApiError:
    text = f'{qualified(kind)} "{name}" already exists'
    return ApiError(409, "AlreadyExists", text, _details(kind, name))


def conflict(kind: Named, name: str, why: str = "") -> ApiError:
    why = why or (
        "the object has been modified; please apply your changes to the latest version and"
        " try again"
    )
    text = f'Operation cannot be fulfilled on {qualified(kind)} "{name}": {why}'
    return ApiError(409, "Conflict", text, _details(kind, name))


def apply_conflict(conflicts: Sequence[tuple[str, str]]) -> ApiError:
    """`conflicts` are (manager as it is shown, field path) pairs."""
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f"conflict with {manager}",
            "field": path,
        }
        for manager, path in conflicts
    ]
    by_manager: dict[str, list[str]] = {}
    for manager, path in conflicts:
        by_manager.setdefault(manager, []).append(path)
    if len(conflicts) == 1:
        said = f"conflict with {conflicts[0][0]}: {conflicts[0][1]}"
        text = f"Apply failed with 1 conflict: {said}"
    else:
        blocks = (
            f"conflicts with {manager}:\n" + "\n".join(f"- {path}" for path in paths)
            for manager, paths in by_manager.items()
        )
        text = f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(blocks)
    return ApiError(409, "Conflict", text, {"causes": causes})


def invalid(kind: Named, name: str, causes: Sequence[Cause]) -> ApiError:
    texts = [str(cause) for cause in causes]
    said = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    target = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    details = _details(kind, name, singular=True) | {
        "causes": [
            {"reason": cause.reason, "message": cause.message, "field": cause.field}
            for cause in causes
        ]
    }
    return ApiError(422, "Invalid", f'{target} "{name}" is invalid: {said}', details)


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def forbidden(message: str, kind: Named | None = None, name: str = "") -> ApiError:
    return ApiError(403, "Forbidden", message, _details(kind, name) if kind else {})


def refused(kind: Named, name: str, why: str) -> ApiError:
    """403 of an admission step, such as a quota."""
    text = f'{qualified(kind)} "{name}" is forbidden: {why}'
    return ApiError(403, "Forbidden", text, _details(kind, name))


def unauthorized() -> ApiError:
    return ApiError(401, "Unauthorized", "Unauthorized")


def method_not_allowed(kind: Named | None = None) -> ApiError:
    text = "the server does not allow this method on the requested resource"
    return ApiError(405, "MethodNotAllowed", text, _details(kind, "") if kind else {})


def unsupported_media_type(accepted: Sequence[str]) -> ApiError:
    text = (
        "the body of the request was in an unknown format - accepted media types include: "
        + ", ".join(accepted)
    )
    return ApiError(415, "UnsupportedMediaType", text)


def expired(message: str) -> ApiError:
    return ApiError(410, "Expired", message)


def too_many_requests(message: str, cause: str) -> ApiError:
    details = {"causes": [{"reason": "DisruptionBudget", "message": cause}]}
    return ApiError(429, "TooManyRequests", message, details)


def internal(message: str) -> ApiError:
    return ApiError(500, "InternalError", message)
