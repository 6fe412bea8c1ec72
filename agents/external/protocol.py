"""The versions of A2A that are spoken."""

from __future__ import annotations

from enum import StrEnum


class Protocol(StrEnum):
    """Versions that we speak."""

    OLD = "0.3"
    NEW = "1.0"
