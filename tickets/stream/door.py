"""Decides what a request may open, before any stream begins."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from django.conf import settings
from django.http import QueryDict

from aura.kernel import listing
from aura.kernel.errors import MethodNotAllowed, NotFound
from aura.kernel.ids import event_seq, parse_uuid
from aura.kernel.origins import refuse_foreign
from aura.kernel.routes import SCOPE_KEY, StreamRoute
from governance import refusals
from governance.identity import Credentials
from governance.identity.scopes import headers_of
from tickets.errors import TicketNotFound
from tickets.models import Priority, Status, Ticket
from tickets.stream.log import ALL, Entry, LogStorage, channel_of

METHODS = ("GET", "HEAD")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Filters of the stream of all tickets; an empty one lets everything through.

    `waiting`: hints that something else changed what waits for people are wanted too.
    """

    statuses: Collection[str] = ()
    priorities: Collection[str] = ()
    waiting: bool = False

    def holds(self, entry: Entry) -> bool:
        """Does the ticket, as the event left it, fit?"""
        if entry.hint:
            return self.waiting
        return (not self.statuses or entry.status in self.statuses) and (
            not self.priorities or entry.priority in self.priorities
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request, as far as streams care."""

    method: str
    path: str
    headers: Mapping[str, str]
    query: QueryDict
    credentials: Credentials
    stream: StreamRoute | None = None

    @classmethod
    def of(cls, scope: Mapping[str, Any]) -> Self:
        headers = headers_of(scope)
        return cls(
            method=scope["method"],
            path=scope["path"],
            headers=headers,
            query=QueryDict(scope["query_string"]),
            credentials=Credentials.of(scope, headers),
            stream=scope.get(SCOPE_KEY) or StreamRoute.of(scope["path"]),
        )

    @property
    def cors(self) -> dict[str, str]:
        """Headers that let a page of an allowed origin read the answer."""
        origin = self.headers.get("origin", "")
        if origin not in settings.AURA.server_cors_origin:
            return {}
        return {"access-control-allow-origin": origin, "vary": "origin"}

    @property
    def last_event_id(self) -> str:
        """Where the client was; the query is for clients that cannot send the header."""
        return self.headers.get("last-event-id", "") or self.query.get("lastEventId", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A stream that may be opened. `head` is the log's last place then, `cursor` the client's."""

    channel: str
    ticket_id: str | None
    status: str | None
    wanted: Wanted
    credentials: Credentials
    head: int
    cursor: int
    notes: Mapping[str, Any]


def check(asked: Asked) -> None:
    """What needs no database: host, origin, path, method. Raises a `Problem`."""
    refuse_foreign(
        asked.headers.get("host", ""),
        asked.headers.get("origin"),
        hosts=settings.ALLOWED_HOSTS,
        origins=settings.AURA.server_cors_origin,
    )
    if asked.stream is None:
        raise NotFound(f"No route for {asked.method} {asked.path}")
    if asked.method not in METHODS:
        raise MethodNotAllowed(f'Method "{asked.method}" not allowed.')


def tell_foreign(problem: Exception, asked: Asked) -> None:
    """What `check` refused of other sites, for the log; asks the database."""
    refusals.note_foreign(
        problem,
        address=asked.credentials.address,
        route=f"{asked.method} {asked.path}",
        host=asked.headers.get("host", ""),
        origin=asked.headers.get("origin"),
    )


def opening(asked: Asked) -> Opening:
    """What the request opens. Raises a `Problem`."""
    given = asked.stream.ticket if asked.stream else None
    key = parse_uuid(given) if given else None
    channel = channel_of(key) if key else ALL
    asked.credentials.check()
    # The status is read after the head: a change in between is told twice rather than never.
    head = LogStorage().get_current_id(channel)
    cursor, notes = _place(asked.last_event_id, channel=channel, head=head)
    return Opening(
        channel=channel,
        ticket_id=str(key) if key else None,
        status=_status(given, key) if given else None,
        wanted=Wanted() if given else _wanted(asked.query),
        credentials=asked.credentials,
        head=head,
        cursor=cursor,
        notes=notes,
    )


def _wanted(query: QueryDict) -> Wanted:
    return Wanted(
        statuses=listing.names(query, "status", Status.values),
        priorities=listing.names(query, "priority", Priority.values),
        waiting=query.get("waiting") == "1",
    )


def _status(given: str, key: UUID | None) -> str:
    status = Ticket.objects.filter(pk=key).values_list("status", flat=True).first() if key else None
    if status is None:
        raise TicketNotFound(given)
    return status


def _place(last_event_id: str, *, channel: str, head: int) -> tuple[int, dict[str, Any]]:
    """(place in the log to go on from, what to tell the client about it)."""
    if not last_event_id:
        return head, {}
    seq = event_seq(last_event_id)
    if seq is not None and 1 <= seq <= head:
        return seq, {}
    return 0, {"replayFrom": LogStorage().oldest(channel)}
