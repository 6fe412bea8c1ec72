"""Decides what a request may open, before any stream begins."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Self
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest, QueryDict, parse_cookie

from aura.kernel import listing
from aura.kernel.clients import address_of_scope
from aura.kernel.errors import (
    Forbidden,
    MethodNotAllowed,
    NotFound,
    Unauthenticated,
)
from aura.kernel.ids import event_seq, parse_uuid
from aura.kernel.origins import refuse_foreign
from governance import refusals
from governance.identity import HOW_TO_LOG_IN, may, principal, user_of
from tickets.errors import TicketNotFound
from tickets.models import Priority, Status, Ticket
from tickets.stream.log import ALL, Entry, LogStorage, channel_of

METHODS = ("GET", "HEAD")
NOBODYS = "nobody.holds_this"  # the permission of a route that the table of routes has not named
PATH = re.compile(r"/api/(?:stream|tickets/(?P<id>[^/]+)/stream)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Filters of the stream of all tickets; an empty one lets everything through."""

    statuses: Collection[str] = ()
    priorities: Collection[str] = ()

    def holds(self, entry: Entry) -> bool:
        """Does the ticket, as the event left it, fit?"""
        return (not self.statuses or entry.status in self.statuses) and (
            not self.priorities or entry.priority in self.priorities
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a request says about who sends it, and the permission it needs. Both verbs ask the
    database; a permission that nobody named is held by nobody.
    """

    authorization: str = ""
    session: str = ""
    permission: str = NOBODYS
    address: str = ""
    path: str = ""

    def check(self) -> None:
        """Raises `Unauthenticated` or `Forbidden`. A bearer token must be good, needed or not."""
        user, token = self._who()
        if settings.AURA.auth == "off":
            return
        if user is None or not user.is_authenticated:
            raise Unauthenticated(HOW_TO_LOG_IN)
        if not may(user, token, self.permission):
            refusals.note(
                refusals.Kind.NOT_ALLOWED,
                actor=principal(user),
                address=self.address,
                route=f"GET {self.path}",
                reason=f"needs {self.permission}",
            )
            raise Forbidden(f"You are not allowed to read this; it needs {self.permission}")

    def still_good(self) -> bool:
        """Would the stream still be opened? Logins end while streams are open."""
        try:
            self.check()
        except (Unauthenticated, Forbidden):
            return False
        return True

    def _who(self) -> tuple[Any, Any]:
        scheme, _, token = self.authorization.partition(" ")
        if scheme.lower() == "bearer":
            return user_of(token, address=self.address, route=f"GET {self.path}")
        if not self.session or settings.AURA.auth == "off":
            return None, None
        request = HttpRequest()
        request.session = import_module(settings.SESSION_ENGINE).SessionStore(self.session)
        return get_user(request), None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request, as far as streams care."""

    method: str
    path: str
    headers: Mapping[str, str]
    query: QueryDict
    address: str = ""
    permission: str = NOBODYS

    @classmethod
    def of(cls, scope: Mapping[str, Any]) -> Self:
        headers: dict[str, str] = {}
        for raw_name, raw_value in scope["headers"]:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
            headers[name] = f"{headers[name]},{value}" if name in headers else value
        query = QueryDict(scope["query_string"])
        return cls(
            method=scope["method"],
            path=scope["path"],
            headers=headers,
            query=query,
            address=address_of_scope(scope),
            permission=scope.get("aura.permission", NOBODYS),
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

    @property
    def credentials(self) -> Credentials:
        cookies = parse_cookie(self.headers.get("cookie", ""))
        return Credentials(
            authorization=self.headers.get("authorization", ""),
            session=cookies.get(settings.SESSION_COOKIE_NAME, ""),
            permission=self.permission,
            address=self.address,
            path=self.path,
        )


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
    if PATH.fullmatch(asked.path) is None:
        raise NotFound(f"No route for {asked.method} {asked.path}")
    if asked.method not in METHODS:
        raise MethodNotAllowed(f'Method "{asked.method}" not allowed.')


def tell_foreign(problem: Exception, asked: Asked) -> None:
    """What `check` refused of other sites, for the log; asks the database."""
    refusals.note_foreign(
        problem,
        address=asked.address,
        route=f"{asked.method} {asked.path}",
        host=asked.headers.get("host", ""),
        origin=asked.headers.get("origin"),
    )


def opening(asked: Asked) -> Opening:
    """What the request opens. Raises a `Problem`."""
    match = PATH.fullmatch(asked.path)
    given = match and match["id"]
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
