"""A log that does not hold stops effects until an admin says how it goes on."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from governance.audit import contradiction, halting
from governance.audit.intent import IntentNotKept, ensure_intent_durable
from governance.audit.record import data_of, record
from governance.audit.verify import verify
from governance.models import AuditEvent
from governance.secbot import follower
from governance.types import SYSTEM, Role
from tests.governance.logbook import guards_off, sql, write
from tests.people import person

pytestmark = pytest.mark.django_db


def tampered(place=2):
    """Three more events, and one changed by who owns the tables."""
    write(3)
    guards_off()
    sql(
        "UPDATE governance_auditevent SET action = 'z' WHERE id ="
        " (SELECT event_id FROM governance_auditlink WHERE seq = %s)",
        place,
    )


def refusal() -> str:
    try:
        ensure_intent_durable(None)
    except IntentNotKept as refused:
        return str(refused)
    return ""


def told(kind):
    rows = AuditEvent.objects.filter(type=kind).order_by("id")
    return [data_of(row.body)["data"]["payload"] for row in rows]


def test_a_log_that_holds_stops_nothing():
    record("something_happened", actor=SYSTEM, action="a")
    assert verify().valid
    assert refusal() == ""


def test_what_verification_finds_stops_effects_and_says_how_to_go_on():
    tampered()
    assert not verify().valid
    assert "place 2: a column was changed" in refusal()
    assert "manage.py log_accept" in refusal()
    assert told("log_contradicted") == [{"problem": "place 2: a column was changed"}]


def test_it_is_told_once_however_often_it_is_found():
    tampered()
    verify()
    verify()
    assert len(told("log_contradicted")) == 1


def test_it_stops_machines_that_have_another_data_directory():
    tampered()
    verify()
    (settings.AURA.data / "log-contradicted.txt").unlink()
    assert "a column was changed" in refusal()


def test_it_stops_this_machine_also_when_the_database_was_put_back():
    tampered()
    verify()
    sql("DELETE FROM governance_auditlink")
    sql("DELETE FROM governance_auditevent")
    assert "a column was changed" in refusal()


def test_secbot_stops_effects_by_what_it_reads():
    tampered()
    follower.read_on()
    assert "place 2" in refusal()


def test_a_checkpoint_that_somebody_brings_along_stops_nothing(tmp_path):
    record("something_happened", actor=SYSTEM, action="a")
    file = tmp_path / "other"
    file.write_text(_note_of_another_log())
    with pytest.raises(SystemExit):
        call_command("verify_log", "--checkpoint", str(file))
    assert refusal() == ""


def _note_of_another_log():
    from governance.audit import notes
    from governance.audit.merkle import Frontier

    tree = Frontier()
    tree.append(bytes(32))
    key = notes.SecretKey.made("aura-log/other")
    return str(notes.signed(key, notes.Checkpoint("aura-log/other", 1, tree.root())))


def test_the_command_says_that_effects_are_stopped(capsys):
    tampered()
    with pytest.raises(SystemExit):
        call_command("verify_log", "--full")
    assert "no effect begins until" in capsys.readouterr().out
    assert "place 2" in refusal()


def test_an_admin_goes_on_with_a_reason_and_the_log_says_so():
    ada = person("ada", Role.ADMIN)
    tampered()
    verify()
    call_command("log_accept", "a test of ours", "--by", ada.username)
    assert refusal() == ""
    verify()  # the same again is known
    assert refusal() == ""
    (event,) = AuditEvent.objects.filter(type="log_accepted")
    assert (event.actor, event.actor_name) == ("user", "ada")
    (payload,) = told("log_accepted")
    assert payload["problems"] == ["place 2: a column was changed"]
    assert payload["reason"] == "a test of ours"


def test_something_else_stops_effects_again():
    person("ada", Role.ADMIN)
    tampered()
    verify()
    call_command("log_accept", "a test of ours", "--by", "ada")
    tampered(place=1)
    verify(full=True)
    assert "place 1" in refusal()


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.APPROVER])
def test_nobody_but_an_admin_accepts_it(role):
    person("eve", role)
    tampered()
    verify()
    with pytest.raises(CommandError, match="admin"):
        call_command("log_accept", "it is fine", "--by", "eve")
    with pytest.raises(CommandError, match="no active user"):
        call_command("log_accept", "it is fine", "--by", "nobody")
    assert refusal()


def test_there_must_be_something_to_accept_and_a_reason():
    person("ada", Role.ADMIN)
    with pytest.raises(CommandError, match="Nothing"):
        call_command("log_accept", "why not", "--by", "ada")
    tampered()
    verify()
    with pytest.raises(CommandError, match="reason"):
        call_command("log_accept", " ", "--by", "ada")


@pytest.mark.parametrize("seal", [None, "0" * 64])
def test_an_acceptance_that_somebody_wrote_into_the_tables_does_not_count(seal):
    tampered()
    verify()
    payload = {"problems": ["place 2: a column was changed"], "reason": "", "seal": seal}
    record("log_accepted", actor=SYSTEM, action="log", data={"payload": payload})
    assert "place 2" in refusal()


def test_accepting_a_restore_settles_it_too():
    from governance.audit import rotation

    contradiction.remember("the witness has seen 9 events, and our log has 2")
    halting.halt("place 7: an event is missing")
    assert refusal()
    rotation.accept_restore(reason="the disk died")
    assert refusal() == ""
