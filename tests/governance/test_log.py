"""The log: written with the change it tells of, linked after commit, checked by `verify`."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import Error, connection, transaction

from governance.audit.chain import GENESIS, chained, leaf
from governance.audit.record import data_of, record
from governance.audit.sequence import LOCK, sequence
from governance.audit.verify import verify
from governance.models import AuditEvent, AuditLink, AuditPending
from governance.signals import events_sequenced
from governance.types import SYSTEM, ActorKind, Principal

pytestmark = pytest.mark.django_db

ADA = Principal(kind=ActorKind.USER, name="ada")


def write(count=1, **fields):
    given: dict[str, Any] = {"actor": ADA, "action": "did", "trace_id": "t-1"} | fields
    return [record("something_happened", **given) for _ in range(count)]


# --- record ---


def test_an_event_holds_everything_in_its_bytes():
    event = record(
        "tool_called", actor=ADA, action="git_commit", trace_id="t-1", data={"b": 1, "a": [None]}
    )
    assert data_of(event.body) == {
        "id": str(event.uid),
        "timestamp": event.recorded_at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        "type": "tool_called",
        "traceId": "t-1",
        "actor": {"kind": "user", "name": "ada"},
        "action": "git_commit",
        "data": {"a": [None], "b": 1},
        "key": f"evt_{event.uid.hex[:16]}",
    }
    event.refresh_from_db()
    assert (event.type, event.trace_id, event.actor, event.actor_name, event.action) == (
        "tool_called",
        "t-1",
        "user",
        "ada",
        "git_commit",
    )
    assert event.recorded_at.microsecond % 1000 == 0


def test_credentials_are_replaced_before_anything_is_stored():
    token = "ghp_" + "a1B2c3D4e5F6" * 3
    (event,) = write(data={"args": {"content": f"use {token}"}, "list": [token]})
    assert token.encode() not in bytes(event.body)
    assert "use " in data_of(event.body)["data"]["args"]["content"]


def test_text_that_postgres_cannot_hold_does_not_stop_the_log():
    (event,) = write(data={"text": "a\x00b\ud800c"})
    event.refresh_from_db()
    assert data_of(event.body)["data"]["text"] == "a\ufffdb\ufffdc"


def test_long_names_are_cut_in_the_columns_only():
    person = Principal(kind=ActorKind.USER, name="n" * 300)
    (event,) = write(actor=person, action="a" * 300)
    event.refresh_from_db()
    assert (len(event.actor_name), len(event.action)) == (150, 200)
    assert data_of(event.body)["actor"]["name"] == person.name
    sequence()
    assert verify().valid


def test_an_event_of_a_change_that_was_rolled_back_never_happened():
    with transaction.atomic():
        write()
        transaction.set_rollback(True)
    assert not AuditEvent.objects.exists()
    assert not AuditPending.objects.exists()


def test_events_of_one_transaction_are_linked_together_after_it(django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        write(3)
        assert not AuditLink.objects.exists()
    assert len(callbacks) == 1
    assert AuditLink.objects.count() == 3


# --- sequence ---


def test_links_have_no_gaps_and_follow_each_other():
    write(3)
    assert sequence() == 3
    write(2)
    assert sequence() == 2
    assert sequence() == 0
    links = list(AuditLink.objects.select_related("event").order_by("seq"))
    assert [link.seq for link in links] == [1, 2, 3, 4, 5]
    previous = GENESIS
    for link in links:
        body = bytes(link.event.body)
        assert bytes(link.prev_hash) == previous
        assert bytes(link.hash) == chained(previous, body)
        assert bytes(link.leaf) == leaf(body)
        previous = bytes(link.hash)
    assert not AuditPending.objects.exists()


def test_more_events_than_a_batch_holds_are_all_linked(monkeypatch):
    monkeypatch.setattr("governance.audit.sequence.BATCH", 2)
    write(5)
    assert sequence() == 5
    assert verify().valid


def test_whoever_listens_is_told_which_places_are_new():
    told = []

    def listen(first, last, **_):
        told.append((first, last))

    events_sequenced.connect(listen)
    try:
        write(2)
        sequence()
        write(1)
        sequence()
    finally:
        events_sequenced.disconnect(listen)
    assert told == [(1, 2), (3, 3)]


def test_a_listener_that_fails_does_not_stop_the_log():
    def broken(**_):
        raise RuntimeError

    events_sequenced.connect(broken)
    try:
        write()
        assert sequence() == 1
    finally:
        events_sequenced.disconnect(broken)


def in_threads(work, count):
    failures = []

    def run(number):
        try:
            work(number)
        except Exception as failure:  # noqa: BLE001 - told to the test
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.django_db(transaction=True)
def test_many_writers_at_once_make_one_chain():
    def work(number):
        for _ in range(5):
            with transaction.atomic():
                write(2, trace_id=f"t-{number}")

    in_threads(work, 4)
    sequence()
    verdict = verify()
    assert (verdict.events, verdict.valid) == (40, True)


@pytest.mark.django_db(transaction=True)
def test_who_finds_another_sequencer_at_work_leaves():
    with transaction.atomic():
        write()  # committed below, and linked by whoever comes first afterwards
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        linked = []
        in_threads(lambda _: linked.append(sequence()), 1)
        assert linked == [0]
    assert AuditLink.objects.count() == 1


# --- append-only, by the database itself ---


@pytest.fixture
def one_event():
    (event,) = write()
    sequence()
    return event


@pytest.mark.parametrize("table", ["governance_auditevent", "governance_auditlink"])
@pytest.mark.parametrize(
    "statement",
    ["UPDATE {} SET {} = {}", "DELETE FROM {}", "UPDATE {} SET {} = {} WHERE true"],
)
def test_a_row_of_the_log_can_neither_be_changed_nor_deleted(one_event, table, statement):
    column = "type" if table.endswith("event") else "hash"
    sql = statement.format(table, column, column)
    with (
        pytest.raises(Error, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)
    assert AuditEvent.objects.count() == AuditLink.objects.count() == 1


def test_the_orm_cannot_either(one_event):
    one_event.type = "nothing_happened"
    with pytest.raises(Error, match="append-only"), transaction.atomic():
        one_event.save()
    with pytest.raises(Error, match="append-only"), transaction.atomic():
        AuditLink.objects.all().delete()
    assert AuditEvent.objects.get().type == "something_happened"


@pytest.mark.parametrize("table", ["governance_auditevent", "governance_auditlink"])
def test_the_log_cannot_be_emptied(table):
    with transaction.atomic(), connection.cursor() as cursor:
        # The fixture of the whole run disables these, because transactional tests truncate.
        cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only_truncate")
        with pytest.raises(Error, match="append-only"), transaction.atomic():
            cursor.execute(f"TRUNCATE {table} CASCADE")
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only_truncate")


def test_the_triggers_are_there_and_fire_always():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger"
            " WHERE tgname IN"
            " ('append_only', 'append_only_truncate', 'event_dated', 'event_pending')"
            " ORDER BY 1, 2"
        )
        triggers = cursor.fetchall()
    assert [(table, name) for table, name, _ in triggers] == [
        ("governance_auditevent", "append_only"),
        ("governance_auditevent", "append_only_truncate"),
        ("governance_auditevent", "event_dated"),
        ("governance_auditevent", "event_pending"),
        ("governance_auditlink", "append_only"),
        ("governance_auditlink", "append_only_truncate"),
        ("governance_checkpoint", "append_only"),
        ("governance_checkpoint", "append_only_truncate"),
    ]
    assert {on for _, name, on in triggers if name != "append_only_truncate"} == {"A"}


def test_an_event_written_past_the_product_waits_for_its_link_too(one_event):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO governance_auditevent"
            " (uid, recorded_at, type, trace_id, actor, actor_name, action, body)"
            " SELECT gen_random_uuid(), recorded_at, type, trace_id, actor, actor_name, action,"
            " body FROM governance_auditevent"
        )
    assert sequence() == 1
    assert verify().problem == "a column was changed"


# --- verify: what somebody with the database's own rights may do to the log ---


@pytest.fixture
def no_triggers():
    """Somebody who owns the tables has switched the guards off."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE governance_auditevent DISABLE TRIGGER append_only")
        cursor.execute("ALTER TABLE governance_auditlink DISABLE TRIGGER append_only")


