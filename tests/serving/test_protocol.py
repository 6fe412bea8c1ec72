"""What comes in over the wire before any application sees it. Raw sockets, a real uvicorn."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from aura.serving import protocol
from aura.serving.protocol import HEAD_BYTES
from tests.serving.instance import eventually
from tests.serving.wire import GET, HOST, Wire, closed, read


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with Wire() as running:
        yield running


def post(*headers: bytes, body: bytes = b"") -> bytes:
    return b"POST /x HTTP/1.1\r\n" + HOST + b"".join(h + b"\r\n" for h in headers) + b"\r\n" + body


SMUGGLED = b"GET /admin HTTP/1.1\r\n" + HOST + b"\r\n"
CHUNKED = b"0\r\n\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=CHUNKED + SMUGGLED),
        post(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=CHUNKED + SMUGGLED),
        post(b"Content-Length: 3", b"Content-Length: 5", body=b"abcde"),
        post(b"Content-Length: 3, 5", body=b"abcde"),
        post(b"Content-Length: +3", body=b"abc"),
        post(b"Content-Length: -1"),
        post(b"Content-Length: 0x3", body=b"abc"),
        post(b"Content-Length: 3_0", body=b"abc"),
        post(b"Content-Length : 3", body=b"abc"),
        post(b"Content-Length: 99999999999999999999999", body=b"abc"),
        post(b"Transfer-Encoding: chunked, identity", body=CHUNKED),
        post(b"Transfer-Encoding: xchunked", body=CHUNKED),
        post(b"Transfer-Encoding : chunked", body=CHUNKED),
        post(b"Transfer-Encoding: chunked", body=b"-1\r\n\r\n"),
        post(b"Transfer-Encoding: chunked", body=b"3 \r\nabc\r\n0\r\n\r\n"),
        post(b"Transfer-Encoding: chunked", body=b"3\nabc\n0\n\n"),
        post(b"Transfer-Encoding: chunked", body=b"3\r\nabcd\r\n0\r\n\r\n"),
        post(b"Transfer-Encoding: chunked", body=b"fffffffffffffffff\r\n"),
        post(b"X-One: a\r\n b: folded"),
        post(b" Leading: space"),
        post(b"X-Nul: a\x00b"),
        post(b"X-Return: a\rb"),
        post(b"X\xff: a"),
        post(b"no colon"),
        b"GET /x HTTP/1.1\n" + b"Host: localhost\n\n",
        b"GET /x HTTP/1.1\r\n\r\n",  # no Host
        b"GET /x HTTP/1.1\r\n" + HOST + b"Host: other\r\n\r\n",
        b"GET /x HTTP/1.1\r\n" + HOST + HOST + b"\r\n",
        b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /\x00 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET x HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /x HTTP/3.7\r\n" + HOST + b"\r\n",
        b"GET /x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"\x00\x00\x00\x00\x00",
        post(b"Upgrade: h2c", b"Connection: Upgrade", b"Content-Length: 3", body=b"abc"),
        b"CONNECT evil:443 HTTP/1.1\r\n" + HOST + b"\r\n",
    ],
)
def test_what_is_ambiguous_or_no_http_is_refused(wire: Wire, request_bytes: bytes) -> None:
    answer = wire.ask(request_bytes)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n"), answer
    assert answer.count(b"HTTP/1.1") == 1, "nothing behind it is answered"
    assert b"connection: close" in answer
    assert b"x-content-type-options: nosniff" in answer


def test_what_is_refused_reaches_no_application(wire: Wire) -> None:
    before = len(wire.application.bodies)
    wire.ask(b"GET /x HTTP/1.1\r\n" + HOST + HOST + b"\r\n")
    wire.ask(post(b"Content-Length: 3", b"Content-Length: 5", body=b"abcde"))
    assert len(wire.application.bodies) == before


def test_a_refusal_has_the_envelope_of_its_port(wire: Wire, settings: Any) -> None:
    _, _, body = wire.ask(b"nonsense\r\n\r\n").partition(b"\r\n\r\n")
    assert isinstance(json.loads(body)["error"], str)
    ports = settings.AURA.ports
    settings.AURA = settings.AURA.model_copy(update={"server_port": wire.port})
    settings.AURA.__dict__.pop("ports", None)
    assert settings.AURA.ports.api == wire.port
    assert ports.api != wire.port
    _, _, body = wire.ask(b"nonsense\r\n\r\n").partition(b"\r\n\r\n")
    error = json.loads(body)["error"]
    assert (error["code"], error["details"]) == ("VALIDATION_ERROR", {})


@pytest.mark.parametrize(
    ("request_bytes", "body"),
    [
        (GET, b""),
        (post(b"Content-Length: 3", body=b"abc"), b"abc"),
        (post(b"Transfer-Encoding: chunked", body=b"3\r\nabc\r\n0\r\n\r\n"), b"abc"),
        (post(b"transfer-encoding: Chunked", body=b"3;ext=1\r\nabc\r\n0\r\nTr: a\r\n\r\n"), b"abc"),
        (b"GET /x HTTP/1.0\r\n\r\n", b""),  # HTTP/1.0 knows no Host
        (b"GET /x HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n" + HOST + b"\r\n", b""),
        (post(b"Expect: 100-continue", b"Content-Length: 3", body=b"abc"), b"abc"),
    ],
)
def test_what_is_clear_is_answered(wire: Wire, request_bytes: bytes, body: bytes) -> None:
    answer = wire.ask(request_bytes)
    assert b"HTTP/1.1 200 OK" in answer, answer
    assert wire.application.bodies[-1] == body


def test_requests_in_single_bytes_are_answered(wire: Wire) -> None:
    request = post(b"Content-Length: 3", body=b"abc")
    assert wire.status(*(bytes([byte]) for byte in request)) == 200
    assert wire.application.bodies[-1] == b"abc"


def test_requests_in_one_piece_are_answered_in_their_order(wire: Wire) -> None:
    answer = wire.ask(post(b"Content-Length: 1", body=b"1") + post(b"Content-Length: 1", body=b"2"))
    assert answer.count(b"200 OK") == 2
    assert wire.application.bodies[-2:] == [b"1", b"2"]


@pytest.mark.parametrize("whole", [True, False])
def test_a_head_over_the_limit_is_refused(wire: Wire, *, whole: bool) -> None:
    head = b"GET /x HTTP/1.1\r\n" + HOST + b"X-Big: " + b"a" * (HEAD_BYTES + 1)
    assert wire.status(head + (b"\r\n\r\n" if whole else b"")) == 431
    many = b"".join(b"X-%d: a\r\n" % n for n in range(HEAD_BYTES // 6))
    assert wire.status(b"GET /x HTTP/1.1\r\n" + HOST + many + (b"\r\n" if whole else b"")) == 431
    assert wire.status(b"GET /" + b"a" * HEAD_BYTES + b" HTTP/1.1\r\n") == 431


def test_a_head_below_the_limit_passes(wire: Wire) -> None:
    head = b"GET /x HTTP/1.1\r\n" + HOST + b"X-Big: " + b"a" * (HEAD_BYTES - 1000)
    assert wire.status(head + b"\r\n\r\n") == 200


def test_a_long_body_is_no_long_head(wire: Wire) -> None:
    body = b"x" * (HEAD_BYTES * 3)
    assert wire.status(post(b"Content-Length: %d" % len(body), body=body)) == 200


@pytest.mark.parametrize(
    ("begun", "piece"),
    [(b"0\r\n", b"X-Many: a\r\n" * 100), (b"0\r\nX-Long: ", b"a" * 999), (b"1;x=", b"a" * 999)],
    ids=["trailers", "a trailer", "a chunk's extension"],
)
def test_what_is_neither_head_nor_body_is_bounded_too(
    wire: Wire, begun: bytes, piece: bytes
) -> None:
    with wire.connection() as one:
        one.sendall(post(b"Transfer-Encoding: chunked", b"Expect: 100-continue"))
        assert one.recv(65536).startswith(b"HTTP/1.1 100 ")
        one.sendall(begun)
        for _ in range(HEAD_BYTES // len(piece) + 1):
            one.sendall(piece)
        assert one.recv(65536).startswith(b"HTTP/1.1 431 ")


def test_a_trailer_is_no_header(wire: Wire) -> None:
    trailer = b"0\r\nAuthorization: Bearer x\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n"
    assert wire.status(post(b"Transfer-Encoding: chunked", body=trailer)) == 200
    assert {name for name, _ in wire.application.headers[-1]} == {b"host", b"transfer-encoding"}


def test_a_head_that_does_not_come_is_not_waited_for(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_S", 0.1)
    with wire.connection() as silent:
        assert read(silent) == b""
    monkeypatch.setattr(protocol, "HEAD_S", 4.0)  # from the connection: what is sent comes before
    assert wire.status(b"GET /x HTTP/1.1\r\nX-Slow: ") == 408
    with wire.connection() as second:
        second.sendall(GET)
        assert b"200 OK" in read(second, within_s=30)
        monkeypatch.setattr(protocol, "HEAD_S", 0.1)
        second.sendall(b"GET /")
        assert b" 408 " in read(second)


def test_an_answer_that_takes_longer_than_a_head_may_is_not_cut(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = b""
    for limit_s in (0.05, 1.0, 10.0):  # on a busy machine the head itself may be late
        monkeypatch.setattr(protocol, "HEAD_S", limit_s)
        wire.application.release.clear()
        with wire.connection() as one:
            one.sendall(b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\n")
            time.sleep(limit_s + 0.15)
            wire.application.release.set()
            answer = read(one)
        if b"200 OK" in answer:
            break
    assert b"200 OK" in answer


def test_nonsense_behind_a_request_ends_the_connection_and_does_not_mix_with_its_answer(
    wire: Wire,
) -> None:
    wire.application.release.clear()
    with wire.connection() as one:
        one.sendall(b"GET /open HTTP/1.1\r\n" + HOST + b"\r\n")
        assert one.recv(65536).startswith(b"HTTP/1.1 200")
        one.sendall(b"nonsense\r\n\r\n")
        assert b"400" not in read(one)
    wire.application.release.set()


def test_connections_that_ended_are_forgotten(wire: Wire) -> None:
    with wire.connection() as one:
        one.sendall(b"GET /x HTTP/1.1\r\nHost: ")
    with wire.connection() as one:
        one.sendall(b"nonsense\r\n\r\n")
        assert closed(one)
    eventually(lambda: not wire.server.server_state.connections)
