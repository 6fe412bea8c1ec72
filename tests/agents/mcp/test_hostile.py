"""Calls over MCP that go wrong: what is told of it, and what is not."""

from __future__ import annotations

import httpx
import pytest

from agents.helpdesk import tasks
from agents.models import HelpdeskTask
from tests.agents.mcp.test_server import ours

__all__ = ["ours"]

pytestmark = pytest.mark.django_db(transaction=True)

CALL = (
    '{"jsonrpc": "2.0", "id": 1, "method": "tools/call",'
    ' "params": {"name": "echo", "arguments": {"text": %s}}}'
)


def sent(ours, text):
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
    }
    return httpx.post(f"{ours.gateway}/mcp", content=CALL % text, headers=headers, timeout=60)


def test_what_no_row_can_keep_is_refused_in_words(ours):
    answer = sent(ours, "1e999").json()["result"]
    assert answer["isError"] is True
    assert "finite" in answer["content"][0]["text"]
    assert not HelpdeskTask.objects.exists()


def test_an_error_of_ours_tells_nothing_of_our_inside(ours, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("SELECT secret FROM inside")

    monkeypatch.setattr(tasks, "call", broken)
    answer = sent(ours, '"x"')
    assert "inside" not in answer.text
    assert "Unexpected server error" in answer.text


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "PUT"])
def test_no_stream_is_held_open_that_nothing_would_come_on(ours, method):
    """It would outlive the credential, and each would keep a task for ever."""
    headers = {"Accept": "text/event-stream"}
    with httpx.stream(method, f"{ours.gateway}/mcp", headers=headers, timeout=30) as answer:
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
