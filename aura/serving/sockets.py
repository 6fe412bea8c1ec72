"""Binding every port before anything is started, so that a port in use costs nothing."""

from __future__ import annotations

import errno
import os
import resource
import socket
from collections.abc import Iterable
from contextlib import suppress

BACKLOG = 512
# A connection whose other end says nothing for so long, or takes nothing of what waits for it, is
# dropped by the kernel: a client that lost its network never says so.
SILENT_S = 60
PROBE_AFTER_S, PROBE_EVERY_S = 30, 10
MOST_FILES = 65_536


class CannotBind(Exception):
    """One readable line: which port, whose it is, and the setting that moves it."""


def bind_all(host: str, ports: Iterable[tuple[str, str, int]]) -> list[socket.socket]:
    """Listening sockets for (surface, setting, port), all or none. Raises `CannotBind`.

    They listen at once: a client that comes during the start waits instead of being refused.
    """
    opened: list[socket.socket] = []
    try:
        for surface, setting, port in ports:
            opened.append(_bind(host, surface, setting, port))
    except CannotBind:
        for one in opened:
            one.close()
        raise
    return opened


def _bind(host: str, surface: str, setting: str, port: int) -> socket.socket:
    family, address = _resolve(host, port)
    # The protocol is named because asyncio sets TCP_NODELAY only where it reads IPPROTO_TCP:
    # without it every request on a kept-alive connection waits 40 ms.
    one = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _drop_the_silent(one)
        one.bind(address)
        one.listen(BACKLOG)
    except OSError as error:
        one.close()
        raise CannotBind(_reason(error, host, surface, setting, port)) from None
    return one


def _drop_the_silent(one: socket.socket) -> None:
    """Accepted connections inherit it. Only Linux has all the options."""
    one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        ("TCP_KEEPIDLE", PROBE_AFTER_S),
        ("TCP_KEEPINTVL", PROBE_EVERY_S),
        ("TCP_USER_TIMEOUT", SILENT_S * 1000),
    ):
        if number := getattr(socket, option, None):
            one.setsockopt(socket.IPPROTO_TCP, number, value)


def allow_many_connections() -> None:
    """Each is an open file, of which many systems allow 1,024 unless they are asked for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft < most:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _resolve(host: str, port: int) -> tuple[int, tuple[str, int]]:
    """Address to bind; IPv4 first where a name has both."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise CannotBind(f"AURA_SERVER_HOST: {host} is not an address: {error.strerror}") from None
    family, _, _, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    return family, (str(address[0]), port)


def _reason(error: OSError, host: str, surface: str, setting: str, port: int) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"Port {port} ({surface}) on {host} is in use; set {setting} to a free one."
        case errno.EACCES:
            return (
                f"Port {port} ({surface}) needs more rights than this user has;"
                f" set {setting} to a port above 1023."
            )
        case errno.EADDRNOTAVAIL:
            return f"AURA_SERVER_HOST: {host} is not an address of this machine."
    return f"Port {port} ({surface}) on {host}: {os.strerror(error.errno or 0)}; see {setting}."
