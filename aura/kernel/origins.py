"""Which Host and Origin headers are ours. Pure.

A page of another site can make a browser send requests to this machine. Without a login nothing
else tells such a request from a person's own, so foreign origins are refused at the door.
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from django.http.request import validate_host


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
