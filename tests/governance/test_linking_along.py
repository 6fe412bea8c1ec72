"""Events are linked along with the commit that brings them, where a worker asks for it."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection, transaction

from governance.audit.background import in_background, sequence_soon
from governance.audit.record import record, recorded_together
from governance.audit.sequence import LOCK, sequence
from governance.audit.verify import verify
from governance.models import AuditEvent, AuditLink, AuditPending
from governance.signals import events_sequenced
from governance.types import SYSTEM

pytestmark = pytest.mark.django_db(transaction=True)

NEVER_S = 3600.0


@pytest.fixture
def spans() -> Any:
    heard: list[tuple[int, int]] = []

    def listen(first: int, last: int, **_: Any) -> None:
        heard.append((first, last))

    events_sequenced.connect(listen)
    yield heard
    events_sequenced.disconnect(listen)


def tell(*actions: str) -> None:
    with transaction.atomic(), recorded_together():
        for action in actions:
            record("error_occurred", actor=SYSTEM, action=action)


def test_a_rolled_back_transaction_leaves_no_link_and_tells_nobody(spans):
    def fail() -> None:
        with transaction.atomic():
            with recorded_together():
                record("error_occurred", actor=SYSTEM, action="never happened")
            assert AuditLink.objects.count() == 1
            raise ZeroDivisionError

    with in_background(every_s=NEVER_S):
        with pytest.raises(ZeroDivisionError):
            fail()
        assert not AuditEvent.objects.exists()
        assert not AuditLink.objects.exists()
    assert spans == []


def test_who_finds_the_lock_taken_leaves_the_linking_to_the_next(spans):
    taken, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            taken.set()
            assert leave.wait(60)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert taken.wait(60)
    with in_background(every_s=NEVER_S):
        tell("while the lock is taken")
        assert AuditPending.objects.count() == 1
        leave.set()
        holder.join()
        sequence_soon()
    assert not AuditPending.objects.exists()
    assert spans == [(1, 1)]


def test_events_are_linked_by_the_commit_that_brings_them_and_told_after_it(spans):
    with in_background(every_s=NEVER_S):
        with transaction.atomic():
            with recorded_together():
                record("error_occurred", actor=SYSTEM, action="one")
                record("error_occurred", actor=SYSTEM, action="two")
            assert AuditLink.objects.count() == 2
            assert spans == []
        assert spans == [(1, 2)]
        tell("a pass is not due yet")
        assert AuditPending.objects.count() == 1
    # Leaving links what is left.
    assert spans == [(1, 2), (3, 3)]
    assert verify().valid


def test_without_a_background_everything_is_linked_after_the_commit(spans):
    tell("one", "two")
    assert spans == [(1, 2)]
    assert sequence() == 0


def test_events_recorded_together_keep_their_order():
    tell(*(str(n) for n in range(20)))
    actions = AuditLink.objects.order_by("seq").values_list("event__action", flat=True)
    assert list(actions) == [str(n) for n in range(20)]
