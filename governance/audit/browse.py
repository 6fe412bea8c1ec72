"""A look into the log for people, bounded at any length of it.

One index serves one filter. What else is asked for, and what events say, is looked for within the
next `WINDOW` events that fit that one; where it ends is told, so that one can look further.
"""

from __future__ import annotations

import io
import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from governance.audit import query
from governance.audit.query import Filter, Page
from governance.models import AuditEvent

WINDOW: Final = 20_000
EXPORTED_MOST: Final = 10_000  # events of a download
EXPORTED_BYTES: Final = 8 * 1024 * 1024
AT_ONCE, WINDOWS = 100, 10  # events read at once for it, and windows looked through
# What has an index of its own, the most selective first; the time comes along with each.
INDEXED: Final = ("trace_id", "session_id", "types", "agent", "action_class", "actors")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A page of events. `more`: there may be others behind it, from the event `behind` on.

    `back_to`: no further was looked, though the page is not full.
    """

    events: Sequence[AuditEvent]
    more: bool
    behind: str = ""
    back_to: datetime | None = None


def look(asked: Filter, page: Page, *, says: Sequence[str] = ()) -> Seen:
    """The page of events that fit and whose bytes hold each of the texts `says`."""
    one_more = replace(page, limit=page.limit + 1)
    first = _first(asked)
    if first == asked and not says:
        return _page(query.events(asked, one_more), page)
    rows = query.fitting(asked, page)
    # What an index holds, and no more: without the rows themselves it takes a tenth of the time.
    edge = query.fitting(first, page).values_list("recorded_at", "pk")
    ends = edge[WINDOW - 1 : WINDOW].first()
    if ends is not None:
        rows = query.by_place(rows, "<=" if page.oldest_first else ">=", ends[0], ends[1])
    for text in says:
        rows = rows.extra(where=["position(%s in body) > 0"], params=[text.encode()])
    seen = _page(list(rows[: one_more.limit]), page)
    if seen.more or ends is None:
        return seen
    key = AuditEvent.objects.values_list("key", flat=True).get(pk=ends[1])
    return replace(seen, more=True, behind=key or "", back_to=ends[0])


def quoted(text: str) -> str:
    """A text as it stands in the bytes of an event, without the quotes around it."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def lines(asked: Filter, *, says: Sequence[str] = ()) -> bytes:
    """The newest events that fit, newest first: the exact bytes of each as a line of NDJSON.

    Ends at `EXPORTED_MOST` events, `EXPORTED_BYTES` or `WINDOWS` windows, whichever comes first.
    """
    found, number = io.BytesIO(), 0
    room, windows, behind = EXPORTED_BYTES, WINDOWS, ""
    while windows:
        seen = look(asked, Page(limit=AT_ONCE, behind=behind), says=says)
        for event in seen.events:
            line = _line(bytes(event.body))
            room -= len(line)
            if room < 0 or number == EXPORTED_MOST:
                return found.getvalue()
            found.write(line)
            number += 1
        windows -= seen.back_to is not None
        behind = seen.behind
        if not behind:
            break
    return found.getvalue()


def _line(body: bytes) -> bytes:
    if b"\n" in body:  # nothing of ours
        body = json.dumps({"body64": b64encode(body).decode()}).encode()
    return body + b"\n"


def _first(asked: Filter) -> Filter:
    """The filter that an index serves: times, and the first of what is asked for beside them."""
    chosen = [name for name in INDEXED if getattr(asked, name)]
    rest = {name: type(getattr(asked, name))() for name in chosen[1:]}
    return replace(asked, **rest)


def _page(found: list[AuditEvent], page: Page) -> Seen:
    events = found[: page.limit]
    more = len(found) > page.limit
    return Seen(events=events, more=more, behind=(events[-1].key or "") if more else "")
