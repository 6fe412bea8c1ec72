"""The log in its order, as fast as the server can send it and in little memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, NamedTuple

import orjson
from django.db import connection
from psycopg import pq
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result

PAGE = 2000  # places held at once
# Binary, and what would be made into objects as the server has it: that is most of the time.
ROWS = b"""
SELECT l.seq, l.prev_hash, l.hash, l.leaf, l.event_id, uuid_send(e.uid),
       timestamptz_send(e.recorded_at), e.type::text, e.trace_id::text, e.actor::text,
       e.actor_name::text, e.action::text, e.body, e.key::text, e.session_id::text, e.agent::text,
       e.action_class::text
FROM governance_auditlink l LEFT JOIN governance_auditevent e ON e.id = l.event_id
WHERE l.seq > $1 AND l.seq <= $2 ORDER BY l.seq
"""
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # PostgreSQL's
MICROSECOND = timedelta(microseconds=1)


class Row(NamedTuple):
    """A link with its event; `body` is None when the event is gone.

    `uid` are the 16 bytes of the UUID, `recorded_at` microseconds since 2000 in 8.
    """

    seq: int
    prev_hash: bytes
    hash: bytes
    leaf: bytes
    event_id: int
    uid: bytes
    recorded_at: bytes
    type: str
    trace_id: str
    actor: str
    actor_name: str
    action: str
    body: bytes | None
    key: str | None
    session_id: str
    agent: str
    action_class: str

    def says_what_its_bytes_say(self) -> bool:
        """Do the columns say what the bytes say? Bytes that are no event at all do not."""
        (
            _,
            _,
            _,
            _,
            _,
            uid,
            at,
            kind,
            trace,
            actor,
            name,
            action,
            body,
            key,
            session,
            agent,
            cls,
        ) = self
        try:
            said = _loaded(body or b"")
            who, get = said["actor"], said.get
            return bool(
                said["type"] == kind
                and said["traceId"] == trace
                and said["action"][:200] == action
                and who["kind"] == actor
                and who["name"][:150] == name
                and get("key") == key
                and get("sessionId", "") == session
                and get("agent", "")[:100] == agent
                and get("actionClass", "") == cls
                and bytes.fromhex(said["id"].replace("-", "")) == uid
                and _stored(said["timestamp"]) == at
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            return False


def _loaded(body: bytes) -> Any:
    """The JSON in it; orjson refuses numbers that no double can hold."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return json.loads(body, parse_int=str)


def _stored(timestamp: str) -> bytes:
    """A time of the log as PostgreSQL sends it."""
    passed = (datetime.fromisoformat(timestamp) - EPOCH) // MICROSECOND
    return passed.to_bytes(8, "big", signed=True)


def pages(*, after: int = 0) -> Iterator[list[Row]]:
    """Every link behind place `after`; a gap shows by the number of the row behind it.

    While a page is looked at, the server is already at the next one.
    """
    connection.ensure_connection()
    raw = connection.connection
    with ThreadPoolExecutor(1) as ahead:
        coming = ahead.submit(_ask, raw, after, PAGE)
        while True:
            found = coming.result()
            if found.ntuples:
                after += PAGE
            elif (later := next_place(after)) is not None:
                after = later - 1
            else:
                return
            coming = ahead.submit(_ask, raw, after, PAGE)
            if found.ntuples:
                yield _read(raw, found)


def rows(*, after: int = 0) -> Iterator[Row]:
    """The same one by one."""
    return chain.from_iterable(pages(after=after))


def page(after: int, *, most: int) -> list[Row]:
    """The links at the places behind `after`, up to `most` places on; empty for a gap too."""
    connection.ensure_connection()
    raw = connection.connection
    return _read(raw, _ask(raw, after, most))


def _ask(raw: Any, after: int, most: int) -> pq.abc.PGresult:
    """The whole answer in one call, which a cursor does not do: it lets other threads run until
    the last byte is there, and does not wait for its turn again with each few of them.
    """
    between = [b"%d" % after, b"%d" % (after + most)]
    with raw.lock:
        found: pq.abc.PGresult = raw.pgconn.exec_params(
            ROWS, between, result_format=pq.Format.BINARY
        )
    if found.status != pq.ExecStatus.TUPLES_OK:
        raise error_from_result(found)
    return found


def _read(raw: Any, found: pq.abc.PGresult) -> list[Row]:
    reader = Transformer(raw)
    reader.set_pgresult(found, format=pq.Format.BINARY)
    return reader.load_rows(0, found.ntuples, Row._make)


def next_place(after: int) -> int | None:
    """The first place behind `after` that there is; None: none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(seq) FROM governance_auditlink WHERE seq > %s", [after])
        found: int | None = cursor.fetchone()[0]
    return found
