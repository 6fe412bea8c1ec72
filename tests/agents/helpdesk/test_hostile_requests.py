"""Requests of the gateway that nobody sends by mistake."""

from __future__ import annotations

import pytest

from agents.models import HelpdeskTask
from tests.agents.helpdesk.test_gateway import (
    JSON,
    connections_closed,
    gateway,
    worker,
)

__all__ = ["connections_closed", "gateway", "worker"]

pytestmark = pytest.mark.django_db(transaction=True)

DEEP = b'{"text": ' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}"


@pytest.mark.parametrize("body", [b'{"text": 1e999}', b'{"text": [-1e400]}', DEEP])
def test_what_no_row_can_keep_is_a_bad_request(gateway, body):
    answer = gateway.post("/api/v1/db/look", content=body, headers=JSON)
    assert answer.status_code == 400, answer.text
    assert "finite" in answer.text or "out of range" in answer.text
    assert not HelpdeskTask.objects.exists()


@pytest.mark.parametrize("limit", ["9" * 5000, "-1", "٣", "1e3", "0x10", ""])
def test_a_limit_that_is_none_is_the_usual_one(gateway, limit):
    gateway.post("/api/v1/db/look", {"text": "hello"})
    answer = gateway.get("/api/v1/tasks", params={"limit": limit})
    assert (answer.status_code, answer.json()["count"]) == (200, 1)
