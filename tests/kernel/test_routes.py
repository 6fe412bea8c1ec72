"""Which paths are event streams."""

from __future__ import annotations

import pytest

from aura.kernel.routes import StreamRoute


@pytest.mark.parametrize(
    ("path", "ticket"), [("/api/stream", None), ("/api/tickets/7/stream", "7")]
)
def test_a_stream_is_told_with_its_ticket(path: str, ticket: str | None) -> None:
    stream = StreamRoute.of(path)
    assert stream is not None
    assert stream.ticket == ticket
    assert ("<str:id>" in stream.route) is bool(ticket)


@pytest.mark.parametrize(
    "path", ["/api/stream/", "/api/tickets//stream", "/api/tickets/7/8/stream", "/api/streams", ""]
)
def test_nothing_else_is_one(path: str) -> None:
    assert StreamRoute.of(path) is None
