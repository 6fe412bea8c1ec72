"""What answers have in common."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from tickets.wakeups import wake_now

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
NOBODY = "00000000-0000-4000-8000-000000000000"  # an id that no ticket has

# One request for each documented operation on a ticket: (method, path below it, a good body).
ON_TICKET: list[tuple[str, str, Any]] = [
    ("get", "", None),
    ("patch", "", {"title": "New"}),
    ("post", "/cancel", None),
    ("post", "/approve-plan", None),
    ("post", "/reject-plan", {"feedback": "No"}),
    ("post", "/approve", {"approved": True}),
    ("post", "/answer", {"answer": "Yes"}),
    ("put", "/secrets/db", {"namespace": "shop", "values": {"password": "hunter2"}}),
    ("post", "/resume", {"additionalTurns": 1}),
    ("post", "/run", None),
    ("get", "/audit", None),
]
ELSEWHERE: list[tuple[str, str, Any]] = [
    ("post", "/api/tickets", {"title": "A", "description": "B"}),
    ("get", "/api/tickets", None),
    ("get", "/api/audit", None),
    ("get", "/api/info", None),
    ("get", "/api/stats", None),
]


def at(ticket: Any, below: str = "") -> str:
    """Path of a ticket, or of an operation on it."""
    return f"/api/tickets/{getattr(ticket, 'pk', ticket)}{below}"


def raw(value: Any) -> dict[str, Any]:
    """Arguments that send `value` as JSON in ASCII, which can hold what UTF-8 cannot."""
    return {"data": json.dumps(value).encode(), "content_type": "application/json"}


def ok(response: Any, status: int = 200) -> Any:
    """The body of an answer that must have succeeded."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/json"
    return response.json()


def refused(response: Any, status: int, code: str) -> dict[str, Any]:
    """The `error` of an answer that must be this refusal, in the documented envelope."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/json"
    body = json.loads(response.content)
    assert list(body) == ["error"]
    error: dict[str, Any] = body["error"]
    assert list(error) == ["code", "message", "details"]
    assert error["code"] == code
    assert isinstance(error["message"], str)
    assert error["message"]
    assert isinstance(error["details"], dict)
    return error


def invalid(response: Any, *fields: str) -> dict[str, list[str]]:
    """`details` of a VALIDATION_ERROR that complains about exactly these fields."""
    details: dict[str, list[str]] = refused(response, 400, "VALIDATION_ERROR")["details"]
    assert sorted(details) == sorted(fields)
    for sentences in details.values():
        assert sentences
        assert all(sentence.strip() for sentence in sentences)
    return details


def moment(text: Any) -> datetime:
    """A time as the API writes it: UTC, milliseconds, Z."""
    assert isinstance(text, str)
    assert MOMENT.fullmatch(text), text
    return datetime.fromisoformat(text).astimezone(UTC)


def uuid4(text: Any) -> UUID:
    """An id as the API writes it."""
    assert isinstance(text, str)
    assert str(UUID(text)) == text
    assert UUID(text).version == 4
    return UUID(text)


def woken(callbacks: Iterable[Any]) -> list[Any]:
    """Ids of the tickets for which a worker will be woken once the transaction has committed."""
    return [c.args[0] for c in callbacks if getattr(c, "func", None) is wake_now]
