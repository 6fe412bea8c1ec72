"""secbot over a real log: each event once, alerts and incidents with it."""

from __future__ import annotations

import random
import threading

import pytest
from django.db import connection, connections, transaction

from governance.audit.checkpoints import signer
from governance.audit.record import data_of, record
from governance.audit.sequence import sequence
from governance.models import AuditEvent, AuditLink, SecbotCursor, SecurityAlert, SecurityIncident
from governance.secbot import follower, incidents
from governance.types import (
    About,
)
from tests.builders import ADA
from tests.governance import logbook
from tests.governance.secbot.acts import AGENT, alerts, approved, catch_up, terminate

pytestmark = pytest.mark.django_db


def test_an_approved_termination_raises_nothing(followed):
    asked = approved("t-1")
    terminate("t-1", approvalId=str(asked.pk))
    catch_up()
    assert (alerts(), SecurityIncident.objects.count()) == ([], 0)


def test_an_approval_of_another_trace_releases_nothing(followed):
    asked = approved("t-1")
    terminate("t-2", approvalId=str(asked.pk))
    catch_up()
    assert alerts() == ["unauthorized_destructive"]


def posted(trace="t-1"):
    """Somebody's agent tells that it terminated something."""
    record(
        "posted.tool_execution",
        actor=AGENT,
        action="terminate_connection",
        trace_id=trace,
        about=About(agent="dba", action_class="destructive"),
        data={"event": {"tool": {"name": "terminate_connection"}}},
    )
    sequence()


def test_an_approval_releases_what_comes_afterwards_alone(followed):
    posted()
    approved("t-1")
    posted()
    catch_up()
    assert alerts() == ["unauthorized_destructive"]
    first = AuditEvent.objects.filter(type="posted.tool_execution").earliest("id")
    assert SecurityAlert.objects.get().event_key == first.key


def test_an_alert_is_an_event_of_the_log_with_the_one_that_raised_it(followed):
    terminate()
    catch_up()
    cause = AuditEvent.objects.get(type="tool_invoked")
    told = AuditEvent.objects.get(type="security_alert")
    said = data_of(told.body)
    assert said["actor"] == {"kind": "system", "name": "secbot"}
    assert (told.trace_id, said["data"]["payload"]["event"]) == ("t-1", cause.key)
    opened = AuditEvent.objects.get(type="security_incident_recorded")
    payload = data_of(opened.body)["data"]["payload"]
    assert payload["incidentId"] == SecurityIncident.objects.get().key
    assert payload["note"].startswith("recorded, no bundle")


def test_nothing_is_analysed_twice_and_its_own_words_raise_nothing(followed):
    terminate()
    catch_up()
    events = AuditEvent.objects.count()
    assert catch_up() == 0
    assert (len(alerts()), AuditEvent.objects.count()) == (1, events)
    cursor = SecbotCursor.objects.get()
    assert cursor.place == AuditLink.objects.count()
    assert cursor.counts["events"] == events - 2  # the alert and the incident are its own


def test_what_was_not_committed_is_analysed_again_and_told_once(followed, monkeypatch):
    terminate()

    def killed(*_args, **_more):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(incidents, "_opened", killed)
        with pytest.raises(KeyboardInterrupt):
            follower.read_on()
    assert alerts() == []
    catch_up()
    assert alerts() == ["unauthorized_destructive"]
    assert AuditEvent.objects.filter(type="security_alert").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_that_read_one_does(followed):
    terminate()
    counted: list[int] = []

    def other():
        counted.append(follower.read_on())
        connections.close_all()

    with transaction.atomic():
        SecbotCursor.objects.select_for_update().get()
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert counted == [0]
    assert catch_up() > 0


def test_a_lost_cursor_begins_at_the_first_event(followed):
    terminate()
    SecbotCursor.objects.all().delete()
    catch_up()
    assert alerts() == ["unauthorized_destructive"]


def test_counters_go_on_over_a_batch(followed, settings, monkeypatch):
    monkeypatch.setattr(follower, "BATCH", 3)
    settings.AURA = settings.AURA.model_copy(update={"secbot_events_per_minute": 7})
    for number in range(9):
        record("something_happened", actor=ADA, action=f"did {number}")
    sequence()
    catch_up()
    assert alerts() == ["high_volume"]


