"""Questions to the log, for every surface: each filter has its index, each page its place."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import F, Q, QuerySet, Value

from governance.audit.traces import first_of_alike
from governance.models import AuditEvent

MOST_PARTS = 12  # so many of the few types there are match soon
# Events in the order of time that are looked through before another index is: the index of time
# has their traces, so each takes a quarter of a microsecond.
NEAR = 2000
FAR = 150_000  # for a prefix of which there are this many in all
RARE = 100_000  # events of a prefix that are sorted sooner than looked for among all
NO_TIME = Value(timedelta())
ORDER = ("-recorded_at", "-id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What is asked for; what is empty does not count.

    `after` and `before` are exclusive times, `since` and `until` inclusive ones.
    """

    trace_id: str = ""
    trace_id_prefix: str = ""
    session_id: str = ""
    types: Sequence[str] = ()
    actors: Sequence[str] = ()
    agent: str = ""
    action_class: str = ""
    since: datetime | None = None
    until: datetime | None = None
    after: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Where to begin, and how many. `behind`: the key of the event that the page before ended
    with; `oldest_first` turns the order round.
    """

    limit: int = 100
    offset: int = 0
    behind: str = ""
    oldest_first: bool = False


def events(asked: Filter, page: Page = Page()) -> list[AuditEvent]:
    """Events, newest first by their time."""
    last = page.offset + page.limit
    narrow = _behind(_where(asked), page)
    order = _order(page)
    parted = len(asked.types or "x") * len(asked.actors or "x")
    if asked.trace_id or asked.session_id or not 1 < parted <= MOST_PARTS:
        found = narrow.filter(_any_of(asked.types, asked.actors)).order_by(*order)
        if asked.trace_id_prefix:
            return _of_alike_traces(asked, found, page)
        return list(found[page.offset : last])
    # Of several types each gives its newest, by its index: else a rare one is looked for in all.
    parts = [
        narrow.filter(_any_of(types, actors)).order_by(*order)[:last]
        for types in _each(asked.types)
        for actors in _each(asked.actors)
    ]
    return list(parts[0].union(*parts[1:], all=True).order_by(*order)[page.offset : last])


def _of_alike_traces(asked: Filter, found: QuerySet[AuditEvent], page: Page) -> list[AuditEvent]:
    """The page of a prefix: most are common, and the next events hold enough of one. Else its
    traces are gone through, each by one look into their index; where they are too many, or the
    index does not know what else is asked for, all of its events that the index has are sorted.
    """
    if (near := _walked(asked, found, page, NEAR)) is not None:
        return near
    about = _about_how_many(asked.trace_id_prefix)
    if about > FAR and (far := _walked(asked, found, page, FAR)) is not None:
        return far
    if (first := _by_traces(asked, page)) is not None:
        return _in_order(first)
    last = page.offset + page.limit
    if about > RARE:
        return list(found[page.offset : last])
    way = (F("recorded_at") + NO_TIME, F("id"))  # no index has that
    order = way if page.oldest_first else [part.desc() for part in way]
    keys = list(found.order_by(*order).values_list("pk", flat=True)[page.offset : last])
    return _in_order(keys)


def _walked(
    asked: Filter, found: QuerySet[AuditEvent], page: Page, most: int
) -> list[AuditEvent] | None:
    """The page, where the next `most` events, with whatever traces, hold all of it; else None."""
    whatever = _behind(_where(replace(asked, trace_id_prefix="")), page).order_by(*_order(page))
    edge = whatever.values_list("recorded_at", "pk")[most - 1 : most]
    for at, key in edge:
        found = by_place(found, "<=" if page.oldest_first else ">=", at, key)
    wanted = found.values_list("pk", flat=True)[page.offset : page.offset + page.limit]
    keys = list(wanted)
    return _in_order(keys) if len(keys) == page.limit or not edge else None


def _in_order(keys: Sequence[int]) -> list[AuditEvent]:
    rows = AuditEvent.objects.in_bulk(keys)
    return [rows[key] for key in keys]


def _by_traces(asked: Filter, page: Page) -> Sequence[int] | None:
    """Keys of the page's events; None where going through the traces is not the way to them."""
    others = (asked.trace_id, asked.session_id, asked.agent, asked.action_class)
    if any(others) or asked.types or asked.actors:
        return None
    last = event(page.behind) if page.behind else None
    if page.behind and last is None:
        return []
    return first_of_alike(
        asked.trace_id_prefix,
        {sign: moment for sign, moment in _times(asked).items() if moment is not None},
        rows=(page.offset, page.offset + page.limit),
        behind=(last.recorded_at, last.pk) if last else None,
        oldest_first=page.oldest_first,
    )


