"""Who is at the other end: the address that a request came from, and the token it brings.

`X-Forwarded-For` is believed only as far as proxies of ours (`AURA_TRUSTED_PROXIES`) wrote it:
read from the right, the first address that is not one of theirs is the client's. Whatever stands
to the left of it came from the client and may say anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Any

from django.conf import settings

from aura.config import Network
from aura.kernel.addresses import Address

HOST_PART = 64  # bits of an IPv6 address that its owner chooses freely


def address(meta: Mapping[str, Any]) -> str:
    """The client's address, from WSGI's or Django's `META`; empty when there is none."""
    forwarded = str(meta.get("HTTP_X_FORWARDED_FOR", ""))
    return client(str(meta.get("REMOTE_ADDR", "")), forwarded, settings.AURA.trusted_proxies)


def address_of_scope(scope: Mapping[str, Any]) -> str:
    """The client's address, from an ASGI scope; empty when there is none."""
    peer = scope.get("client") or ("", 0)
    values = [value for name, value in scope["headers"] if name.lower() == b"x-forwarded-for"]
    forwarded = b",".join(values).decode("latin-1")
    return client(str(peer[0]), forwarded, settings.AURA.trusted_proxies)


def bearer(authorization: str) -> str | None:
    """The token of an `Authorization: Bearer …` header; None when it is of another scheme."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def counted(text: str) -> str:
    """What an address counts as: IPv6 by its /64, for one machine has all of those addresses."""
    found = _parse(text)
    if isinstance(found, IPv6Address):
        return str(IPv6Network((int(found) >> HOST_PART << HOST_PART, 128 - HOST_PART)))
    return str(found or text)


def client(peer: str, forwarded: str, trusted: Iterable[Network]) -> str:
    """The right-most address that is no trusted proxy; the left-most one when all of them are.

    A hop that is no address ends the search: the proxy behind it is as far as anything is known.
    """
    if not forwarded:
        return _alone(peer)
    known = _parse(peer)
    if known is None:
        return peer
    for hop in reversed([part for part in forwarded.split(",") if part.strip()]):
        if not any(known in network for network in trusted):
            break
        before = _parse(_without_port(hop.strip()))
        if before is None:
            break
        known = before
    return str(known)


@lru_cache(4096)  # every request asks, some twice
def _alone(peer: str) -> str:
    return str(_parse(peer) or peer)


def _without_port(hop: str) -> str:
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def _parse(text: str) -> Address | None:
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