# --- a log that was changed ---


def test_a_changed_event_is_found_when_it_is_read(followed):
    logbook.write(3)
    logbook.guards_off()
    logbook.sql(
        "UPDATE governance_auditevent"
        " SET body = replace(body::text, '227465787422', '227445787422')::bytea"  # "text" -> "tExt"
        " WHERE id = (SELECT max(id) FROM governance_auditevent)"
    )
    catch_up()
    assert alerts() == ["hash_mismatch"]
    assert SecurityAlert.objects.get().severity == "critical"


def test_however_many_events_were_changed_it_is_one_incident_which_says_how_many(followed):
    logbook.write(5)
    logbook.guards_off()
    logbook.sql("UPDATE governance_auditevent SET actor_name = 'bob'")
    catch_up()
    (incident,) = SecurityIncident.objects.all()
    assert (incident.type, incident.subject) == ("hash_mismatch", "log")
    changed = SecurityAlert.objects.filter(type="hash_mismatch").order_by("place")
    assert [alert.message for alert in changed] == [
        f"place {n}: a column was changed" for n in range(1, 6)
    ]
    told = AuditEvent.objects.filter(type="security_alert").order_by("pk")
    assert [data_of(event.body)["data"]["payload"].get("repeats") for event in told] == [
        None, 1, 2, 3, 4,
    ]  # fmt: skip


def test_a_changed_column_is_found_when_it_is_read(followed):
    logbook.write(1)
    logbook.guards_off()
    logbook.sql("UPDATE governance_auditevent SET actor_name = 'bob'")
    catch_up()
    assert set(alerts()) == {"hash_mismatch"}


def test_missing_places_are_found(followed):
    logbook.write(5)
    logbook.guards_off()
    logbook.sql("DELETE FROM governance_auditlink WHERE seq IN (2, 3)")
    catch_up()
    assert "are missing" in SecurityAlert.objects.get().message


def test_bytes_that_are_no_event_do_not_stop_it(followed):
    logbook.write(3)
    logbook.guards_off()
    logbook.sql(
        "UPDATE governance_auditevent SET body = 'x'::bytea"
        " WHERE id = (SELECT min(id) FROM governance_auditevent)"
    )
    assert catch_up() >= 3
    assert alerts() == ["hash_mismatch"]


def test_a_log_that_was_cut_off_is_told(followed):
    logbook.write(5)
    catch_up()
    logbook.guards_off()
    logbook.sql("DELETE FROM governance_auditlink WHERE seq > 3")
    follower.read_on()
    alert = SecurityAlert.objects.get()
    assert (alert.type, alert.subject) == ("log_broken", "log")
    assert alert.message == "the log ended later: 5 events were read, and 3 are there"


def test_a_verification_that_fails_is_told_once(followed):
    logbook.write(4)
    signer.sign_head()
    catch_up()
    logbook.guards_off()
    logbook.edit(random.Random(1))  # noqa: S311 - a chain that holds in itself
    due = {"verified_at": None, "walked_at": None}
    for _ in range(2):
        SecbotCursor.objects.update(**due)
        verdict = follower.verify_when_due()
        assert verdict is not None
        assert not verdict.valid
    assert alerts() == ["log_broken"]
    assert SecbotCursor.objects.get().broken


def test_a_log_that_holds_is_verified_when_it_is_due_and_raises_nothing(followed):
    logbook.write(4)
    verdict = follower.verify_when_due()
    assert verdict is not None
    assert verdict.valid
    assert follower.verify_when_due() is None
    assert alerts() == []


def test_the_migration_begins_at_the_end_of_what_is_there(followed):
    from importlib import import_module

    logbook.write(3)
    terminate()
    SecbotCursor.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute(import_module("governance.migrations.0010_secbot").BEGIN)
    assert SecbotCursor.objects.get().place == AuditLink.objects.count()
    logbook.write(1)
    assert catch_up() == 1
    assert alerts() == []
