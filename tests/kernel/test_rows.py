"""Rows are written as the ORM would write them, in the order in which the code says so."""

from __future__ import annotations

import uuid
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from agents.models import Run, ToolExecution, Turn
from aura.kernel import rows
from tickets.models import Ticket

pytestmark = pytest.mark.django_db

NASTY = 'it\'s "50 %s" of \\ ; DROP TABLE x; -- 👍'


def new_turn(run: Run, number: int = 1) -> Turn:
    return Turn(run=run, number=number, text=NASTY, started_at=now(), answered_at=now())


@pytest.fixture
def run() -> Run:
    return Run.objects.create(agent="test", trace_id="t", context={"a": [1, NASTY]})


def test_an_update_of_a_row_that_is_not_there_is_an_error(run):
    gone = Run(pk=uuid.uuid4())
    with pytest.raises(DatabaseError, match="not there"):
        rows.update(gone, "failures")
    with pytest.raises(DatabaseError, match="not there"):
        rows.lock(gone, "failures")


def test_an_update_that_is_sent_with_others_is_an_error_just_as_well(run):
    def write() -> None:
        with transaction.atomic(), rows.together():
            rows.update(run, "failures")
            rows.update(Run(pk=uuid.uuid4()), "failures")

    with pytest.raises(DatabaseError, match="not there"):
        write()


def test_columns_with_json_are_not_read_by_a_lock(run):
    with pytest.raises(TypeError, match="JSON"):
        rows.lock(run, "context")


def test_a_second_row_with_the_same_key_is_refused(run):
    rows.insert_for_key(new_turn(run))
    with pytest.raises(IntegrityError), transaction.atomic(), rows.together():
        rows.insert([new_turn(run)])


def test_inserted_rows_come_back_as_they_were(run):
    turn = new_turn(run)
    assert rows.is_new(turn)
    rows.insert_for_key(turn)
    assert not rows.is_new(turn)
    calls = [
        ToolExecution(run=run, turn=turn, position=n, call_id=NASTY, tool="x", data={"a": NASTY})
        for n in range(3)
    ]
    rows.insert(calls)
    for call in calls:
        kept = ToolExecution.objects.get(pk=call.pk)
        assert (kept.call_id, kept.data, kept.turn.text) == (NASTY, {"a": NASTY}, NASTY)
    rows.insert([])


def test_an_update_writes_the_named_columns_alone(run):
    run.failures, run.agent, run.context = 3, "changed in memory only", {"b": NASTY}
    rows.update(run, "failures", "context")
    kept = Run.objects.get(pk=run.pk)
    assert (kept.failures, kept.agent, kept.context) == (3, "test", {"b": NASTY})


def test_a_lock_reads_what_others_wrote(run):
    Run.objects.filter(pk=run.pk).update(failures=7, agent="other")
    rows.lock(run, "failures")
    assert (run.failures, run.agent) == (7, "test")


def test_writes_together_are_one_message(run):
    with transaction.atomic(), CaptureQueriesContext(connection) as sent, rows.together():
        run.failures = 1
        rows.update(run, "failures")
        run.attempts = 2
        rows.update(run, "attempts")
        rows.insert([new_turn(run)])
    assert len(sent) == 1
    kept = Run.objects.get(pk=run.pk)
    assert (kept.failures, kept.attempts, kept.turns.count()) == (1, 2, 1)


def test_any_other_statement_finds_what_was_written_before_it(run):
    with transaction.atomic(), rows.together():
        run.failures = 1
        rows.update(run, "failures")
        assert Run.objects.get(pk=run.pk).failures == 1
        Run.objects.filter(pk=run.pk).update(failures=2)
        run.failures = 3
        rows.update(run, "failures")
    assert Run.objects.get(pk=run.pk).failures == 3


def test_nothing_is_sent_when_the_block_fails(run):
    def write() -> None:
        with transaction.atomic(), rows.together():
            run.failures = 1
            rows.update(run, "failures")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    assert Run.objects.get(pk=run.pk).failures == 0
    run.failures = 5
    rows.update(run, "failures")  # at once again, outside of it
    assert Run.objects.get(pk=run.pk).failures == 5


def test_a_row_is_found_as_the_orm_would_read_it():
    ticket = Ticket.objects.create(
        title="Add nginx",
        description="x",
        plan={"steps": [{"n": 1}]},
        commits=["abc"],
        estimated_cost=Decimal("0.25000000"),
    )
    found, read = rows.find(Ticket, ticket.pk), Ticket.objects.get(pk=ticket.pk)
    assert found is not None
    assert {k: v for k, v in vars(found).items() if k != "_state"} == {
        k: v for k, v in vars(read).items() if k != "_state"
    }
    assert (rows.is_new(found), found.plan, found.commits) == (False, ticket.plan, ["abc"])


