"""ASGI's words for a request, as a server says them."""

from __future__ import annotations

from typing import Any


def http_scope(**changes: Any) -> dict[str, Any]:
    """Of `GET /` without headers, but for `changes`."""
    return {
        "type": "http",
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "http_version": "1.1",
        "scheme": "http",
        "server": ("127.0.0.1", 3000),
        "headers": [],
        **changes,
    }
