"""`python -m tests.bench.log [--events N]`: the log beside a plain insert, and at a million events.

A writer is a thread with a connection of its own that commits one event after the other; the plain
one inserts the same row into a table of the same columns and indexes, with no chain, no trigger and
no signature. Rounds alternate. What is promised at a million events is measured at `--events`.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from tests.bench.figures import Figure, middle_ratio, say, show
from tests.bench.services import services

WRITERS, ROUND_S, ROUNDS = 16, 4.0, 5
PLAIN = """
CREATE TABLE plain (LIKE governance_auditevent INCLUDING ALL);
"""
FILL = """
INSERT INTO governance_auditevent (uid, recorded_at, type, trace_id, actor, actor_name, action,
                                   body, key, session_id, agent, action_class)
SELECT uid, at, type, trace, 'agent', 'aura', 'did', convert_to(
    '{"action":"did","actionClass":"' || class || '","actor":{"kind":"agent","name":"aura"},'
    || '"agent":"' || agent || '","data":{"args":{"n":' || n || ',"text":"' || repeat('x', 220)
    || '"}},"id":"' || uid || '","key":"' || key || '","sessionId":"' || session
    || '","timestamp":"' || stamp || '","traceId":"' || trace || '","type":"' || type || '"}',
    'UTF8'), key, session, agent, class
