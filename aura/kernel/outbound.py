"""The one way out over HTTP to a URL that a person typed.

A URL is parsed strictly, its name resolved once, **every** address of it checked, and the
connection made to a checked address: what a second look-up would say does not matter. The TLS
certificate is checked against the name. Redirects are answers like any other, proxies of the
environment are not used, and time and size are bounded.

Allowed are https to the ports of `PORTS` on public addresses. `AURA_OUTBOUND_ALLOW` adds to that:
a host name on it (or an address in one of its networks) may be reached with http, on any port and
on addresses that are not public; a name that resolves into one of its networks on those addresses.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlow
from dataclasses import dataclass, field
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import httpcore
import httpx
from django.conf import settings
from httpcore import NetworkStream

from aura.config import Network
from aura.kernel.addresses import NEVER_BY_NAME, Address, faces, is_public
from aura.kernel.errors import Problem

PORTS = (443, 8443)
URL_CHARS = 2048
ANSWER_BYTES = 64 * 1024
TIMEOUT_S = 10.0  # of everything together, from the look-up of the name to the last byte
RESOLVERS = 4  # threads; a look-up cannot be interrupted, so a hung one keeps its thread

_CHARS = r"[A-Za-z0-9._~!$&'()*+,;=:@%/-]"
_URL = re.compile(
    rf"(?P<scheme>https?)://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::(?P<port>[0-9]{{1,5}}))?"
    rf"(?P<target>(?:/{_CHARS}*)?(?:\?(?:{_CHARS}|\?)*)?)"
)
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # as a last label: resolvers take it for an address
_LAST_PORT = 65535
_NAME_CHARS = 253


class NotAllowed(Problem):
    """This URL may not be asked, now or at all; the message says what would be allowed."""

    code, status = "OUTBOUND_NOT_ALLOWED", 400


class Failed(Exception):
    """No answer came; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A URL taken apart. `address` is set when the host is one; `trusted`: on the allow-list.

    `by_operator`: a setting of its own names it, which allows it.
    """

    scheme: str
    host: str
    port: int
    path: str
    address: Address | None
    trusted: bool
    by_operator: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`body` is cut after `ANSWER_BYTES`, or what was asked for instead."""

    status: int
    body: bytes
    headers: Mapping[str, str]


