"""Fail closed: no effect begins whose intent is not linked and signed within two seconds."""

from __future__ import annotations

import os
import threading
import time

import psycopg
import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils.timezone import now

from agents.models import CallState, ToolExecution
from agents.runtime import claims, executions
from governance.audit import contradiction, intent, notes, rotation, sink
from governance.audit import signing as signing_
from governance.audit.background import in_background
from governance.audit.checkpoints import signer
from governance.audit.intent import IntentNotKept, ensure_intent_durable
from governance.audit.merkle import Frontier
from governance.audit.notes import SecretKey
from governance.audit.record import record, recorded_together
from governance.audit.sequence import LOCK
from governance.audit.verify import verify
from governance.models import AuditEvent, AuditLink, Checkpoint
from governance.types import SYSTEM, ActionClass
from tests.fakes import call, says
from tests.serving.instance import eventually
from tests.tickets.conftest import Desk
from tests.tickets.test_recovery import executing
from tickets.models import Status

pytestmark = pytest.mark.django_db(transaction=True)


def committed():
    """An intent, as a turn commits it."""
    with transaction.atomic(), recorded_together() as told:
        told.intent = True
        record("tool_invoked", actor=SYSTEM, action="git_commit")
    return told.linked


def signed() -> int:
    return max(
        (note.checkpoint.size for note in sink.notes(settings.AURA.log_checkpoints)), default=0
    )


def test_an_intent_is_linked_by_its_own_commit_and_signed_at_once():
    linked = committed()
    assert linked is not None
    assert AuditLink.objects.count() == 1
    ensure_intent_durable(linked)
    assert signed() == 1
    assert verify(full=True).valid


def test_many_at_once_are_all_signed_and_never_two_ways():
    failures = []

    def work():
        try:
            for _ in range(5):
                ensure_intent_durable(committed())
        except Exception as failure:  # noqa: BLE001 - told to the test
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert signed() == 30
    assert verify(full=True).valid


def refused(monkeypatch, pytest_match: str) -> None:
    monkeypatch.setattr(intent, "DEADLINE_S", 0.3)
    began = time.monotonic()
    with pytest.raises(IntentNotKept, match=pytest_match):
        ensure_intent_durable(committed())
    assert time.monotonic() - began < 30


def test_it_is_refused_while_somebody_holds_the_chain(monkeypatch):
    connection.ensure_connection()
    with psycopg.connect(connection.connection.info.dsn) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        refused(monkeypatch, "holds the chain")
    ensure_intent_durable(committed())
    assert signed() == AuditLink.objects.count() == 2


def test_it_is_refused_when_the_file_of_checkpoints_cannot_be_written(monkeypatch, tmp_path):
    with monkeypatch.context() as away:
        away.setattr(type(settings.AURA), "log_checkpoints", property(lambda _: tmp_path))
        refused(away, "cannot be written")


