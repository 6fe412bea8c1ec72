"""The log: does its end hang together, and is everything in it?"""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Min
from django.utils.timezone import now

from aura.config import Settings
from aura.doctor.findings import Finding, fail, ok, warn
from governance.audit.verify import verify_tail
from governance.models import AuditEvent, AuditPending

TAIL = 1000
LONG_S = 30.0


def tail(_config: Settings) -> Iterator[Finding]:
    """The last events alone: quick at any length."""
    verdict = verify_tail(TAIL)
    if verdict.valid:
        yield ok("log", f"the last {verdict.events} events follow each other")
    else:
        mend = "keep a copy of the database as it is, find out who wrote to it, restore a backup"
        yield fail("log", f"broken at place {verdict.broken_at}: {verdict.problem}", mend)


def pending(_config: Settings) -> Iterator[Finding]:
    """Events are put into the chain within milliseconds; else the sweep does it."""
    waiting = AuditPending.objects.count()
    first = AuditPending.objects.aggregate(first=Min("event_id"))["first"]
    event = AuditEvent.objects.filter(pk=first).first() if first else None
    age = (now() - event.recorded_at).total_seconds() if event else 0.0
    if age > LONG_S:
        text = f"{waiting} event(s) are not in the chain yet, the oldest for {age:.0f} s"
        yield warn("events", text, "see worker and beat: a sweep links what is left")
    else:
        yield ok("events", "all in the chain" if not waiting else f"{waiting} just written")
