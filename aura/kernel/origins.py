"""Which Host and Origin headers are ours. Pure.

A page of another site can make a browser send requests to this machine. Without a login nothing
else tells such a request from a person's own, so foreign origins are refused at the door.
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from django.http.request import validate_host

from aura.kernel.errors import Forbidden, ValidationFailed


class ForeignHost(ValidationFailed):
    """A Host header that is not ours: a forged one, or a name that was bound to our address."""


class ForeignOrigin(Forbidden):
    """A page of another site made a browser send this."""


def refuse_foreign(
    host: str, origin: str | None, *, hosts: Collection[str], origins: Collection[str]
) -> None:
    """Raises `ForeignHost` or `ForeignOrigin`. No Host header at all is no foreign one."""
    if host and not own_host(host, hosts):
        raise ForeignHost("The Host header names another host")
    if not own_origin(origin, host=host, allowed=origins):
        raise ForeignOrigin("Requests from other origins are not allowed")


def own_host(host: str, allowed: Collection[str]) -> bool:
    """Is this Host header (with or without a port) one of ours?"""
    name = host.rsplit(":", 1)[0] if not host.endswith("]") and ":" in host else host
    return validate_host(name.lower().rstrip("."), list(allowed))


def own_origin(origin: str | None, *, host: str, allowed: Collection[str]) -> bool:
    """May a page of this origin send requests here? No Origin header: not a foreign page."""
    if origin is None:
        return True
    return origin in allowed or _place(origin) == host


def _place(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None
