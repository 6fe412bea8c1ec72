"""What is read from the database at a scrape: how much waits, and for how long.

Every query is answered from an index or from kept counts. A page younger than `FRESH_S` is served
again, so that many scrapers cost no more than one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime

from django.db import Error, connection
from django.db.models import Min, QuerySet, Sum
from django.utils.timezone import now
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from agents.models import Probe, Run, StopSwitch
from agents.runtime import claims
from aura.config import VERSION
from governance.models import Approval, ApprovalStatus, AuditPending
from governance.secbot.gauges import families as secbot
from tickets.models import Status, TicketCount

FRESH_S = 5.0


class DatabaseGauges(Collector):
    """One for a process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._page: list[Metric] = []
        self._read_at = -FRESH_S

    def collect(self) -> Iterator[Metric]:
        with self._lock:
            if self._clock() - self._read_at >= FRESH_S:
                self._page, self._read_at = _read(), self._clock()
            page = self._page
        yield InfoMetricFamily("aura_build", "What runs", value={"version": VERSION})
        yield from page


def _read() -> list[Metric]:
    up = GaugeMetricFamily("aura_database_up", "1 while the database answers the scrape")
    try:
        page = [*_tickets(), *_runs(), *_approvals(), *_log(), *_outside(), *secbot()]
    except Error:
        connection.close()
        up.add_metric([], 0)
        return [up]
    up.add_metric([], 1)
    return [up, *page]


def _tickets() -> Iterator[Metric]:
    family = GaugeMetricFamily("aura_tickets", "Tickets by status", labels=["status"])
    counted = dict(TicketCount.objects.values_list("status").annotate(Sum("tickets")))
    for status in Status:
        family.add_metric([status.value], counted.get(status.value, 0))
    yield family


def _runs() -> Iterator[Metric]:
    due = claims.due()
    yield _number("aura_runs_due", "Runs that wait for a worker", due.count())
    yield _age("aura_runs_due_oldest_seconds", "How long the oldest has waited", due, "due_at")
    held = Run.objects.filter(due_at__isnull=False, lease_until__gt=now())
    yield _number("aura_runs_held", "Runs that a worker holds", held.count())


def _approvals() -> Iterator[Metric]:
    waiting = Approval.objects.filter(status=ApprovalStatus.PENDING).order_by()
    yield _number("aura_approvals_waiting", "Approvals nobody decided yet", waiting.count())
    name, what = "aura_approvals_waiting_oldest_seconds", "How long the oldest has waited"
    yield _age(name, what, waiting, "requested_at")


def _log() -> Iterator[Metric]:
    pending = AuditPending.objects.count()
    yield _number("aura_audit_events_unsequenced", "Events not in the chain yet", pending)


def _outside() -> Iterator[Metric]:
    seen = GaugeMetricFamily(
        "aura_probe_available", "1 when a worker found it there", labels=["name"]
    )
    age = GaugeMetricFamily("aura_probe_age_seconds", "Since a worker last looked", labels=["name"])
    for name, available, checked in Probe.objects.values_list("name", "available", "checked_at"):
        seen.add_metric([name], int(available))
        age.add_metric([name], _seconds_since(checked))
    yield from (seen, age)
    stopped = StopSwitch.objects.exists()
    yield _number("aura_stopped", "1 while the stop switch keeps every agent still", int(stopped))


def _number(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(name, what, value=value)


def _age(name: str, what: str, rows: QuerySet[Run] | QuerySet[Approval], column: str) -> Metric:
    oldest = rows.aggregate(oldest=Min(column))["oldest"]
    return _number(name, what, _seconds_since(oldest) if oldest else 0)


def _seconds_since(moment: datetime) -> float:
    return max((now() - moment).total_seconds(), 0.0)