def test_an_empty_log_is_valid():
    verdict = verify()
    assert (verdict.events, verdict.valid, verdict.broken_at) == (0, True, None)


def test_a_log_that_was_not_touched_is_valid(monkeypatch):
    monkeypatch.setattr("governance.audit.stream.PAGE", 2)
    write(5)
    sequence()
    verdict = verify()
    assert (verdict.events, verdict.valid) == (5, True)


@pytest.mark.parametrize("page", [2, 5000])
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("body", b'{"forged": true}'),
        ("type", "nothing_happened"),
        ("trace_id", "t-2"),
        ("actor", "system"),
        ("actor_name", "eve"),
        ("action", "did nothing"),
        ("recorded_at", timedelta(seconds=1)),
    ],
)
def test_a_changed_column_shows(no_triggers, monkeypatch, page, column, value):
    monkeypatch.setattr("governance.audit.stream.PAGE", page)
    events = write(5)
    sequence()
    forged = AuditEvent.objects.filter(pk=events[3].pk)
    if column == "recorded_at":
        value = events[3].recorded_at + value
    forged.update(**{column: value})
    verdict = verify()
    assert (verdict.valid, verdict.broken_at) == (False, 4)


@pytest.mark.parametrize("column", ["hash", "prev_hash", "leaf"])
def test_a_changed_link_shows(no_triggers, column):
    write(3)
    sequence()
    AuditLink.objects.filter(seq=2).update(**{column: bytes(32)})
    verdict = verify()
    assert (verdict.valid, verdict.broken_at) == (False, 2)


def test_an_event_taken_out_of_the_middle_shows(no_triggers):
    write(3)
    sequence()
    AuditLink.objects.filter(seq=2).delete()
    verdict = verify()
    assert (verdict.broken_at, verdict.problem) == (2, "an event is missing")


def test_of_several_faults_the_first_is_told(no_triggers):
    events = write(4)
    sequence()
    AuditLink.objects.filter(seq=4).update(hash=bytes(32))
    AuditEvent.objects.filter(pk=events[1].pk).update(action="did nothing")
    assert verify().broken_at == 2


def test_two_events_that_changed_places_show(no_triggers):
    one, two, _ = write(3)
    sequence()
    body = AuditEvent.objects.get(pk=one.pk).body
    AuditEvent.objects.filter(pk=one.pk).update(body=AuditEvent.objects.get(pk=two.pk).body)
    AuditEvent.objects.filter(pk=two.pk).update(body=body)
    assert verify().broken_at == 1


def test_an_event_that_was_kept_out_of_the_chain_shows():
    write(2)
    AuditPending.objects.order_by("event_id").last().delete()
    sequence()
    verdict = verify()
    assert (verdict.broken_at, verdict.problem) == (2, "an event was kept out of the chain")


def test_an_event_that_waits_for_its_link_is_no_fault():
    write(2)
    sequence()
    write(1, actor=SYSTEM)
    assert verify().valid
