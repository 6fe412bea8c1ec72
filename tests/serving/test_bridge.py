"""The bridge between ASGI and Django's WSGI handler."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import pytest

from aura.serving import body as body_module
from aura.serving.answers import Message
from aura.serving.body import LIMIT_BYTES, SWALLOW_BYTES
from aura.serving.bridge import Bridge, Environ
from tests.scopes import http_scope

API, OTHER = 3000, 1199


class Application:
    """A WSGI application that remembers what it was asked and answers 200."""

    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails
        self.environ: Environ | None = None
        self.body = b""
        self.closed = False

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        self.environ = environ
        self.body = environ["wsgi.input"].read()
        if self.fails:
            raise RuntimeError("the password is swordfish")
        start_response("200 OK", [("X-One", "1"), ("Set-Cookie", "a=1"), ("Set-Cookie", " b=2")])
        return self

    def __iter__(self) -> Any:
        return iter([b"he", b"llo"])

    def close(self) -> None:
        self.closed = True


class Client:
    """One request to a bridge: what it sends is scripted, what it gets is kept."""

    def __init__(self, application: Application | None = None) -> None:
        self.application = application or Application()
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""

    def request(
        self,
        *chunks: bytes,
        method: str = "POST",
        port: int = API,
        path: str = "/",
        headers: Iterable[tuple[bytes, bytes]] = (),
        ending: str = "complete",
    ) -> Client:
        """`ending`: complete, disconnect (the client leaves) or silence (it never finishes)."""
        messages: list[Message] = [
            {"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks
        ]
        if ending == "complete":
            messages.append({"type": "http.request", "body": b"", "more_body": False})
        if ending == "disconnect":
            messages.append({"type": "http.disconnect"})

        async def receive() -> Message:
            if messages:
                return messages.pop(0)
            await asyncio.sleep(3600)
            raise AssertionError

        scope = http_scope(
            method=method,
            path=path,
            query_string=b"q=%20x",
            headers=list(headers),
            server=("127.0.0.1", port),
            client=("192.0.2.7", 5555),
        )
        asyncio.run(Bridge(self.application, api_port=API)(scope, receive, self._send))
        return self

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], message["headers"]
        else:
            self.body += message.get("body", b"")

    @property
    def environ(self) -> Environ:
        assert self.application.environ is not None
        return self.application.environ


def test_the_whole_body_arrives_with_an_honest_length() -> None:
    client = Client().request(b"ab", b"c", headers=[(b"transfer-encoding", b"chunked")])
    assert client.application.body == b"abc"
    assert client.environ["CONTENT_LENGTH"] == "3"
    assert "HTTP_TRANSFER_ENCODING" not in client.environ


def test_chunks_of_the_answer_are_joined_and_its_end_is_told_to_the_application() -> None:
    client = Client().request()
    assert (client.status, client.body) == (200, b"hello")
    assert client.headers == [
        (b"x-one", b"1"),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
        (b"content-length", b"5"),
    ]
    assert client.application.closed


def test_port_and_address_are_those_of_the_connection() -> None:
    forged = [(b"host", b"localhost:9091"), (b"x-forwarded-for", b"10.0.0.1")]
    client = Client().request(port=OTHER, headers=forged)
    assert client.environ["SERVER_PORT"] == "1199"
    assert client.environ["REMOTE_ADDR"] == "192.0.2.7"
    assert client.environ["HTTP_HOST"] == "localhost:9091"


def test_headers_become_variables_and_none_can_pass_for_another() -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"cookie", b"a=1"),
        (b"cookie", b"b=2"),
        (b"accept", b"text/a"),
        (b"accept", b"text/b"),
        (b"x_aura_actor", b"root"),
    ]
    environ = Client().request(headers=headers, path="/tïckets").environ
    assert environ["CONTENT_TYPE"] == "application/json"
    assert environ["HTTP_COOKIE"] == "a=1; b=2"
    assert environ["HTTP_ACCEPT"] == "text/a,text/b"
    assert "HTTP_X_AURA_ACTOR" not in environ
    assert environ["PATH_INFO"].encode("latin-1").decode() == "/tïckets"
    assert environ["QUERY_STRING"] == "q=%20x"


def test_head_gets_no_body() -> None:
    client = Client().request(method="HEAD")
    assert client.body == b""
    assert (b"content-length", b"5") in client.headers


def test_a_body_at_the_limit_passes_and_one_byte_more_does_not() -> None:
    whole = b"x" * LIMIT_BYTES
    assert Client().request(whole).status == 200
    refused = Client().request(whole, b"x")
    assert refused.status == 413
    assert refused.application.environ is None
    assert json.loads(refused.body) == {
        "error": {
            "code": "PAYLOAD_TOO_LARGE",
            "message": "The request body is larger than 1048576 bytes",
            "details": {},
        }
    }


def test_other_ports_have_the_other_envelope() -> None:
    refused = Client().request(b"x" * (LIMIT_BYTES + 1), port=OTHER)
    assert json.loads(refused.body) == {"error": "The request body is larger than 1048576 bytes"}


@pytest.mark.parametrize("announced", [True, False])
def test_a_huge_body_is_not_read_to_its_end(*, announced: bool) -> None:
    headers = [(b"content-length", str(SWALLOW_BYTES * 2).encode())] if announced else []
    chunks = [] if announced else [b"x" * LIMIT_BYTES] * (SWALLOW_BYTES // LIMIT_BYTES + 1)
    refused = Client().request(*chunks, headers=headers, ending="silence")
    assert refused.status == 413
    assert (b"connection", b"close") in refused.headers


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_module, "TIMEOUT_S", 0.05)
    refused = Client().request(b"{", ending="silence")
    assert refused.status == 408
    assert json.loads(refused.body)["error"]["code"] == "REQUEST_TIMEOUT"
    assert refused.application.environ is None


def test_a_client_that_leaves_early_reaches_nothing() -> None:
    client = Client().request(b"{", ending="disconnect")
    assert client.status == 0
    assert client.application.environ is None


def test_an_exception_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    client = Client(Application(fails=True)).request(path="/boom")
    assert client.status == 500
    assert json.loads(client.body)["error"]["code"] == "INTERNAL_ERROR"
    assert b"swordfish" not in client.body
    assert "/boom failed" in caplog.text
