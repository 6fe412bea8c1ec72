"""Somebody who owns the database changes the log: each way of doing it is found."""

from __future__ import annotations

import random

import pytest
from django.db import connection

from governance.audit.checkpoints import Rewritten, signer
from governance.audit.sequence import sequence
from governance.audit.verify import verify
from governance.models import AuditLink
from tests.governance import logbook
from tests.governance.logbook import ATTACKS, guards_off, signed_log, sql

pytestmark = pytest.mark.django_db


@pytest.fixture
def trials(request: pytest.FixtureRequest) -> range:
    return range(request.config.getoption("--log-trials"))


def each_trial(trials):
    """Every trial is undone by its savepoint, so that one signed log serves all."""
    from django.db import transaction

    for seed in trials:
        with transaction.atomic():
            guards_off()
            yield random.Random(seed)  # noqa: S311 - repeatable
            transaction.set_rollback(True)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: a.__name__)
def test_a_relinked_log_is_found_by_its_signatures(attack, trials):
    """The key is safe, and so is the file of checkpoints."""
    signed_log(4, 9, 12)
    assert verify(full=True).valid
    for rng in each_trial(trials):
        attack(rng)
        assert not verify(full=True).valid, attack


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: a.__name__)
def test_with_a_stolen_key_it_is_found_by_a_witness(attack, trials, tmp_path):
    """Everything of ours is rewritten and signed again: what somebody else remembers is not."""
    from django.conf import settings

    file = settings.AURA.log_checkpoints
    outside = signed_log(4, 9, 12)[-1:]
    kept = file.read_bytes()
    for rng in each_trial(trials):
        attack(rng)
        logbook.sign_again()
        assert verify(full=True).valid  # it cannot be told from inside
        assert not verify(full=True, outside=outside).valid, attack
        file.write_bytes(kept)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: a.__name__)
def test_a_log_that_was_rewritten_is_not_signed_again(attack):
    signed_log(4, 9, 12)
    for rng in each_trial(range(1)):
        attack(rng)
        logbook.write(4)
        signer._signed = None  # as after a restart
        if attack in (logbook.edit, logbook.insert, logbook.swap, logbook.delete):
            _below_a_checkpoint_only_verify_looks()
            return
        with pytest.raises(Rewritten):
            signer.sign_head()


def _below_a_checkpoint_only_verify_looks() -> None:
    """The signer goes on from the tree it signed: its next note still tells of the old events."""
    signer.sign_head()
    assert not verify(full=True).valid


def test_a_rollback_under_a_running_signer_is_noticed_by_the_next_intent():
    signed_log(4, 9, 12)
    for rng in each_trial(range(1)):
        logbook.rollback(rng)
        from governance.audit.record import record
        from governance.audit.sequence import sequence_within

        record("tool_invoked", actor=logbook.ADA, action="x")
        linked = sequence_within()
        assert linked is not None
        with pytest.raises(Rewritten):
            signer.sign(linked)


# --- every byte -----------------------------------------------------------------------------------