def parse(url: str, *, by_operator: bool = False) -> Target:
    """The target of a URL, checked as far as that goes without a look-up. Raises `NotAllowed`.

    `by_operator`: the URL is a setting of its own, so that nobody else could have chosen it.
    """
    match = _URL.fullmatch(url) if len(url) <= URL_CHARS else None
    if match is None:
        raise NotAllowed("This is no plain http(s) URL: a host name or address, port and path")
    host = match["host"].lower()
    address = _address(host)
    target = Target(
        scheme=match["scheme"],
        host=host,
        port=int(match["port"] or (443 if match["scheme"] == "https" else 80)),
        path=match["target"] if match["target"].startswith("/") else f"/{match['target']}",
        address=address,
        trusted=host in _allowed_names() or (address is not None and _in_allowed(address)),
        by_operator=by_operator,
    )
    if not 0 < target.port <= _LAST_PORT:
        raise NotAllowed(f"There is no port {target.port}")
    if not (target.trusted or by_operator):
        _check_stranger(target)
    return target


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Send `body` there. Raises `NotAllowed`, or `Failed` when no whole answer came in time."""
    return _ask("POST", parse(url), body, headers)


def get(url: str, headers: Mapping[str, str], *, most_bytes: int = ANSWER_BYTES) -> Answer:
    """Ask for what is there. Raises as `post` does."""
    return _ask("GET", parse(url), b"", headers, most_bytes)


def get_configured(url: str) -> Answer:
    """Ask a URL that a setting of its own names, wherever that is. Raises as `post` does."""
    return _ask("GET", parse(url, by_operator=True), b"", {"Accept": "application/json"})


def post_configured(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """`post` to a URL that a setting of its own names, wherever that is."""
    return _ask("POST", parse(url, by_operator=True), body, headers)


def _ask(
    method: str,
    target: Target,
    body: bytes,
    headers: Mapping[str, str],
    most_bytes: int = ANSWER_BYTES,
) -> Answer:
    deadline = time.monotonic() + TIMEOUT_S
    backend = _Pinned(_addresses(target, deadline), deadline)
    pool = httpcore.ConnectionPool(
        ssl_context=_tls(),
        max_connections=1,
        max_keepalive_connections=0,
        network_backend=backend,
    )
    origin = httpcore.URL(
        scheme=target.scheme.encode(),
        host=target.host.encode(),
        port=target.port,
        target=target.path.encode(),
    )
    sent = [(name.encode(), value.encode()) for name, value in headers.items()]
    try:
        with pool, pool.stream(method, origin, headers=sent, content=body or None) as response:
            return _read(response, deadline, most_bytes)
    except (httpcore.TimeoutException, TimeoutError) as error:
        raise Failed(f"No answer within {TIMEOUT_S:g} s") from error
    except (httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError, OSError) as error:
        raise Failed(f"{type(error).__name__}: {error}") from error


def _read(response: httpcore.Response, deadline: float, most_bytes: int) -> Answer:
    pieces: list[bytes] = []
    left = most_bytes
    for piece in response.iter_stream():
        pieces.append(piece[:left])
        left -= len(pieces[-1])
        if not left:
            break
        _left(deadline)
    names = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in response.headers}
    return Answer(status=response.status, body=b"".join(pieces), headers=names)


def _check_stranger(target: Target) -> None:
    allow = "list the host in AURA_OUTBOUND_ALLOW to allow it"
    if target.scheme != "https":
        raise NotAllowed(f"Only https is allowed; {allow}")
    if target.port not in PORTS:
        ports = " and ".join(map(str, PORTS))
        raise NotAllowed(f"Only the ports {ports} are allowed; {allow}")
    if target.address is not None and not is_public(target.address):
        raise NotAllowed(f"{target.host} is not a public address; {allow}")


def _address(host: str) -> Address | None:
    """The address that a host is written as; None for a name. Raises `NotAllowed` for neither."""
    if host.startswith("["):
        return _parsed(host[1:-1], IPv6Address)
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _parsed(host, IPv4Address)
    if len(host) > _NAME_CHARS or not all(map(_LABEL.fullmatch, labels)):
        raise NotAllowed(f"{host} is no host name")
    return None


def _parsed(text: str, kind: type[IPv4Address | IPv6Address]) -> Address:
    try:
        return kind(text)
    except ValueError:
        raise NotAllowed(f"{text} is no address in its usual form") from None


# --- the allow-list ---


def _allowed_names() -> frozenset[str]:
    return frozenset(one for one in settings.AURA.outbound_allow if isinstance(one, str))


def _in_allowed(address: Address) -> bool:
    networks = [one for one in settings.AURA.outbound_allow if not isinstance(one, str)]
    return all(_within(face, networks) for face in faces(address))


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


def _may_connect(target: Target, address: Address) -> bool:
    if target.by_operator or is_public(address) or _in_allowed(address):
        return True
    named = target.trusted and target.address is None
    return named and not any(_within(face, NEVER_BY_NAME) for face in faces(address))


# --- resolving, and connecting to what was resolved ---

_resolvers = ThreadPoolExecutor(RESOLVERS, thread_name_prefix="resolve")


def _addresses(target: Target, deadline: float) -> list[Address]:
    """All addresses of the target, each of them allowed."""
    found = [target.address] if target.address else _resolved(target, deadline)
    for address in found:
        if not _may_connect(target, address):
            raise NotAllowed(
                f"{target.host} resolves to {address}, which is not a public address;"
                " list its network in AURA_OUTBOUND_ALLOW to allow it"
            )
    return found


def _resolved(target: Target, deadline: float) -> list[Address]:
    look_up = _resolvers.submit(resolve, target.host, target.port)
    try:
        found = look_up.result(_left(deadline))
    except TooSlow:
        look_up.cancel()
        raise Failed(f"{target.host} was not resolved in time") from None
    except OSError as error:
        raise Failed(f"{target.host} cannot be resolved: {error}") from None
    if not found:
        raise Failed(f"{target.host} has no address")
    return [ip_address(text.partition("%")[0]) for text in found]


def resolve(host: str, port: int) -> list[str]:
    """Addresses of a name, as the machine's resolver has them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [str(entry[4][0]) for entry in found]


@cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()  # certifi's list, or SSL_CERT_FILE's


def _left(deadline: float) -> float:
    """Seconds until the deadline. Raises TimeoutError behind it."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


@dataclass(frozen=True, slots=True)
class _Pinned(httpcore.NetworkBackend):
    """Connects to the checked addresses, whatever host it is asked for."""

    addresses: Sequence[Address]
    deadline: float
    _tcp: httpcore.NetworkBackend = field(default_factory=httpcore.SyncBackend)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> NetworkStream:
        del host, timeout, local_address, socket_options
        failure: Exception = OSError("no address")
        for address in self.addresses:
            try:
                stream = self._tcp.connect_tcp(str(address), port, timeout=_left(self.deadline))
            except httpcore.NetworkError as error:
                failure = error
            else:
                return _Timed(stream, self.deadline)
        raise failure


@dataclass(frozen=True, slots=True)
class _Timed(NetworkStream):
    """A connection with one deadline for all that is done on it."""

    stream: NetworkStream
    deadline: float

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        del timeout
        return self.stream.read(max_bytes, _left(self.deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        del timeout
        self.stream.write(buffer, _left(self.deadline))

    def close(self) -> None:
        self.stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> NetworkStream:
        del timeout
        inner = self.stream.start_tls(ssl_context, server_hostname, _left(self.deadline))
        return _Timed(inner, self.deadline)

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)
