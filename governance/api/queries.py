"""Query parameters of the helpdesk's listings. What cannot be read counts as not said, as the
document's own server has it; a number above the most counts as the most.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.http import QueryDict
from django.utils.timezone import now

from aura.kernel import durations, listing
from aura.kernel.errors import ValidationFailed
from governance.audit.canonical import storable
from governance.audit.query import Filter, Page
from governance.helpdesk import words
from governance.helpdesk.events import Inside
from governance.helpdesk.journeys import Asked

LIMIT: Final = 100
MOST: Final = 1000
DIGITS: Final = 9
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)


def text(query: QueryDict, name: str) -> str:
    """One text, fit for the database."""
    return str(storable(query.get(name, ""))).strip()


def limit(query: QueryDict, *, default: int = LIMIT, most: int = MOST) -> int:
    """A whole number above 0."""
    given = query.get("limit", "")
    known = given.isascii() and given.isdigit() and len(given) <= DIGITS and int(given) > 0
    return min(int(given), most) if known else default


def moment(query: QueryDict, name: str) -> datetime | None:
    """An RFC 3339 time."""
    try:
        return listing.moment(query, name)
    except ValidationFailed:
        return None


def ago(query: QueryDict, name: str) -> datetime | None:
    """A time, or a Go duration before now."""
    passed = durations.seconds(query.get(name, ""))
    if passed is None:
        return moment(query, name)
    try:
        return now() - timedelta(seconds=passed)
    except OverflowError:
        return EARLIEST


def events(query: QueryDict) -> tuple[Filter, Page, Inside]:
    """Which events. Those of one trace come oldest first."""
    named = [part for name in ("event_type", "types") for part in text(query, name).split(",")]
    types = [kind for name in named if name.strip() for kind in words.stored(name.strip())]
    asked = Filter(
        trace_id=text(query, "trace_id"),
        trace_id_prefix=text(query, "trace_id_prefix"),
        session_id=text(query, "session_id"),
        types=types,
        agent=text(query, "agent"),
        action_class=text(query, "action_class"),
        since=moment(query, "since"),
        until=moment(query, "until"),
    )
    inside = Inside(
        tool_name=text(query, "tool_name"),
        outcome_status=text(query, "outcome_status"),
        origin=text(query, "origin"),
    )
    traced = bool(asked.trace_id or asked.trace_id_prefix)
    return asked, Page(limit=limit(query), oldest_first=traced), inside


def approvals(query: QueryDict) -> dict[str, Any]:
    """Which requests."""
    names = ("status", "agent", "trace_id", "requested_by")
    return {name: text(query, name) for name in names} | {"limit": limit(query)}


def journeys(query: QueryDict) -> Asked:
    """Which journeys. `from` and `until` are times, `since` is a duration."""
    return Asked(
        trace_id=text(query, "trace_id"),
        user=text(query, "user"),
        category=text(query, "category"),
        outcome=text(query, "outcome"),
        has_retries=query.get("has_retries", "") == "true",
        since=moment(query, "from") or ago(query, "since"),
        until=moment(query, "until"),
    )
