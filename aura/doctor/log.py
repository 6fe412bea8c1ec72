"""The log: does its end hang together, and is everything in it?"""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection
from django.db.models import Max, Min
from django.utils.timezone import now

from aura.config import Settings
from aura.doctor.findings import Finding, fail, ok, warn
from governance.audit.contradiction import contradicted
from governance.audit.protection import owner_of_log
from governance.audit.verify import verify_tail
from governance.models import AuditEvent, AuditLink, AuditPending, Checkpoint
from governance.policy import current, seals

TAIL = 1000
LONG_S = 30.0
UNSIGNED_S = 10.0


def tail(_config: Settings) -> Iterator[Finding]:
    """The last events alone: quick at any length."""
    verdict = verify_tail(TAIL)
    if verdict.valid:
        seen = verdict.hashed - verdict.trusted
        yield ok("log", f"the last {seen} events follow each other")
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


def signature(config: Settings) -> Iterator[Finding]:
    """Is what is linked also signed, and does the witness agree?"""
    if said := contradicted():
        mend = "no effect begins until an admin goes on with `manage.py log_accept`: docs/log.md"
        yield fail("signature", said, mend)
        return
    head = AuditLink.objects.aggregate(last=Max("seq"))["last"] or 0
    newest = Checkpoint.objects.order_by("-size").first()
    size = newest.size if newest else 0
    text = f"{size} of {head} events are signed"
    behind = AuditEvent.objects.filter(link__seq=size + 1).first()
    age = (now() - behind.recorded_at).total_seconds() if behind else 0.0
    if age > UNSIGNED_S:
        mend = f"a process with {config.log_key} must run (up, worker); its log says more"
        yield fail("signature", text, mend)
    else:
        yield ok("signature", text)


def policy(_config: Settings) -> Iterator[Finding]:
    """Is what is in force what was activated?"""
    found = current.policy()
    if found.source == current.NOT_ACTIVATED:
        text = "the policy in the database was not activated by this product: everything is denied"
        why = current.STRANGER if seals.stranger() else "somebody changed it behind its back"
        mend = f"{why}; two people activate one again (docs/policy.md)"
        yield fail("policy", text, mend)
    else:
        yield ok("policy", f"{found.source}, {len(found.policies)} policies")


def protection(_config: Settings) -> Iterator[Finding]:
    """Could our role rewrite the log?"""
    owner = owner_of_log(connection)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, usesuper FROM pg_user WHERE usename = current_user")
        role, superuser = cursor.fetchone()
    if superuser:
        mend = "give AURA_DATABASE_URL a role that is none, and run `manage.py protect_log`"
        yield warn("protection", f"{role} is a superuser and may rewrite the log", mend)
    elif owner == role:
        mend = "run `manage.py protect_log --admin-url …` (docs/log.md)"
        yield warn("protection", f"the log's tables belong to {role}, who may rewrite them", mend)
    else:
        yield ok("protection", f"the log's tables belong to {owner}")