def _times(asked: Filter) -> dict[str, datetime | None]:
    return {">=": asked.since, "<=": asked.until, ">": asked.after, "<": asked.before}


def _about_how_many(prefix: str) -> int:
    """Events of traces that begin like this, as the planner guesses from its statistics."""
    alike = AuditEvent.objects.filter(trace_id__startswith=prefix).order_by()
    (plan,) = json.loads(alike.explain(format="json"))
    return int(plan["Plan"]["Plan Rows"])


def _order(page: Page) -> tuple[str, ...]:
    return tuple(name.removeprefix("-") for name in ORDER) if page.oldest_first else ORDER


def count(asked: Filter) -> int:
    """How many events there are in all pages."""
    if asked == Filter():
        return _all()
    return _where(asked).filter(_any_of(asked.types, asked.actors)).count()


def event(key: str) -> AuditEvent | None:
    """One event by its public id."""
    return AuditEvent.objects.filter(key=key).first()


def fitting(asked: Filter, page: Page) -> QuerySet[AuditEvent]:
    """All events that fit, in the page's order and from behind its place on; none is read yet."""
    narrow = _behind(_where(asked), page).filter(_any_of(asked.types, asked.actors))
    return narrow.order_by(*_order(page))


def of_traces(trace_ids: Sequence[str], *, most: int, at_once: int) -> Iterator[list[AuditEvent]]:
    """Events of these traces, oldest first, so many at once."""
    found = AuditEvent.objects.filter(trace_id__in=trace_ids)
    keys = list(found.order_by("recorded_at", "id").values_list("pk", flat=True)[:most])
    for first in range(0, len(keys), at_once):
        yield _in_order(keys[first : first + at_once])


def _where(asked: Filter) -> QuerySet[AuditEvent]:
    conditions = Q()
    for name in ("trace_id", "session_id", "agent", "action_class"):
        if value := getattr(asked, name):
            conditions &= Q((name, value))
    if asked.trace_id_prefix:
        conditions &= Q(trace_id__startswith=asked.trace_id_prefix)
    times = {"gte": asked.since, "lte": asked.until, "gt": asked.after, "lt": asked.before}
    for comparison, moment in times.items():
        if moment is not None:
            conditions &= Q((f"recorded_at__{comparison}", moment))
    return AuditEvent.objects.filter(conditions)


def _any_of(types: Sequence[str], actors: Sequence[str]) -> Q:
    chosen = Q()
    if types:
        chosen &= Q(type=types[0]) if len(types) == 1 else Q(type__in=types)
    if actors:
        chosen &= Q(actor=actors[0]) if len(actors) == 1 else Q(actor__in=actors)
    return chosen


def _each(values: Sequence[str]) -> list[Sequence[str]]:
    return [[value] for value in dict.fromkeys(values)] or [[]]


def _behind(found: QuerySet[AuditEvent], page: Page) -> QuerySet[AuditEvent]:
    if not page.behind:
        return found
    last = event(page.behind)
    if last is None:
        return found.none()
    return by_place(found, ">" if page.oldest_first else "<", last.recorded_at, last.pk)


def by_place(found: QuerySet[AuditEvent], way: str, at: datetime, key: int) -> QuerySet[AuditEvent]:
    """Those before or behind a place of the order of time.

    Compared as a pair, which is one place in the index; Django has no words for it.
    """
    pair = f"(recorded_at, id) {way} (%s, %s)"
    return found.extra(where=[pair], params=[at, key])  # noqa: S610 - no text


def _all() -> int:
    """Every event is linked or waits: that is quicker to tell than by counting."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce((SELECT max(seq) FROM governance_auditlink), 0)"
            " + (SELECT count(*) FROM governance_auditpending)"
        )
        return int(cursor.fetchone()[0])