def test_it_is_refused_when_the_disk_takes_half_a_line_and_goes_on_behind_it(monkeypatch):
    ensure_intent_durable(committed())
    write = os.write
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda handle, data: write(handle, data[: len(data) // 2]))
        refused(full, "No space left")
    assert signed() == 1
    ensure_intent_durable(committed())
    assert signed() == 3
    assert verify(full=True).valid


def test_it_is_refused_while_another_process_holds_that_file(monkeypatch):
    with sink.held(settings.AURA.log_checkpoints, 1):
        refused(monkeypatch, "holds the file")


@pytest.fixture
def elsewhere(monkeypatch):
    """The key is in another process, and this one knows its public half. That other process."""
    path = settings.AURA.log_key
    kept = path.read_text()
    public = SecretKey.read(kept).public.text
    monkeypatch.setattr(
        settings, "AURA", settings.AURA.model_copy(update={"log_public_key": public})
    )
    path.unlink()

    def run(work=signer.sign_head):
        path.write_text(kept)
        try:
            return work()
        finally:
            path.unlink()

    yield run
    path.write_text(kept)


def test_it_is_refused_when_nobody_has_the_key(monkeypatch, elsewhere):
    refused(monkeypatch, "no process signs")


def test_it_is_refused_when_nobody_could_tell_who_signs(monkeypatch):
    settings.AURA.log_key.unlink()
    refused(monkeypatch, "AURA_LOG_PUBLIC_KEY")


def test_it_is_refused_when_the_public_key_is_none(monkeypatch, elsewhere):
    monkeypatch.setattr(
        settings, "AURA", settings.AURA.model_copy(update={"log_public_key": "aura-log/x+00+AA"})
    )
    refused(monkeypatch, "AURA_LOG_PUBLIC_KEY: ")


@pytest.mark.parametrize("same_name", [True, False])
def test_a_checkpoint_that_another_key_signed_does_not_count(monkeypatch, elsewhere, same_name):
    """Who has the database writes what rows they like."""
    committed()
    elsewhere()
    linked = committed()
    public = notes.public_key(settings.AURA.log_public_key)
    thief = SecretKey.made(public.name if same_name else "aura-log/thief")
    forge(thief, linked.last, public.name)
    refused(monkeypatch, "no process signs")
    elsewhere()
    ensure_intent_durable(linked)


def test_a_signature_over_other_events_than_those_in_the_database_does_not_count(
    monkeypatch, elsewhere
):
    linked = committed()
    elsewhere()
    ensure_intent_durable(linked)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE governance_auditlink DISABLE TRIGGER append_only")
        cursor.execute("UPDATE governance_auditlink SET leaf = sha256('other')")
        cursor.execute("ALTER TABLE governance_auditlink ENABLE ALWAYS TRIGGER append_only")
    monkeypatch.setattr(intent, "DEADLINE_S", 0.3)
    with pytest.raises(IntentNotKept, match="no process signs"):
        ensure_intent_durable(linked)


def test_a_key_that_the_known_one_vouched_for_counts_too(elsewhere):
    committed()

    def rotated():
        rotation.rotate()
        linked = committed()
        signer.sign_head()
        return linked

    linked = elsewhere(rotated)
    ensure_intent_durable(linked)


def forge(key, size, origin) -> None:
    tree = Frontier()
    tree.extend(map(bytes, AuditLink.objects.order_by("seq").values_list("leaf", flat=True)))
    note = notes.signed(key, notes.Checkpoint(key.public.name, size, tree.root()))
    Checkpoint.objects.create(
        origin=origin, size=size, root=tree.root(), frontier=tree.packed, note=str(note),
        signed_at=now(),
    )  # fmt: skip


def test_it_is_refused_when_the_key_is_damaged(monkeypatch):
    kept = settings.AURA.log_key.read_text()
    settings.AURA.log_key.write_text("PRIVATE+KEY+x")
    try:
        refused(monkeypatch, "cannot be used as signing key")
    finally:
        settings.AURA.log_key.write_text(kept)


def test_it_is_refused_when_a_witness_remembers_more(monkeypatch):
    contradiction.remember("the witness has seen 9 events, and our log has 2")
    refused(monkeypatch, "has seen 9")
    contradiction.settle()


def test_a_process_without_the_key_waits_for_the_one_that_has_it(monkeypatch, elsewhere):
    monkeypatch.setattr(intent, "DEADLINE_S", 30.0)
    linked = committed()

    def sign_elsewhere():
        elsewhere()
        connection.close()

    thread = threading.Timer(0.2, sign_elsewhere)
    thread.start()
    ensure_intent_durable(linked)
    thread.join()


# --- writes, beside a thread that signs -----------------------------------------------------------


@pytest.fixture
def signing(monkeypatch):
    monkeypatch.setattr(signing_, "EVERY_S", 0.05)
    monkeypatch.setattr(signing_, "LATELY_S", 0.3)
    with in_background():
        eventually(signing_.signs_beside)
        yield


def test_a_write_begins_unsigned_only_where_a_thread_signs_and_what_destroys_never_does(signing):
    assert intent.begins_unsigned(ActionClass.WRITE)
    assert not intent.begins_unsigned(ActionClass.DESTRUCTIVE)
    assert not intent.begins_unsigned(ActionClass.UNKNOWN)
    eventually(lambda: not told_why())


def test_where_no_thread_signs_a_write_waits_for_its_own_signature():
    assert not intent.begins_unsigned(ActionClass.WRITE)


def told_why() -> str:
    try:
        intent.ensure_log_signed()
    except IntentNotKept as refusal:
        return str(refusal)
    return ""


def test_no_write_begins_while_the_log_cannot_be_signed(signing, monkeypatch, tmp_path):
    with monkeypatch.context() as away:
        away.setattr(type(settings.AURA), "log_checkpoints", property(lambda _: tmp_path))
        record("something_happened", actor=SYSTEM, action="x")
        eventually(lambda: "directory" in told_why())
        assert intent.begins_unsigned(ActionClass.WRITE), "it is asked, and refused"
    eventually(lambda: not told_why())


def test_no_write_begins_while_somebody_holds_the_chain(signing):
    connection.ensure_connection()
    with psycopg.connect(connection.connection.info.dsn) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        record("something_happened", actor=SYSTEM, action="x")
        eventually(lambda: "holds the chain" in told_why())
    record("something_happened", actor=SYSTEM, action="y")
    eventually(lambda: not told_why())


def test_no_write_begins_while_a_witness_contradicts(signing):
    contradiction.remember("the witness remembers more")
    try:
        eventually(lambda: "remembers more" in told_why())
    finally:
        contradiction.settle()
    eventually(lambda: not told_why())


# --- with an agent --------------------------------------------------------------------------------


def test_an_effect_is_not_begun_while_reads_go_on_and_is_tried_again(tmp_path, monkeypatch):
    """The place of the checkpoints is away for a while."""
    desk = Desk(tmp_path)
    ticket, script = executing(desk)
    ran: list[str] = []
    real = executions.run

    def noted(bound):
        ran.append(bound.tool.name)
        return real(bound)

    monkeypatch.setattr(executions, "run", noted)
    with monkeypatch.context() as away:
        away.setattr(type(settings.AURA), "log_checkpoints", property(lambda _: tmp_path))
        look = says(call("git_status"))
        model = desk.advance(ticket, look, *script)
    assert ran == ["submit_plan", "git_status"]
    waiting = ToolExecution.objects.filter(run=ticket.run).exclude(state=CallState.DONE).get()
    assert (waiting.tool, waiting.attempts) == ("git_write_file", 1)
    assert ticket.status == Status.EXECUTING
    assert ticket.run_id is not None
    claims.queue(ticket.run_id)
    desk.advance(ticket, model=model)
    assert ticket.status == Status.RESOLVED
    invoked = AuditEvent.objects.filter(type="tool_invoked", action="git_write_file")
    assert invoked.filter(agent="aura", action_class="write").exists()
    assert verify(full=True).valid
