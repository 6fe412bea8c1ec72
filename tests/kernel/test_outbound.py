"""Requests to URLs that people type: which are made, to which addresses, and how they are bounded.

An audit hook of the interpreter sees every connection that is really attempted.
"""

from __future__ import annotations

import datetime
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from aura.kernel import outbound
from aura.kernel.outbound import ANSWER_BYTES, Failed, NotAllowed, parse, post
from tests.stubs.receiver import answer, receiving

_connects: list[str] | None = None


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and _connects is not None and isinstance(arguments[1], tuple):
        _connects.append(str(arguments[1][0]))


sys.addaudithook(_watch)


@pytest.fixture
def connects() -> Iterator[list[str]]:
    """Addresses that were connected to, or tried."""
    global _connects  # noqa: PLW0603 - a hook cannot be taken away again
    _connects = []
    yield _connects
    _connects = None


@pytest.fixture
def allow(settings: Any) -> Callable[..., None]:
    def these(*entries: str) -> None:
        allowed = tuple(
            ip_network(one) if one[0].isdigit() or ":" in one else one for one in entries
        )
        settings.AURA = settings.AURA.model_copy(update={"outbound_allow": allowed})

    return these


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[list[str]]]:
    """A resolver: name -> the answers it gives one after the other; the last one stays."""
    known: dict[str, list[list[str]]] = {}

    def resolve(host: str, port: int) -> list[str]:
        del port
        answers = known[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    monkeypatch.setattr(outbound, "resolve", resolve)
    return known


# --- URLs that lead, or could be read as leading, somewhere that is not public ---

FORMS = [
    # loopback and "this host", as every resolver and as only some read it
    "https://127.0.0.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://127.255.255.254/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://127.0.0.01/",
    "https://0/",
    "https://0.0.0.0/",
    "https://0.1.2.3/",
    "https://127.0.0.1./",
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    # digits and dots of other alphabets
    "https://①②⑦.⓪.⓪.①/",
    "https://127。0。0。1/",
    "https://\uff11\uff12\uff17.\uff10.\uff10.\uff11/",  # full-width
    "https://\u217cocalhost/",
    "https://loca\u017fhost/",
    # IPv6, plain and with an IPv4 address inside
    "https://[::1]/",
    "https://[::]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::127.0.0.1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://[64:ff9b::127.0.0.1]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[64:ff9b:1::a00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:a9fe:a9fe::1]/",
    "https://[2001:0:7f00:1:0:0:8000:fffe]/",  # Teredo
    "https://[2001:db8::1]/",
    "https://[3fff::1]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fec0::1]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[ff02::1]/",
    "https://[5f00::1]/",
    "https://[100::1]/",
    # private, link-local, shared, reserved, multicast
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://2852039166/latest/meta-data/",
    "https://100.64.0.1/",
    "https://198.18.0.1/",
    "https://192.0.0.1/",
    "https://192.0.0.9/",
    "https://192.0.2.1/",
    "https://192.88.99.1/",
    "https://224.0.0.1/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    # not what one thinks one reads
    "https://example.com@127.0.0.1/",
    "https://example.com:443@127.0.0.1/",
    "https://127.0.0.1#@example.com/",
    "https://127.0.0.1\\@example.com/",
    "https://example.com\\.127.0.0.1/",
    "https://127.0.0.1%2f.example.com/",
    "https://%31%32%37.0.0.1/",
    "https://127.0.0.1\t/",
    "https://127.0.0.1\n.example.com/",
    " https://127.0.0.1/",
    "https:/127.0.0.1/",
    "https:127.0.0.1/",
    "https:///127.0.0.1/",
    "//127.0.0.1/",
    "https://127.0.0.1:443:443/",
    "https://[::1/",
    "https://::1/",
    "https://",
    "",
    # other protocols and other services
    "http://1.1.1.1/",
    "http://127.0.0.1/",
    "ftp://127.0.0.1/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_INFO",
    "dict://127.0.0.1:6379/",
    "unix:///run/docker.sock",
    "HTTPS://1.1.1.1/",
    "https://1.1.1.1:22/",
    "https://1.1.1.1:6379/",
    "https://1.1.1.1:0/",
    "https://1.1.1.1:65536/",
    "https://1.1.1.1:99999/",
    f"https://1.1.1.1/{'a' * 2048}",
    # no header can be smuggled in
    "https://1.1.1.1/ HTTP/1.1\r\nX: y",
    "https://1.1.1.1/\x00",
    "https://1.1.1.1/é",
]


@pytest.mark.parametrize("url", FORMS)
def test_nothing_is_connected_for_this_url(url: str, connects: list[str]) -> None:
    with pytest.raises((NotAllowed, Failed)):
        post(url, b"{}", {})
    assert connects == []


def test_the_list_is_as_long_as_was_promised() -> None:
    assert len(set(FORMS)) >= 60


PRIVATE = ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fe80::1", "::ffff:10.0.0.1"]


@pytest.mark.parametrize("private", PRIVATE)
def test_one_private_address_among_public_ones_refuses_the_name(
    private: str, names: Any, connects: list[str]
) -> None:
    names["hooks.example"] = [["1.1.1.1", "2606:4700::1111", private]]
    with pytest.raises(NotAllowed, match="not a public address"):
        post("https://hooks.example/", b"{}", {})
    assert connects == []


def test_a_second_answer_of_the_resolver_counts_for_nothing(
    names: Any, allow: Any, connects: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """192.0.2.0/24 stands for the public internet, where no test goes."""
    monkeypatch.setattr(outbound, "TIMEOUT_S", 0.3)
    allow("192.0.2.0/24")
    names["rebinding.example"] = [["192.0.2.7"], ["127.0.0.1"]]
    with pytest.raises(Failed):
        post("https://rebinding.example/", b"{}", {})
    assert connects == ["192.0.2.7"]
    with pytest.raises(NotAllowed):
        post("https://rebinding.example/", b"{}", {})
    assert connects == ["192.0.2.7"]


def test_a_redirect_is_an_answer_and_nobody_follows_it(allow: Any, connects: list[str]) -> None:
    allow("127.0.0.1")
    with receiving() as inner:
        leads = f"http://127.0.0.2:{inner.port}/admin"
        with receiving(*(answer(code, Location=leads) for code in (301, 302, 307, 308))) as outer:
            statuses = [post(outer.url(), b"{}", {}).status for _ in range(4)]
        assert statuses == [301, 302, 307, 308]
        assert inner.got == []
    assert set(connects) == {"127.0.0.1"}


def test_proxies_of_the_environment_are_not_used(
    allow: Any, connects: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    allow("127.0.0.1")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.9:9")
    with receiving() as receiver:
        assert post(receiver.url(), b"{}", {}).status == 200
    assert connects == ["127.0.0.1"]


# --- the allow-list ---


def test_a_listed_network_may_be_reached_with_http_on_any_port(allow: Any) -> None:
    allow("127.0.0.0/8", "fd00::/8")
    for url in ("http://127.0.0.1:9000/x", "http://127.255.0.1/", "http://[fd00::1]:81/"):
        assert parse(url).trusted
    for url in ("http://10.0.0.1/", "https://10.0.0.1/", "http://[fe80::1]/", "http://1.1.1.1/"):
        with pytest.raises(NotAllowed):
            parse(url)


def test_a_listed_name_may_lead_inside_but_never_to_the_metadata_of_a_cloud(
    allow: Any, names: Any, connects: list[str]
) -> None:
    allow("hooks.internal")
    with receiving() as receiver:
        names["hooks.internal"] = [["127.0.0.1"]]
        assert post(f"http://hooks.internal:{receiver.port}/", b"{}", {}).status == 200
    for address in ("169.254.169.254", "::ffff:169.254.169.254", "0.0.0.0", "fe80::1", "ff02::1"):  # noqa: S104 - refused
        names["hooks.internal"] = [[address]]
        with pytest.raises(NotAllowed):
            post("http://hooks.internal/", b"{}", {})
    names["other.internal"] = [["127.0.0.1"]]
    with pytest.raises(NotAllowed):
        post("https://other.internal/", b"{}", {})
    assert connects == ["127.0.0.1"]


def test_a_name_that_leads_into_a_listed_network_still_needs_https(allow: Any) -> None:
    allow("10.0.0.0/8")
    with pytest.raises(NotAllowed, match="https"):
        parse("http://hooks.example/")
    assert parse("https://hooks.example/").port == 443


# --- what is sent, and how much of the answer is read ---


def test_path_query_headers_and_body_arrive_as_they_are(allow: Any) -> None:
    allow("127.0.0.1")
    with receiving(answer(202, b"thanks", X_Seen="1")) as receiver:
        got = post(receiver.url("/a/b%20c?x=1&y=/?"), b'{"a":1}', {"X-One": "1"})
    assert (got.status, got.body, got.headers["x-seen"]) == (202, b"thanks", "1")
    (request,) = receiver.got
    assert request.path == "/a/b%20c?x=1&y=/?"
    assert request.body == b'{"a":1}'
    assert request.headers["x-one"] == "1"
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"


def test_an_endless_answer_is_cut(allow: Any) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b"x" * 10_000)

    allow("127.0.0.1")
    with receiving(endless) as receiver:
        assert len(post(receiver.url(), b"{}", {}).body) == ANSWER_BYTES


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_an_answer_that_drips_ends_at_the_deadline(
    head: bytes, allow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(head)
        while True:
            handler.wfile.write(b"a")
            time.sleep(0.05)

    allow("127.0.0.1")
    monkeypatch.setattr(outbound, "TIMEOUT_S", 0.4)
    with receiving(drip) as receiver:
        began = time.monotonic()
        with pytest.raises(Failed, match=r"within 0\.4 s"):
            post(receiver.url(), b"{}", {})
        assert time.monotonic() - began < 30


def test_a_resolver_that_hangs_ends_at_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done = threading.Event()
    monkeypatch.setattr(outbound, "TIMEOUT_S", 0.2)
    monkeypatch.setattr(outbound, "resolve", lambda *_: done.wait(30) and [])
    with pytest.raises(Failed, match="not resolved in time"):
        post("https://slow.example/", b"{}", {})
    done.set()


@pytest.mark.parametrize(
    "nonsense", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 abc\r\n\r\n", b"", b"\x15\x03\x01\x00\x02"]
)
def test_what_speaks_no_http_is_a_failure_and_not_a_bug(nonsense: bytes, allow: Any) -> None:
    def talk(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(nonsense)
        handler.close_connection = True

    allow("127.0.0.1")
    with receiving(talk) as receiver, pytest.raises(Failed):
        post(receiver.url(), b"{}", {})


def test_a_closed_port_is_a_failure(allow: Any) -> None:
    allow("127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(Failed, match="ConnectError"):
        post(f"http://127.0.0.1:{port}/", b"{}", {})


def test_an_address_that_does_not_answer_leaves_the_next_one_its_turn(
    names: Any, allow: Any, connects: list[str]
) -> None:
    allow("hooks.test")
    with receiving() as receiver:
        names["hooks.test"] = [["127.0.0.3", "127.0.0.1"]]
        assert post(f"http://hooks.test:{receiver.port}/", b"{}", {}).status == 200
    assert connects == ["127.0.0.3", "127.0.0.1"]


# --- TLS ---


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's context for `hooks.test`, whose certificate the client trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.test")])
    moment = datetime.datetime.now(datetime.UTC)  # noqa: TID251 - a certificate wants one
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - datetime.timedelta(hours=1))
        .not_valid_after(moment + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.test")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "server.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    trusting = ssl.create_default_context(cafile=str(file))
    monkeypatch.setattr(outbound, "_tls", lambda: trusting)
    return server


def test_the_certificate_is_checked_against_the_name_and_the_name_is_asked_for(
    tls: ssl.SSLContext, names: Any, allow: Any
) -> None:
    asked: list[str | None] = []
    tls.sni_callback = lambda _socket, name, _context: asked.append(name)
    allow("hooks.test", "other.test", "127.0.0.1")
    names["hooks.test"] = names["other.test"] = [["127.0.0.1"]]
    with receiving(tls=tls) as receiver:
        assert post(f"https://hooks.test:{receiver.port}/", b"{}", {}).status == 200
        for stranger in ("other.test", "127.0.0.1"):
            with pytest.raises(Failed, match="certificate verify failed"):
                post(f"https://{stranger}:{receiver.port}/", b"{}", {})
    assert asked[:2] == ["hooks.test", "other.test"]
    assert len(receiver.got) == 1


def test_strangers_certificates_are_not_trusted(
    tls: ssl.SSLContext, names: Any, allow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(outbound, "resolve", lambda *_: ["127.0.0.1"])
    allow("hooks.test")
    with (
        receiving(tls=tls) as receiver,
        pytest.raises(Failed, match="certificate verify failed"),
    ):
        post(f"https://hooks.test:{receiver.port}/", b"{}", {})
