"""The first events of all traces whose ids begin alike, by one look into an index for each trace.

The first events of all are in those traces whose own first ones are the first of all. To sort what
a common prefix has in the index would take as long as there are events.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

MOST_TRACES = 10_000  # 4 microseconds each
MOST_ROWS = 200  # looked at in each of as many traces

Place = tuple[datetime, int]  # where an event is in the order of time: when, and its key
FIRST = """
WITH RECURSIVE traces AS (
    (SELECT e.trace_id, e.recorded_at, e.id FROM governance_auditevent e WHERE {within}
     ORDER BY e.trace_id USING {way}, e.recorded_at {order}, e.id {order} LIMIT 1)
    UNION ALL
    SELECT beyond.* FROM traces, LATERAL (
        SELECT e.trace_id, e.recorded_at, e.id FROM governance_auditevent e
        WHERE {within} AND e.trace_id {after} traces.trace_id
        ORDER BY e.trace_id USING {way}, e.recorded_at {order}, e.id {order} LIMIT 1
    ) AS beyond
), seen AS MATERIALIZED (
    SELECT * FROM traces LIMIT %(most)s
), first AS (
    SELECT trace_id FROM seen ORDER BY recorded_at {order}, id {order} LIMIT %(last)s
)
SELECT found.id, (SELECT count(*) FROM seen) FROM first, LATERAL (
    SELECT e.recorded_at, e.id FROM governance_auditevent e
    WHERE {within} AND e.trace_id = first.trace_id
    ORDER BY e.recorded_at {order}, e.id {order} LIMIT %(last)s
) AS found
ORDER BY found.recorded_at {order}, found.id {order} OFFSET %(offset)s
"""


def first_of_alike(
    prefix: str,
    times: Mapping[str, datetime],
    *,
    rows: tuple[int, int],
    behind: Place | None,
    oldest_first: bool,
) -> Sequence[int] | None:
    """Keys of the events from `rows[0]` to `rows[1]`, in their order; None: too many to find so.

    `times`: comparison (`>=`) -> time. `behind`: only what comes after this place.
    """
    offset, last = rows
    if last > MOST_ROWS:
        return None
    compared = [(f"e.recorded_at {sign} %({n})s", n, at) for n, (sign, at) in _named(times)]
    within = ["e.trace_id LIKE %(prefix)s", *(sql for sql, _, _ in compared)]
    values: dict[str, Any] = {
        "prefix": f"{connection.ops.prep_for_like_query(prefix)}%",
        "most": MOST_TRACES,
        "last": last,
        "offset": offset,
        **{name: at for _, name, at in compared},
    }
    if behind is not None:
        within.append(f"(e.recorded_at, e.id) {'>' if oldest_first else '<'} (%(at)s, %(id)s)")
        values |= {"at": behind[0], "id": behind[1]}
    # The index has the newest of each trace first; backwards, the oldest.
    order, way, after = ("ASC", "~>~", "~<~") if oldest_first else ("DESC", "~<~", "~>~")
    query = FIRST.format(within=" AND ".join(within), order=order, way=way, after=after)
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        found = cursor.fetchall()
    if found[0][1] >= MOST_TRACES if found else offset:
        return None  # nor where nothing tells how many traces there are
    return [key for key, _ in found[: last - offset]]


def _named(times: Mapping[str, datetime]) -> Sequence[tuple[str, tuple[str, datetime]]]:
    return [(f"time{n}", pair) for n, pair in enumerate(times.items())]
