"""The log as streams see it. Nothing is stored for the streams: ids are places in the log."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Max, QuerySet
from django_eventstream.channelmanager import ChannelManagerBase
from django_eventstream.event import Event
from django_eventstream.storage import StorageBase

from aura.kernel.ids import event_id
from governance.audit.record import data_of
from governance.models import AuditLink
from tickets.events import CHANGES_WAITING, STREAMED, WAITING_CHANGED
from tickets.stream.frames import frame

PAGE = 200
ALL = "tickets"
OF_TICKET = "ticket-"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event of the log, ready to be sent; `status` and `priority` as it left its ticket;
    `recorded_at` in seconds since 1970. A `hint` tells of no ticket: what waits has changed.
    """

    seq: int
    ticket_id: str
    status: str
    priority: str
    frame: bytes
    recorded_at: float = 0.0
    hint: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A stretch of the log: everything up to place `last` was looked at; `more` may lie behind."""

    entries: list[Entry]
    last: int
    more: bool


def channel_of(ticket_id: UUID | str) -> str:
    """The channel of one ticket; `ALL` is that of all tickets."""
    return f"{OF_TICKET}{ticket_id}"


class LogStorage(StorageBase):  # type: ignore[misc] # django-eventstream has no types
    """django-eventstream's storage over the audit log, read only: `record()` is its one writer."""

    def page(self, channel: str, after: int, limit: int = PAGE) -> Page:
        """What of `channel` lies behind place `after`, in the order of the log."""
        # Read first: whatever is linked meanwhile comes behind this place.
        head = self.get_current_id(channel)
        types = {*STREAMED, *CHANGES_WAITING} if channel == ALL else {*STREAMED}
        rows = list(_rows(channel, after, types).values_list("seq", "event__body")[:limit])
        more = len(rows) == limit
        last = rows[-1][0] if rows else after
        return Page(
            entries=[entry for row in rows if (entry := _entry(*row)) is not None],
            last=last if more else max(last, head),
            more=more,
        )

    def oldest(self, channel: str) -> str | None:
        """Id of the first event of `channel`, None when it has none yet."""
        first = _rows(channel, 0, STREAMED).values_list("seq", flat=True).first()
        return None if first is None else event_id(first)

    def append_event(self, channel: str, event_type: str, data: Any) -> Event:
        """Refused."""
        del channel, event_type, data
        raise NotImplementedError("streams show the audit log; write with tickets.events.tell()")

    def get_events(self, channel: str, last_id: int, limit: int = 100) -> list[Event]:
        """The library's question; `data` is that of the frame, `id` the place in the log."""
        found: list[Event] = []
        more = True
        while more and len(found) < limit:
            page = self.page(channel, last_id, limit - len(found))
            last_id, more = page.last, page.more
            found += [_library_event(channel, each) for each in page.entries if not each.hint]
        return found

    def get_current_id(self, channel: str) -> int:
        """The last place of the log; all channels count by it."""
        del channel
        return AuditLink.objects.aggregate(last=Max("seq"))["last"] or 0


class Channels(ChannelManagerBase):  # type: ignore[misc] # django-eventstream has no types
    """Channels are `tickets` and `ticket-<id>`."""

    def get_channels_for_request(self, request: Any, view_kwargs: dict[str, Any]) -> set[str]:
        del request
        return {channel_of(view_kwargs["id"]) if "id" in view_kwargs else ALL}

    def can_read_channel(self, user: Any, channel: str) -> bool:
        """The library's question; the product asks `door.Credentials`, which knows tokens."""
        del channel
        return settings.AURA.auth == "off" or bool(user and user.has_perm("tickets.view_ticket"))

    def is_channel_reliable(self, channel: str) -> bool:
        """Yes: what was missed can be read again."""
        del channel
        return True


def _rows(channel: str, after: int, types: Collection[str]) -> QuerySet[AuditLink]:
    links = AuditLink.objects.filter(seq__gt=after, event__type__in=types).order_by("seq")
    if channel == ALL:
        return links
    return links.filter(event__trace_id=channel.removeprefix(OF_TICKET))


def _entry(seq: int, body: bytes | memoryview) -> Entry | None:
    """The entry of one row; None for an event that tells of no ticket, or was tampered with."""
    try:
        event = data_of(body)
        if event["type"] in CHANGES_WAITING:
            return _hint(seq, event)
        ticket = event["data"].get("ticket")
        return ticket and Entry(
            seq=seq,
            ticket_id=event["traceId"],
            status=ticket["status"],
            priority=ticket["priority"],
            recorded_at=datetime.fromisoformat(event["timestamp"]).timestamp(),
            frame=frame(
                STREAMED[event["type"]],
                ticket_id=event["traceId"],
                payload=event["data"]["payload"],
                timestamp=event["timestamp"],
                seq=seq,
            ),
        )
    except (ValueError, LookupError, TypeError, AttributeError):
        logger.exception("place %d of the log cannot be shown on the streams", seq)
        return None


def _hint(seq: int, event: Mapping[str, Any]) -> Entry:
    return Entry(
        seq=seq,
        ticket_id="",
        status="",
        priority="",
        hint=True,
        recorded_at=datetime.fromisoformat(event["timestamp"]).timestamp(),
        frame=frame(
            WAITING_CHANGED, ticket_id=None, payload={}, timestamp=event["timestamp"], seq=seq
        ),
    )


def _library_event(channel: str, entry: Entry) -> Event:
    lines = entry.frame.decode().splitlines()
    data = json.loads(
        next(line for line in lines if line.startswith("data: ")).removeprefix("data: ")
    )
    return Event(channel, data["type"], data, id=entry.seq)
