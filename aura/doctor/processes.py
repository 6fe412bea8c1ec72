"""Does somebody do the work?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from celery import current_app
from django.db.models import Min
from django.utils.timezone import now

from agents import probes
from agents.models import Probe, StopSwitch
from agents.runtime import claims
from aura.config import Settings
from aura.doctor.findings import Finding, fail, ok, reason, warn

PATIENCE_S = 2.0
LONG_DUE_S = 60.0
START_WORKER = (
    "start one: `manage.py up`, or `manage.py serve worker`;"
    " a running one says why in log/worker.log"
)
START_BEAT = "start one: `manage.py up`, or `manage.py serve beat`; it says why in log/beat.log"


def worker(_config: Settings) -> Iterator[Finding]:
    """Every worker answers a ping through Redis, also while it is busy."""
    answered = current_app.control.inspect(timeout=PATIENCE_S).ping() or {}
    if answered:
        yield ok("worker", f"{len(answered)} answer: {', '.join(sorted(answered)[:5])}")
    else:
        yield fail("worker", f"none answered within {PATIENCE_S:g} s", START_WORKER)


def beat(_config: Settings) -> Iterator[Finding]:
    """Beat leaves no trace of its own: it is known by what workers did at its word."""
    seen = Probe.objects.filter(name=probes.BEAT).values_list("checked_at", flat=True).first()
    if seen is None:
        yield fail("beat", "no worker ever did anything at its word", START_BEAT)
    elif now() - seen > probes.GOOD_FOR:
        yield fail("beat", f"last obeyed by a worker {_ago(seen)}", START_BEAT)
    else:
        yield ok("beat", f"last obeyed by a worker {_ago(seen)}")


def queue(_config: Settings) -> Iterator[Finding]:
    """Work that nobody takes."""
    due = claims.due()
    oldest = due.aggregate(oldest=Min("due_at"))["oldest"]
    if oldest is None:
        yield ok("queue", "no ticket waits for a worker")
        return
    text = f"{due.count()} ticket(s) wait for a worker, the oldest since {_ago(oldest)}"
    if (now() - oldest).total_seconds() > LONG_DUE_S:
        mend = "see worker and beat; if both are well, raise AURA_WORKER_CONCURRENCY or add workers"
        yield warn("queue", text, mend)
    else:
        yield ok("queue", text)


def stop_switch(_config: Settings) -> Iterator[Finding]:
    """A person may have stopped all agents."""
    switch = StopSwitch.objects.first()
    if switch is None:
        yield ok("stop switch", "agents may work")
        return
    said = reason(switch.reason, most=200)
    text = f"{switch.stopped_by} stopped all agents {_ago(switch.stopped_at)}: {said}"
    yield warn("stop switch", text, "start them again in the console when that is mended")


def _ago(moment: datetime) -> str:
    return f"{max((now() - moment).total_seconds(), 0):.0f} s ago"
