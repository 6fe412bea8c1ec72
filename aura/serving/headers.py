"""Headers that every answer has, whoever wrote it: Django, a stream, a refusal at the door.

An answer that brings one of them itself keeps its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from aura.serving.answers import Message, Scope, Send

Headers = list[tuple[bytes, bytes]]

# Pages: scripts and styles from our own files alone. No answer may be framed.
PAGE_POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    b" font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none';"
    b" frame-ancestors 'none'"
)
DATA_POLICY: Final = b"default-src 'none'; frame-ancestors 'none'"
ALWAYS: Final = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
]
# Below these, refusals and forms too are nobody's to keep.
PRIVATE: Final = ("/api/", "/v1/", "/admin/")
NEVER_KEPT: Final = (b"cache-control", b"no-store")


class SecureHeaders:
    """`hsts_s`: for how many seconds browsers shall insist on https; 0 where there is no TLS."""

    def __init__(self, *, hsts_s: int) -> None:
        self._always = list(ALWAYS)
        if hsts_s:
            self._always.append((b"strict-transport-security", b"max-age=%d" % hsts_s))

    def on(self, scope: Scope, send: Send) -> Send:
        """`send`, which adds what is missing to the answer's start."""
        private = scope["path"].startswith(PRIVATE)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = message.get("headers", ())
                message = {**message, "headers": self.added(given, private=private)}
            await send(message)

        return sending

    def added(self, headers: Iterable[tuple[bytes, bytes]], *, private: bool) -> Headers:
        """`headers` and those of ours that it lacks. `private`: nobody may keep the answer."""
        given = list(headers)
        names = {name.lower(): value for name, value in given}
        page = names.get(b"content-type", b"").startswith(b"text/html")
        ours = [*self._always, (b"content-security-policy", PAGE_POLICY if page else DATA_POLICY)]
        if private:
            ours.append(NEVER_KEPT)
        return given + [(name, value) for name, value in ours if name not in names]