TEXT = ("type", "trace_id", "actor", "actor_name", "action", "key", "session_id", "agent")
EVENT, LINK, CHECKPOINT = (
    f"governance_{name}" for name in ("auditevent", "auditlink", "checkpoint")
)
OTHER_LETTER = (
    "{0} = overlay({0} placing chr(ascii(substr({0}, {{0}}+1, 1)) # 1) from {{0}}+1 for 1)"
)
OTHER_BYTE = "{0} = set_byte({0}, {{0}}, get_byte({0}, {{0}}) # 1)"
OTHER_HEX = (
    "uid = overlay(uid::text placing (CASE substr(uid::text, {0}+1, 1) WHEN 'a' THEN 'b' ELSE 'a'"
    " END) from {0}+1 for 1)::uuid"
)
# (table, what is changed at place {0}, how many places there are)
FLIPS = {
    **{f"event.{c}": (EVENT, OTHER_LETTER.format(c), f"length({c})") for c in TEXT},
    "event.action_class": (EVENT, OTHER_LETTER.format("action_class"), "length(action_class)"),
    "event.body": (EVENT, OTHER_BYTE.format("body"), "length(body)"),
    "event.recorded_at": (
        EVENT,
        "recorded_at = recorded_at + (1 << {0}) * interval '1 microsecond'",
        "20",
    ),
    "event.uid": (EVENT, OTHER_HEX, "8"),
    **{f"link.{c}": (LINK, OTHER_BYTE.format(c), "32") for c in ("prev_hash", "hash", "leaf")},
    "link.seq": (LINK, "seq = seq + 100 + {0}", "3"),
    "link.event_id": (LINK, "event_id = event_id + 100 + {0}", "3"),
    "checkpoint.root": (CHECKPOINT, OTHER_BYTE.format("root"), "32"),
    "checkpoint.frontier": (CHECKPOINT, OTHER_BYTE.format("frontier"), "length(frontier)"),
    "checkpoint.size": (CHECKPOINT, "size = size + 1 + {0}", "3"),
    "checkpoint.note": (CHECKPOINT, OTHER_LETTER.format("note"), "length(note)"),
    "checkpoint.origin": (CHECKPOINT, OTHER_LETTER.format("origin"), "length(origin)"),
}


@pytest.mark.parametrize("column", FLIPS)
def test_a_flipped_bit_in_any_column_is_found(column, trials):
    table, change, length = FLIPS[column]
    signed_log(2, 5)
    key = {"governance_auditevent": "id", "governance_auditlink": "seq"}.get(table, "id")
    with connection.cursor() as cursor:
        second = f"SELECT {key}, {length} FROM {table} ORDER BY {key} LIMIT 1 OFFSET 1"  # noqa: S608
        cursor.execute(second)
        row, bytes_ = cursor.fetchone()
    tries = min(bytes_, 2 * len(trials))
    spots = random.Random(column).sample(range(bytes_), tries)  # noqa: S311
    for spot in spots:
        for _ in each_trial(range(1)):
            sql(f"UPDATE {table} SET {change.format(spot)} WHERE {key} = %s", row)  # noqa: S608
            assert not verify(full=True).valid, (column, spot)


def test_a_key_that_was_taken_away_is_found():
    signed_log(3)
    guards_off()
    sql("UPDATE governance_auditevent SET key = NULL WHERE key IS NOT NULL")
    assert verify(full=True).problem == "a column was changed"


# --- incremental ----------------------------------------------------------------------------------


def test_the_next_run_begins_where_the_last_one_ended():
    signed_log(5)
    assert verify().trusted == 0
    logbook.write(3)
    signer.sign_head()
    verdict = verify()
    assert (verdict.valid, verdict.trusted, verdict.hashed, verdict.events) == (True, 5, 8, 8)


def test_what_was_verified_before_is_looked_at_again_in_full_only():
    signed_log(5)
    verify()
    guards_off()
    sql("UPDATE governance_auditevent SET action = 'x'")
    assert verify().valid
    assert verify(full=True).broken_at == 1


def test_what_was_verified_before_must_still_be_there(trials):
    signed_log(4, 9)
    verify()
    for rng in each_trial(trials):
        logbook.truncate(rng)
        assert not verify().valid


def test_the_length_of_the_work_is_told(monkeypatch):
    monkeypatch.setattr("governance.audit.verify.PROGRESS_EVERY", 2)
    signed_log(5)
    told = []
    verify(progress=lambda done, total: told.append((done, total)))
    assert told == [(2, 5), (4, 5), (5, 5)]


def test_events_that_nobody_signed_yet_are_no_fault():
    signed_log(2)
    logbook.write(1)
    verdict = verify()
    assert (verdict.valid, verdict.hashed) == (True, 3)
    assert "\n2\n" in verdict.checkpoint
    assert sequence() == 0
    assert AuditLink.objects.count() == 3
