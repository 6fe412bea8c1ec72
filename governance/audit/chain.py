"""The hash chain. Pure: bytes in, bytes out; no rows, no clock."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

GENESIS = bytes(32)


def chained(previous: bytes, body: bytes) -> bytes:
    """Hash of an event: SHA-256 over its predecessor's hash and its own canonical bytes."""
    return hashlib.sha256(previous + body).digest()


def leaf(body: bytes) -> bytes:
    """Leaf hash of RFC 6962 §2.1."""
    return hashlib.sha256(b"\x00" + body).digest()


def first_break(
    links: Iterable[tuple[bytes, bytes, bytes]], *, start: bytes = GENESIS
) -> int | None:
    """Index of the first (prev_hash, hash, body) that does not follow, or None if all do."""
    expected = start
    for index, (previous, own, body) in enumerate(links):
        if previous != expected or own != chained(previous, body):
            return index
        expected = own
    return None