def test_a_row_that_is_not_there_is_not_found():
    assert rows.find(Ticket, uuid.uuid4()) is None


@pytest.mark.django_db(transaction=True)
def test_inserts_alone_are_one_message_and_all_or_nothing(tmp_path):
    def write(*turns: int) -> None:
        with rows.one_message():
            rows.insert([owner])
            rows.insert([new_turn(owner, number) for number in turns])
            transaction.on_commit(lambda: told.append(Run.objects.filter(pk=owner.pk).exists()))

    owner = Run(agent="test", trace_id="t")
    told: list[bool] = []
    with pytest.raises(IntegrityError):
        write(1, 1)
    assert not told
    assert not Run.objects.filter(pk=owner.pk).exists()
    seen = tmp_path / "protocol"
    with seen.open("w") as file:
        raw = connection.connection.pgconn
        raw.trace(file.fileno())
        write(1, 2)
        raw.untrace()
    lines = seen.read_text().splitlines()
    sent = [line.split("\t")[-1] for line in lines if "F\t" in line and "Query\t" in line]
    assert [message.split()[0].strip('"') for message in sent] == ["INSERT", "SELECT"]
    assert told == [True]
    assert Turn.objects.filter(run=owner).count() == 2
    assert connection.get_autocommit()


@pytest.mark.django_db(transaction=True)
def test_what_may_miss_its_row_is_no_such_message(run):
    def write() -> None:
        with rows.one_message():
            rows.insert([new_turn(run)])
            rows.update(Run(pk=uuid.uuid4()), "failures")

    with pytest.raises(DatabaseError, match="not there"):
        write()
    assert not Turn.objects.filter(run=run).exists()


@pytest.mark.django_db(transaction=True)
def test_a_message_inside_a_transaction_belongs_to_it(run):
    def write() -> None:
        with transaction.atomic():
            with rows.one_message():
                rows.insert([new_turn(run)])
            raise ValueError("undone")

    with pytest.raises(ValueError, match="undone"):
        write()
    assert not Turn.objects.filter(run=run).exists()


@pytest.mark.django_db(transaction=True)
def test_a_transaction_begins_with_its_first_message():
    run = Run.objects.create(agent="test", trace_id="t")
    with CaptureQueriesContext(connection) as sent, transaction.atomic(), rows.together():
        rows.update(run, "failures")
        rows.lock(run, "failures")
    statements = [query["sql"] for query in sent if query["sql"] not in {"BEGIN", "COMMIT"}]
    (statement,) = statements
    assert statement.startswith("BEGIN; UPDATE")
    assert connection.connection.autocommit


@pytest.mark.django_db(transaction=True)
def test_what_was_begun_so_is_undone_when_its_block_fails():
    run = Run.objects.create(agent="test", trace_id="t")

    def write(otherwise: type[Exception]) -> None:
        with transaction.atomic(), rows.together():
            run.failures = 7
            rows.update(run, "failures")
            rows.lock(run, "failures")
            raise otherwise

    with pytest.raises(KeyError):
        write(KeyError)

    def fail() -> None:
        with transaction.atomic():
            rows.ask("SELECT 1/0", ())

    with pytest.raises(DatabaseError):
        fail()
    with transaction.atomic():  # the first message failed; the next transaction is a whole one
        rows.ask("UPDATE agents_run SET failures = 3 RETURNING 1", ())
        Run.objects.filter(pk=run.pk).update(agent="other")
        transaction.set_rollback(True)
    found = Run.objects.get()
    assert (found.failures, found.agent) == (0, "test")


@pytest.mark.django_db(transaction=True)
def test_what_is_found_first_belongs_to_the_transaction():
    run = Run.objects.create(agent="test", trace_id="t")
    with transaction.atomic():
        assert rows.find_locked(Run, run.pk) == run
        Run.objects.filter(pk=run.pk).update(agent="other")
        transaction.set_rollback(True)
    assert Run.objects.get().agent == "test"


def test_a_key_is_taken_with_the_next_message(run):
    turn = new_turn(run)
    with transaction.atomic(), rows.together():
        rows.take_key(turn)
        rows.lock(run, "failures")
        rows.insert([turn])
    assert Turn.objects.get() == turn
