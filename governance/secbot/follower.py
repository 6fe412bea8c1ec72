"""Reads the log by place, each event once, and writes what was found in the same transaction.

The cursor's row is the memory and the lock: of several processes one reads, and after a crash the
next one goes on behind the last event whose alerts are committed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils.timezone import now

from aura.config import Settings
from governance.audit import halting, stream
from governance.audit.chain import GENESIS, chained
from governance.audit.stream import EPOCH, MICROSECOND, Row
from governance.audit.verify import Verdict, verify
from governance.models import AuditEvent, SecbotCursor
from governance.secbot import incidents
from governance.secbot.alerts import Alert, AlertType
from governance.secbot.detectors import WINDOW_S, State, look
from governance.secbot.events import Event, read
from governance.secbot.limits import configured
from governance.secbot.release import EVIDENCE, executes

ONLY: Final = 1  # the cursor's key
BATCH: Final = 500
EVIDENCE_MOST: Final = 1000  # of one trace, the latest
SEEN_EVERY: Final = timedelta(seconds=10)
WALK_EVERY: Final = timedelta(days=1)  # all of the log is verified, not what is new alone
NEWS = """
SELECT coalesce((SELECT max(seq) FROM governance_auditlink), 0)
    <> coalesce((SELECT place FROM governance_secbotcursor WHERE id = %s), 0)
"""
HEAD = "SELECT coalesce(max(seq), 0) FROM governance_auditlink"


def any_news() -> bool:
    """Is the log longer, or shorter, than it was read?"""
    with connection.cursor() as cursor:
        cursor.execute(NEWS, [ONLY])
        return bool(cursor.fetchone()[0])


def read_on() -> int:
    """Analyse one batch; how many places it went on. 0: nothing is new, or somebody else reads."""
    config: Settings = settings.AURA
    limits = configured(config)
    with transaction.atomic():
        cursor = _held()
        if cursor is None:
            return 0
        before, state = cursor.place, State.of(cursor.state)
        alerts: list[Alert] = list(_cut_off(cursor))
        for event in _events(cursor):
            alerts += look(event, _evidence(event), state, limits)
            incidents.count(cursor, "events", by=0 if event.own else 1)
            cursor.last_event_at = event.at
        if cursor.last_event_at:
            state.forget(int(cursor.last_event_at.timestamp()) // WINDOW_S)
        cursor.state, cursor.looked_at = state.as_json(), now()
        for alert in alerts:
            incidents.raise_alert(alert, cursor, cooldown=limits.cooldown)
            if alert.type in {AlertType.HASH_MISMATCH, AlertType.LOG_BROKEN}:
                halting.halt(alert.message)
        cursor.save()
    return abs(cursor.place - before)


def be_seen() -> None:
    """Say that somebody reads, though there is nothing new."""
    due = Q(looked_at=None) | Q(looked_at__lt=now() - SEEN_EVERY)
    SecbotCursor.objects.filter(due, pk=ONLY).update(looked_at=now())


def verify_when_due() -> Verdict | None:
    """Verify the log every AURA_SECBOT_VERIFY_S, all of it once a day; None: not due.

    What is wrong is told once, until it is something else.
    """
    config: Settings = settings.AURA
    moment = now()
    cursor, _ = SecbotCursor.objects.get_or_create(pk=ONLY)
    due = Q(verified_at=None) | Q(
        verified_at__lte=moment - timedelta(seconds=config.secbot_verify_s)
    )
    if not SecbotCursor.objects.filter(due, pk=ONLY).update(verified_at=moment):
        return None
    whole = cursor.walked_at is None or cursor.walked_at <= moment - WALK_EVERY
    verdict = verify(full=whole)
    problem = verdict.fault
    with transaction.atomic():
        cursor = SecbotCursor.objects.select_for_update().get(pk=ONLY)
        if problem and problem != cursor.broken:
            limits = configured(config)
            incidents.raise_alert(_broken(problem, moment), cursor, cooldown=limits.cooldown)
        # What an incremental walk does not look at it does not clear either.
        cursor.broken = problem if problem or whole else cursor.broken
        cursor.walked_at = moment if whole else cursor.walked_at
        cursor.save(update_fields=["broken", "walked_at", "counts"])
    return verdict


def _held() -> SecbotCursor | None:
    """The cursor, locked; None while another process has it."""
    rows = SecbotCursor.objects.select_for_update(skip_locked=True)
    found = rows.filter(pk=ONLY).first()
    if found is None and not SecbotCursor.objects.filter(pk=ONLY).exists():
        SecbotCursor.objects.get_or_create(pk=ONLY)
        found = rows.filter(pk=ONLY).first()
    return found


def _cut_off(cursor: SecbotCursor) -> Iterator[Alert]:
    """The log ends before what was read already: go back to its end."""
    with connection.cursor() as sql:
        sql.execute(HEAD)
        head = int(sql.fetchone()[0])
    if head < cursor.place:
        problem = f"the log ended later: {cursor.place} events were read, and {head} are there"
        cursor.place, cursor.hash = head, b""
        yield _broken(problem, now())


def _events(cursor: SecbotCursor) -> Iterator[Event]:
    """The events behind the cursor, which goes along."""
    rows = stream.page(cursor.place, most=BATCH)
    if not rows and (later := stream.next_place(cursor.place)) is not None:
        rows = stream.page(later - 1, most=BATCH)
    for row in rows:
        problem = _problem(row, cursor)
        cursor.place, cursor.hash = row.seq, row.hash
        yield _event(row, problem)


def _problem(row: Row, cursor: SecbotCursor) -> str:
    """Why this is not what was written; empty: it is."""
    if row.seq != cursor.place + 1:
        return f"the events at the places {cursor.place + 1} to {row.seq - 1} are missing"
    if row.body is None:
        return "the event of this place is missing"
    before = bytes(cursor.hash) or (GENESIS if row.seq == 1 else row.prev_hash)
    if row.prev_hash != before or row.hash != chained(row.prev_hash, row.body):
        return "its hash does not follow"
    return "" if row.says_what_its_bytes_say() else "a column was changed"


def _event(row: Row, problem: str) -> Event:
    """What cannot be read any more is told by its columns."""
    if row.body is not None:
        try:
            return read(row.seq, row.body, problem=problem)
        except (ValueError, KeyError, TypeError, AttributeError):
            problem = problem or "it is no event"
    return Event(
        place=row.seq,
        key=row.key or "",
        type=row.type or "",
        at=_moment(row.recorded_at),
        actor=f"{row.actor}:{row.actor_name}",
        trace_id=row.trace_id or "",
        problem=problem,
    )


def _moment(recorded_at: bytes | None) -> datetime:
    if recorded_at is None:
        return now()
    return EPOCH + int.from_bytes(recorded_at, "big", signed=True) * MICROSECOND


def _evidence(event: Event) -> list[Event]:
    """What of the same trace may release it, before it in the log."""
    if not executes(event) or not event.trace_id:
        return []
    rows = AuditEvent.objects.filter(
        trace_id=event.trace_id, type__in=EVIDENCE, link__seq__lt=event.place
    )
    latest = rows.order_by("-link__seq").values_list("link__seq", "body")[:EVIDENCE_MOST]
    return [read(place, bytes(body)) for place, body in latest]


def _broken(problem: str, at: datetime) -> Alert:
    return Alert(type=AlertType.LOG_BROKEN, subject="log", message=problem, at=at)
