"""Identifiers and times as the wire shows them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from uuid import UUID

UUID_TEXT = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
MAX_DIGITS = 18  # what fits PostgreSQL's bigint with certainty


def parse_uuid(text: str) -> UUID | None:
    """The UUID written in `text`, or None: an id of another form is just not found."""
    return UUID(text) if UUID_TEXT.fullmatch(text) else None


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and a Z, e.g. 2026-01-15T14:30:00.000Z."""
    return (
        moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
    )


def event_id(seq: int) -> str:
    """SSE id of the event at place `seq` of the log; fixed width, so text order is log order."""
    return f"evt_{seq:016d}"


def event_seq(text: str) -> int | None:
    """Place in the log that an SSE id names, or None when it is not one of ours."""
    digits = text.removeprefix("evt_")
    if digits == text or not digits.isascii() or not digits.isdigit() or len(digits) > MAX_DIGITS:
        return None
    return int(digits)
