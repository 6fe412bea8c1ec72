"""Reading a request body whole, within a size and a time."""

from __future__ import annotations

import asyncio

from aura.serving.answers import App, Message, Receive, Scope, Send, refusal

LIMIT_BYTES = 1024 * 1024
TIMEOUT_S = 30.0
# A client that only reads the answer after it has sent everything loses a 413 given at once to
# a connection reset; so a body that is a little too long is swallowed first.
SWALLOW_BYTES = 16 * LIMIT_BYTES


class Disconnected(Exception):
    """The client left before its request was complete."""


class BodyRefused(Exception):
    """`status`, `code` and text of the answer."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


async def read_body(scope: Scope, receive: Receive) -> bytes:
    """The whole body. Raises `BodyRefused` (413, 408) or `Disconnected`."""
    if _has_none(scope):
        return b""
    if _announced(scope) > SWALLOW_BYTES:
        raise _too_large()
    try:
        async with asyncio.timeout(TIMEOUT_S):
            chunks, size = await _read(receive)
    except TimeoutError:
        message = f"The request body did not arrive within {TIMEOUT_S:g} seconds"
        raise BodyRefused(408, "REQUEST_TIMEOUT", message) from None
    if size > LIMIT_BYTES:
        raise _too_large()
    return b"".join(chunks)


def with_body(app: App) -> App:
    """`app` is given the whole body with its first message, and is not asked without one."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await read_body(scope, receive)
        except Disconnected:
            return
        except BodyRefused as error:
            await refusal(error.status, error.code, error.message, api=False).send(send)
            return
        first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def whole() -> Message:
            return first.pop() if first else await receive()

        await app(scope, whole, send)

    return wrapped


async def _read(receive: Receive) -> tuple[list[bytes], int]:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        size += len(message.get("body", b""))
        if size <= LIMIT_BYTES:
            chunks.append(message.get("body", b""))
        elif size > SWALLOW_BYTES:
            raise _too_large()
        if not message.get("more_body", False):
            return chunks, size


def _has_none(scope: Scope) -> bool:
    """The usual GET: nothing says that a body comes."""
    return scope["method"] in {"GET", "HEAD"} and not any(
        name in {b"content-length", b"transfer-encoding"} for name, _ in scope["headers"]
    )


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


def _too_large() -> BodyRefused:
    message = f"The request body is larger than {LIMIT_BYTES} bytes"
    return BodyRefused(413, "PAYLOAD_TOO_LARGE", message)
