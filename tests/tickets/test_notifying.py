"""notify_user: stored, sent to a receiver that speaks ntfy's protocol over HTTP, tried again."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.utils.timezone import now

from agents.runtime.tool import CallContext, ToolResult
from aura.config import ConfigError, load
from tests.builders import executing
from tickets import notifying
from tickets.models import Notification, Ticket

pytestmark = pytest.mark.django_db


@dataclass
class Ntfy:
    """What a server of ntfy was sent, and what it answers."""

    url: str = ""
    status: int = 200
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture
def ntfy() -> Iterator[Ntfy]:
    made = Ntfy()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            made.headers.append({key.lower(): value for key, value in self.headers.items()})
            self.send_response(made.status)
            self.end_headers()
            self.wfile.write(b'{"id":"x"}')

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield made
        server.shutdown()
        thread.join()


@pytest.fixture
def ticket(settings: Any, ntfy: Ntfy, monkeypatch: pytest.MonkeyPatch) -> Ticket:
    """Notifications are on; the test sends them itself."""
    monkeypatch.setattr(notifying.hands, "wake", lambda: None)
    known = {
        "notify_provider": "ntfy",
        "ntfy_server": ntfy.url,
        "ntfy_topic": "aura-7f3a",
        "ntfy_token": "tk_abc",
        "public_url": "https://aura.example.com",
    }
    settings.AURA = settings.AURA.model_copy(update=known)
    return executing(title="Deploy shop")


def say(ticket: Ticket, settings: Any, call_id: str = "c1", **said: Any) -> ToolResult:
    tool = notifying.notify_tool(ticket, settings.AURA)
    context = CallContext(call_id=call_id, trace_id=str(ticket.pk))
    answer = tool.run(tool.parameters.model_validate({"message": "It is up"} | said), context)
    assert isinstance(answer, ToolResult)
    return answer


def test_a_message_is_stored_and_then_sent_once(ticket, settings, ntfy):
    assert say(ticket, settings, priority="high").data["queued"]
    say(ticket, settings, priority="high")  # the same call, repeated after a crash
    assert ntfy.bodies == []
    notifying.pump()
    notifying.pump()
    assert ntfy.bodies == [
        {
            "topic": "aura-7f3a",
            "title": "Aura: Deploy shop",
            "message": "It is up",
            "priority": 4,
            "click": f"https://aura.example.com/admin/tickets/ticket/{ticket.pk}/change/",
        }
    ]
    assert ntfy.headers[0]["authorization"] == "Bearer tk_abc"
    assert Notification.objects.get().sent_at is not None


def test_a_server_that_is_away_is_tried_again_and_one_that_refuses_is_not(ticket, settings, ntfy):
    ntfy.status = 503
    say(ticket, settings)
    notifying.pump()
    row = Notification.objects.get()
    assert row.next_at is not None
    assert row.next_at > now()
    assert "503" in row.error
    ntfy.status = 200
    Notification.objects.update(next_at=now())
    notifying.pump()
    later = Notification.objects.get()
    assert (later.attempts, later.next_at, later.error) == (2, None, "")
    ntfy.status = 403
    say(ticket, settings, call_id="c2")
    notifying.pump()
    assert Notification.objects.get(call="c2").next_at is None


def test_credentials_are_taken_out_of_a_message(ticket, settings, ntfy):
    say(ticket, settings, message="password: hunter2hunter2")
    notifying.pump()
    assert "hunter2" not in json.dumps(ntfy.bodies)


def test_without_a_provider_the_agent_is_told_that_nobody_was(ticket, settings):
    settings.AURA = settings.AURA.model_copy(update={"notify_provider": "none"})
    answer = say(ticket, settings)
    assert answer.data == {"configured": False, "queued": False}
    assert "AURA_NOTIFY_PROVIDER" in answer.content
    assert not Notification.objects.exists()


def test_a_provider_without_a_topic_stops_the_start(monkeypatch):
    monkeypatch.setenv("AURA_NOTIFY_PROVIDER", "ntfy")
    with pytest.raises(ConfigError, match="AURA_NTFY_TOPIC"):
        load()
