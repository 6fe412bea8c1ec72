"""The gateway's governance is another installation's where HELPDESK_AUDIT_URL names its auditd."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from governance.types import Role
from tests.contract.helpdesk import AUDITD, GATEWAY, Helpdesk, ok, refused
from tests.people import headers_of, person

pytestmark = pytest.mark.django_db

PAIRS = {
    "/api/v1/governance": "/v1/governance/info",
    "/api/v1/governance/policies": "/v1/governance/policies",
    "/api/v1/governance/explain": "/v1/governance/explain",
    "/api/v1/governance/events": "/v1/events",
    "/api/v1/governance/events/evt_1%20%3F": "/v1/events/evt_1%20%3F",
    "/api/v1/governance/approvals/pending": "/v1/approvals/pending",
    "/api/v1/governance/approvals": "/v1/approvals",
    "/api/v1/governance/verify": "/v1/verify",
    "/api/v1/governance/journeys": "/v1/journeys",
}


class There(ThreadingHTTPServer):
    """Somebody else's auditd."""

    status, body, headers = 200, b'{"from": "there"}', {"X-Truncated": "true"}

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        super().__init__(("127.0.0.1", 0), Answer)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answer(BaseHTTPRequestHandler):
    server: There

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Authorization", "")))
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def there(settings) -> Iterator[There]:
    server = There()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    named = {"audit_url": f"{server.url}/", "audit_api_key": "key-of-ours"}
    settings.AURA = settings.AURA.model_copy(update=named)
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def gateway():
    return Helpdesk(GATEWAY)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS.items())
def test_every_route_is_passed_on_with_its_query_as_it_came(gateway, there, ours, theirs):
    query = "since=2026-01-01T00:00:00Z&x=%20a+b&x=%2F&odd"
    assert ok(gateway.get(f"{ours}?{query}")) == {"from": "there"}
    assert ok(gateway.get(ours)) == {"from": "there"}
    key = "Bearer key-of-ours"
    assert there.asked == [(f"{theirs}?{query}", key), (theirs, key)]


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
def test_status_and_body_are_passed_through(gateway, there, status):
    there.status, there.body = status, b'{"error": "said there"}'
    answer = gateway.get("/api/v1/governance/verify")
    assert refused(answer, status) == "said there"
    assert answer["X-Truncated"] == "true"


def test_one_that_is_down_is_said(gateway, there):
    there.shutdown()
    there.server_close()
    answer = gateway.get("/api/v1/governance")
    assert json.loads(answer.content) == {"error": "governance service unavailable"}
    assert answer.status_code == 502


def test_one_that_answers_no_http_is_down(gateway, there, monkeypatch):
    monkeypatch.setattr(Answer, "do_GET", lambda self: self.wfile.write(b"\x00\x01 no http\r\n"))
    assert refused(gateway.get("/api/v1/governance"), 502) == "governance service unavailable"


def test_one_that_never_answers_is_given_up(gateway, there, monkeypatch):
    from governance.api import upstream

    assert upstream.TIMEOUT_S == 10.0
    monkeypatch.setattr(upstream, "TIMEOUT_S", 0.2)
    silent = threading.Event()
    monkeypatch.setattr(Answer, "do_GET", lambda self: silent.wait(10))
    assert refused(gateway.get("/api/v1/governance"), 502) == "governance service unavailable"
    silent.set()


def test_who_may_ask_is_judged_here(gateway, there, settings):
    settings.AURA = settings.AURA.model_copy(update={"auth": "on"})
    refused(gateway.get("/api/v1/governance"), 401)
    person_ = person("nobody")
    refused(gateway.get("/api/v1/governance", **headers_of(person_, Role.VIEWER)), 403)
    assert there.asked == []


def test_our_own_auditd_is_asked_directly_and_answers_itself(gateway, there, settings):
    config = settings.AURA
    for host in ("localhost", "127.0.0.1"):
        own = f"http://{host}:{config.ports.auditd}"
        settings.AURA = config.model_copy(update={"audit_url": own})
        assert "policy" in ok(gateway.get("/api/v1/governance"))
    settings.AURA = config
    assert "policy" in ok(Helpdesk(AUDITD).get("/v1/governance/info"))
    assert there.asked == []