FROM (
    SELECT n, uid, at, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS stamp,
           'evt_' || lpad(to_hex(n), 12, '0') AS key,
           (ARRAY['tool_called', 'turn_completed', 'tool_invoked'])[1 + n %% 3] AS type,
           'tr_' || n / 50 AS trace, 'sess_' || n / 200 AS session,
           (ARRAY['aura', 'database', 'k8s', 'research'])[1 + n %% 4] AS agent,
           (ARRAY['read', 'write', 'destructive'])[1 + n %% 3] AS class
    FROM (SELECT n, gen_random_uuid() AS uid, date_trunc('milliseconds', clock_timestamp()) AS at
          FROM generate_series(%s::int, %s::int) AS n OFFSET 0) AS made
) AS rows
"""


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


# --- appending ------------------------------------------------------------------------------------


def hammer(write: Callable[[], None]) -> tuple[float, list[float]]:
    """(events a second, milliseconds of each) of 16 writers."""
    from django.db import connection

    times: list[list[float]] = [[] for _ in range(WRITERS)]
    end = time.monotonic() + ROUND_S

    def run(own: list[float]) -> None:
        try:
            while (began := time.monotonic()) < end:
                write()
                own.append((time.monotonic() - began) * 1000)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(own,)) for own in times]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    every = [each for own in times for each in own]
    return len(every) / ROUND_S, every


def writers() -> tuple[Callable[[], None], Callable[[], None]]:
    from django.db import connection, transaction

    from governance.audit import record as recording
    from governance.types import SYSTEM, About

    about = About(session_id="sess_1", agent="aura", action_class="write")
    data = {"args": {"text": "x" * 220}}

    def ours() -> None:
        with transaction.atomic():
            recording.record("tool_called", actor=SYSTEM, action="did", data=data, about=about)

    from governance.models import AuditEvent

    head, values = _plain_statement(AuditEvent)

    def plain() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(head, values())
            cursor.fetchone()

    return ours, plain


def _plain_statement(model: Any) -> tuple[str, Callable[[], list[Any]]]:
    """The same row made the same way, into the other table."""
    import uuid

    from django.utils.timezone import now

    from aura.kernel.database import statements
    from aura.kernel.ids import iso
    from governance.audit.canonical import canonical
    from governance.audit.record import redacted

    fields, head, each, key = statements.insertion(model, makes_key=True)

    def values() -> list[Any]:
        uid, moment = uuid.uuid4(), now()
        public = f"evt_{uid.hex[:16]}"
        said = {
            "id": str(uid),
            "timestamp": iso(moment),
            "type": "tool_called",
            "traceId": "",
            "actor": {"kind": "system", "name": "system"},
            "action": "did",
            "data": redacted({"args": {"text": "x" * 220}}),
            "key": public,
            "sessionId": "sess_1",
            "agent": "aura",
            "actionClass": "write",
        }
        row = model(
            uid=uid,
            recorded_at=moment,
            type="tool_called",
            actor="system",
            actor_name="system",
            action="did",
            body=canonical(said),
            key=public,
            session_id="sess_1",
            agent="aura",
            action_class="write",
        )
        made: list[Any] = statements.values_of(fields, row, add=True)
        return made

    statement = head.replace('"governance_auditevent"', '"plain"') + each
    return f"{statement} RETURNING {key}", values


def appending() -> list[Figure]:
    from django.db import connection

    from governance.audit.background import in_background
    from tickets.tasks import LINK_EVERY_S

    with connection.cursor() as cursor:
        cursor.execute(PLAIN)
    ours, plain = writers()
    rates: tuple[list[float], list[float]] = ([], [])
    p99: list[float] = []
    for number in range(ROUNDS + 1):
        with in_background(every_s=LINK_EVERY_S):
            mine, times = hammer(ours)
        theirs, _ = hammer(plain)
        if number == 0:
            continue  # warms both
        rates[0].append(mine)
        rates[1].append(theirs)
        p99.append(percentile(times, 0.99))
        say(f"append: {mine:.0f} events/s (p99 {p99[-1]:.0f} ms), plain {theirs:.0f}")
    ratio, worst = middle_ratio(*rates), median(p99)
    return [
        Figure(
            name="append, 16 writers",
            ours=f"{median(rates[0]):.0f}/s",
            theirs=f"{median(rates[1]):.0f}/s plain insert",
            ratio=ratio,
            promise=">= 0.9",
            held=ratio >= 0.9,
        ),
        Figure(
            name="append, 16 writers, p99",
            ours=f"{worst:.0f} ms",
            promise="< 150 ms",
            held=worst < 150,
        ),
    ]


def lags(count: int = 400) -> list[Figure]:
    """From a commit until its event is chained, and until a checkpoint covers it."""
    from django.db import connection, transaction

    from governance.audit.background import in_background
    from governance.audit.record import record
    from governance.types import SYSTEM
    from tickets.tasks import LINK_EVERY_S

    committed: dict[int, float] = {}
    chained: dict[int, float] = {}
    signed: list[float] = []
    stop = threading.Event()

    def watch() -> None:
        """What a reader of the database sees; a look every 2 ms."""
        waiting: dict[int, int] = {}
        with connection.cursor() as cursor:
            while not stop.wait(0.002) or waiting or len(chained) < len(committed):
                at = time.monotonic()
                missing = [key for key in list(committed) if key not in chained]
                cursor.execute(
                    "SELECT event_id, seq FROM governance_auditlink WHERE event_id = ANY(%s)",
                    [missing],
                )
                for key, seq in cursor.fetchall():
                    chained[key], waiting[key] = at, seq
                cursor.execute("SELECT coalesce(max(size), 0) FROM governance_checkpoint")
                size = cursor.fetchone()[0]
                for key in [key for key, seq in waiting.items() if seq <= size]:
                    del waiting[key]
                    signed.append((at - committed[key]) * 1000)
        connection.close()

    watcher = threading.Thread(target=watch)
    with in_background(every_s=LINK_EVERY_S):
        watcher.start()
        for _ in range(count):
            with transaction.atomic():
                event = record("tool_called", actor=SYSTEM, action="did")
            committed[event.pk] = time.monotonic()
            time.sleep(0.01)
        stop.set()
        watcher.join()
    link = [(chained[key] - at) * 1000 for key, at in committed.items()]
    return [
        Figure(
            name="commit to chained, p50",
            ours=f"{median(link):.0f} ms (p99 {percentile(link, 0.99):.0f})",
            promise="< 50 ms",
            held=median(link) < 50,
        ),
        Figure(
            name="commit to signed, p99",
            ours=f"{percentile(signed, 0.99):.0f} ms (p50 {median(signed):.0f})",
            promise="< 1,000 ms",
            held=percentile(signed, 0.99) < 1000,
        ),
    ]


# --- a large log ----------------------------------------------------------------------------------


def fill(events: int) -> None:
    """Events made by the server, linked and signed by us."""
    from django.db import connection

    from governance.audit.checkpoints import signer
    from governance.audit.sequence import sequence

    for first in range(0, events, 50_000):
        with connection.cursor() as cursor:
            cursor.execute(FILL, [first, min(first + 50_000, events) - 1])
        sequence()
        signer.sign_head()
        say(f"filled: {min(first + 50_000, events):,}")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


VERIFY = """
import os, resource, sys, time
os.environ["DJANGO_SETTINGS_MODULE"] = "aura.settings"
import django
django.setup()
from governance.audit.verify import verify
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
began, cpu = time.monotonic(), time.process_time()
verdict = verify(full=True)
assert verdict.valid, verdict
took = time.monotonic() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(verdict.hashed, took, time.process_time() - cpu, peak, before)
"""


def verifying() -> list[Figure]:
    """In a process of its own, as `manage.py verify_log --full` is."""
    from django.db import connection

    from governance.audit import verified
    from governance.audit.checkpoints import signer
    from governance.audit.sequence import sequence
    from governance.audit.verify import verify

    done = subprocess.run(  # noqa: S603 - our own text
        [sys.executable, "-c", VERIFY], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    count, took, cpu, peak, before = (float(part) for part in done.stdout.split())
    rate = count / took
    verify()  # what is verified is kept

    times = []
    for number in range(7):
        kept = verified.load()
        assert kept is not None
        with connection.cursor() as cursor:
            first = 10_000_000 + number * 1000
            cursor.execute(FILL, [first, first + 999])
        sequence()
        signer.sign_head()
        began = time.monotonic()
        verdict = verify()
        times.append((time.monotonic() - began) * 1000)
        assert verdict.valid
        assert verdict.hashed - verdict.trusted == 1000
    return [
        Figure(
            name=f"full verify of {count:,.0f} events",
            ours=f"{rate:,.0f}/s wall, {count / cpu:,.0f}/s CPU",
            promise=">= 100,000/s",
            held=rate >= 100_000,
        ),
        Figure(
            name="memory that it takes",
            ours=f"{peak - before:.0f} MB beside the {before:.0f} of the program",
            promise="< 100 MB, flat",
            held=peak - before < 100,
        ),
        Figure(
            name="incremental verify of 1,000",
            ours=f"{median(times):.0f} ms",
            promise="< 50 ms",
            held=median(times) < 50,
        ),
    ]


def listing() -> list[Figure]:
    from datetime import timedelta

    from django.utils.timezone import now

    from governance.audit.query import Filter, Page, count, events

    hour = now() - timedelta(hours=1)
    newest = events(Filter(), Page(limit=1))[0]
    asked: dict[str, tuple[Filter, Page]] = {
        "everything": (Filter(), Page()),
        "the page behind an event": (Filter(), Page(behind=newest.key or "")),
        "trace": (Filter(trace_id="tr_7"), Page(oldest_first=True)),
        "a common trace prefix": (Filter(trace_id_prefix="tr_"), Page(oldest_first=True)),
        "a trace prefix far away": (Filter(trace_id_prefix="tr_2"), Page()),
        "session": (Filter(session_id="sess_3"), Page()),
        "a type": (Filter(types=["tool_invoked"]), Page()),
        "a rare type": (Filter(types=["nothing_of_it"]), Page()),
        "two types, one rare": (Filter(types=["tool_called", "nothing_of_it"]), Page()),
        "actor": (Filter(actors=["user"]), Page()),
        "agent": (Filter(agent="k8s"), Page()),
        "action class": (Filter(action_class="destructive"), Page()),
        "since": (Filter(since=hour), Page()),
        "until": (Filter(until=hour), Page()),
    }
    figures = []
    for name, (wanted, page) in asked.items():
        times = []
        for _ in range(60):
            began = time.monotonic()
            events(wanted, page)
            times.append((time.monotonic() - began) * 1000)
        p99 = percentile(times, 0.99)
        figures.append(
            Figure(
                name=f"100 events by {name}, p99",
                ours=f"{p99:.1f} ms (p50 {median(times):.1f})",
                promise="< 50 ms",
                held=p99 < 50,
            )
        )
    began = time.monotonic()
    count(Filter(types=["tool_called"]))
    say(f"count of a third of all: {(time.monotonic() - began) * 1000:.0f} ms")
    return figures


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=100_000)
    said = arguments.parse_args()
    with services():
        from governance.audit.checkpoints import prepare_to_sign

        assert not prepare_to_sign()
        figures = appending() + lags()
        fill(said.events)
        figures += verifying() + listing()
        show(f"The log at {said.events:,} events", figures)
    say(f"this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
