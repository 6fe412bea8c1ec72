"""Linking beside the requests."""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg
import pytest
from django.db import OperationalError, connection

from governance.audit import background
from governance.audit.record import record
from governance.audit.sequence import LOCK, sequence_batch
from governance.models import AuditEvent, AuditLink, AuditPending
from governance.signals import events_sequenced
from governance.types import SYSTEM
from tests.database import sessions_of_others

pytestmark = pytest.mark.django_db(transaction=True)


def eventually(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def happen() -> None:
    record("ticket_created", actor=SYSTEM, action="x")


def nothing_waits() -> bool:
    return not AuditPending.objects.exists()


def test_without_the_thread_an_event_has_its_place_when_its_commit_returns():
    happen()
    assert AuditLink.objects.count() == 1


def test_with_the_thread_it_gets_its_place_soon_and_in_order():
    with background.in_background():
        for _ in range(20):
            happen()
        eventually(nothing_waits)
    events = AuditEvent.objects.order_by("link__seq").values_list("pk", flat=True)
    assert list(events) == sorted(events)
    assert len(events) == 20


def test_the_thread_links_many_events_in_one_pass(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(background, "GATHER_S", 0.2)
    passes: list[int] = []

    def listen(first: int, last: int, **_: object) -> None:
        passes.append(last - first + 1)

    events_sequenced.connect(listen)
    with background.in_background():
        for _ in range(10):
            happen()
        eventually(nothing_waits)
    events_sequenced.disconnect(listen)
    assert sum(passes) == 10
    assert max(passes) > 1


def test_another_process_that_has_the_lock_keeps_nothing_from_its_place():
    """It may have looked before our commit, and nothing else may come that wakes us."""
    connection.ensure_connection()
    with psycopg.connect(connection.connection.info.dsn) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        with background.in_background():
            happen()
            eventually(lambda: background._running._passed > float("-inf"))
            assert not nothing_waits()
            other.rollback()
            eventually(nothing_waits)


def test_what_was_committed_last_is_linked_before_the_thread_ends():
    with background.in_background():
        happen()
    assert nothing_waits()


def test_a_database_that_is_away_costs_time_and_no_event(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(background, "RETRY_S", 0.01)
    failures = iter(range(3))

    def failing() -> bool:
        if next(failures, None) is not None:
            raise OperationalError("the database system is starting up")
        return sequence_batch()

    monkeypatch.setattr(background, "sequence_batch", failing)
    with background.in_background():
        happen()
        eventually(nothing_waits)


def test_a_fault_of_its_own_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(background, "RETRY_S", 0.01)
    faults = iter([RuntimeError("a bug")])

    def failing() -> bool:
        for fault in faults:
            raise fault
        return sequence_batch()

    monkeypatch.setattr(background, "sequence_batch", failing)
    with background.in_background():
        happen()
        eventually(nothing_waits)
    assert "a bug" in caplog.text


def test_the_threads_give_their_connections_back():
    before = sessions_of_others()  # threads of a test before may linger
    with background.in_background():
        happen()
        eventually(nothing_waits)
        own = sessions_of_others() - before
        assert len(own) in {1, 2}, "one links, one signs"
    eventually(lambda: not own & sessions_of_others())
