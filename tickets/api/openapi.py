"""How the OpenAPI document tells of logins, headers and links. To import it registers classes."""

from __future__ import annotations

from typing import Any

from drf_spectacular.authentication import SessionScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.plumbing import build_bearer_security_scheme_object


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """`Authorization: Bearer aura_…`"""

    target_class = "governance.identity.TokenAuthentication"
    name = "tokenAuth"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        del auto_schema
        return build_bearer_security_scheme_object(
            header_name="Authorization",
            token_prefix="Bearer",  # noqa: S106 - the scheme's name, not a password
        )


class ConsoleScheme(SessionScheme):  # type: ignore[no-untyped-call]
    """The admin's session cookie."""

    target_class = "governance.identity.ConsoleSession"


OPEN = "/api/health"  # answers everybody, and tells more to those who log in
BY_ID = "/api/tickets/{id}"
EVENTS = "text/event-stream"
# Where the id of a ticket is in an answer: (path, method, status) -> OpenAPI runtime expression.
TELLS_ID = {
    ("/api/tickets", "post", "201"): "$response.body#/id",
    ("/api/tickets", "get", "200"): "$response.body#/tickets/0/id",
    ("/api/tickets/{id}/run", "post", "202"): "$response.body#/ticketId",
}
HEADERS = {
    "201": ("Location", "Path of the new ticket"),
    "401": ("WWW-Authenticate", "Bearer"),
    "429": ("Retry-After", "Seconds to wait"),
}

EXAMPLES: dict[str, dict[str, Any]] = {
    "CreateTicketBodyRequest": {
        "title": "Deploy Redis cluster",
        "description": "Deploy redis 7.4 in namespace cache with 3 replicas.",
        "priority": "high",
        "maxTurns": 50,
    },
    "PatchedUpdateTicketBodyRequest": {"priority": "critical"},
    "ApprovePlanBodyRequest": {"approvedBy": "ada"},
    "RejectPlanBodyRequest": {"feedback": "Two replicas are enough"},
    "ApproveBodyRequest": {"approved": True, "reason": "The file is not used"},
    "AnswerBodyRequest": {"answer": "registry.example.com/shop/checkout:2.3.1"},
    "ResumeBodyRequest": {"additionalTurns": 25},
}


def describe(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """drf-spectacular's post-processing hook: what its annotations cannot say."""
    paths = result["paths"]
    if OPEN not in paths:
        return result  # `manage.py check --deploy` asks about the table of no port at all
    paths[OPEN]["get"]["security"].insert(0, {})
    for path in paths:
        if path.endswith("/stream"):
            _describe_stream(paths[path]["get"]["responses"]["200"]["content"][EVENTS])
    for name, example in EXAMPLES.items():
        result["components"]["schemas"][name]["examples"] = [example]
    for operations in paths.values():
        for operation in operations.values():
            _describe_headers(operation["responses"])
    links = _links(paths)
    for (path, method, status), expression in TELLS_ID.items():
        paths[path][method]["responses"][status]["links"] = {
            name: {"operationId": name, "parameters": {"id": expression}} for name in links
        }
    return result


def _describe_stream(media: dict[str, Any]) -> None:
    """The schema of one server-sent event, as OpenAPI 3.2 writes it: its data is JSON in a text."""
    data = {
        "type": "string",
        "contentMediaType": "application/json",
        "contentSchema": media["schema"],
    }
    text = {"type": "string"}
    media["schema"] = {
        "type": "object",
        "properties": {"id": text, "event": text, "data": data},
        "required": ["event", "data"],
    }


def _describe_headers(responses: dict[str, Any]) -> None:
    for status, (name, description) in HEADERS.items():
        if status in responses:
            kind = "integer" if name == "Retry-After" else "string"
            header = {"description": description, "schema": {"type": kind}}
            responses[status]["headers"] = {name: header}


def _links(paths: dict[str, Any]) -> list[str]:
    """Ids of the operations on one ticket; a stream never ends, so nothing follows on it."""
    return [
        operation["operationId"]
        for path, operations in paths.items()
        if path.startswith(BY_ID) and not path.endswith("/stream")
        for operation in operations.values()
    ]
