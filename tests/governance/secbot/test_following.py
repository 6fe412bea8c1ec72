"""secbot over a real log: each event once, alerts and incidents with it."""

from __future__ import annotations

import random
import threading
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from django.utils.timezone import now
from prometheus_client import CollectorRegistry, generate_latest

from aura.kernel.errors import NotFound
from aura.surfaces.gauges import DatabaseGauges
from governance import approvals
from governance.audit.checkpoints import signer
from governance.audit.record import data_of, record
from governance.audit.sequence import sequence
from governance.fingerprint import fingerprint
from governance.models import AuditEvent, AuditLink, SecbotCursor, SecurityAlert, SecurityIncident
from governance.secbot import follower, incidents
from governance.types import (
    About,
    Action,
    ActionClass,
    ActorKind,
    Principal,
    Resource,
)
from tests.builders import ADA
from tests.governance import logbook

pytestmark = pytest.mark.django_db

AGENT = Principal(kind=ActorKind.AGENT, name="aura")


@pytest.fixture
def followed():
    """A log that was read to its end."""
    catch_up()
    SecbotCursor.objects.get_or_create(pk=follower.ONLY)


def catch_up() -> int:
    """Read all there is; how many places."""
    total = 0
    while follower.any_news() and (read := follower.read_on()):
        total += read
    return total


def terminate(trace="t-1", **call):
    """One of our agents begins to terminate something."""
    action = Action(
        tool="terminate_connection",
        arguments={"pid": 42},
        action_class=ActionClass.DESTRUCTIVE,
        resource=Resource(type="database", name="prod"),
        principal=AGENT,
        trace_id=trace,
    )
    known = {"resource": "database:prod", "fingerprint": fingerprint(action)}
    decision = {"effect": "require_approval"}
    record(
        "tool_invoked",
        actor=AGENT,
        action=action.tool,
        trace_id=trace,
        about=About(agent="aura", action_class="destructive"),
        data={"call": {**known, "decision": decision, **call}},
    )
    sequence()
    return action


def approved(trace):
    """An approved termination, from the request to the intent."""
    action = Action(
        tool="terminate_connection",
        arguments={"pid": 42},
        action_class=ActionClass.DESTRUCTIVE,
        resource=Resource(type="database", name="prod"),
        principal=AGENT,
        trace_id=trace,
    )
    asked = approvals.request(action, policy="default", agent="aura")
    approvals.approve(asked.pk, by=ADA)
    assert approvals.consume(asked.pk, action=action)
    return asked


def alerts():
    return list(SecurityAlert.objects.order_by("pk").values_list("type", flat=True))


def test_an_approved_termination_raises_nothing(followed):
    asked = approved("t-1")
    terminate("t-1", approvalId=str(asked.pk))
    catch_up()
    assert (alerts(), SecurityIncident.objects.count()) == ([], 0)


def test_an_unapproved_one_opens_exactly_one_incident_a_cooldown(followed):
    for _ in range(3):
        terminate()
    catch_up()
    assert alerts() == ["unauthorized_destructive"] * 3
    incident = SecurityIncident.objects.get()
    assert (incident.subject, incident.status) == ("agent:aura", "recorded")
    assert incident.note == "recorded, no bundle yet"

    SecurityIncident.objects.update(opened_at=now() - timedelta(seconds=301))
    terminate()
    catch_up()
    assert SecurityIncident.objects.count() == 2


def test_another_subject_has_a_cooldown_of_its_own(followed):
    terminate()
    record(
        "posted.tool_execution",
        actor=AGENT,
        action="delete_pod",
        about=About(agent="k8s", action_class="destructive"),
        data={"event": {"tool": {"name": "delete_pod"}}},
    )
    sequence()
    catch_up()
    subjects = SecurityIncident.objects.values_list("subject", flat=True)
    assert set(subjects) == {"agent:aura", "agent:k8s"}


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


# --- what others see ---


def page() -> str:
    registry = CollectorRegistry()
    registry.register(DatabaseGauges())
    return generate_latest(registry).decode()


def test_the_metrics_say_what_was_found(followed):
    terminate()
    terminate()
    catch_up()
    lines = page().splitlines()
    assert 'secbot_alerts_total{type="unauthorized_destructive"} 2.0' in lines
    assert 'secbot_alerts_total{type="high_volume"} 0.0' in lines
    assert "secbot_incidents_created_total 1.0" in lines
    assert 'secbot_incidents_skipped_total{reason="cooldown"} 1.0' in lines
    assert "secbot_connected 1.0" in lines
    assert "secbot_events_total 2.0" in lines
    last = next(line for line in lines if line.startswith("secbot_last_event_timestamp_seconds "))
    assert float(last.split()[1]) == pytest.approx(now().timestamp(), abs=60)


def test_a_reader_that_is_gone_is_not_connected(followed):
    SecbotCursor.objects.get_or_create(pk=1)
    SecbotCursor.objects.update(looked_at=now() - timedelta(minutes=5))
    assert "secbot_connected 0.0" in page()
    follower.be_seen()
    assert "secbot_connected 1.0" in page()


BUNDLE = {"incident_id": "0a1b2c3d", "bundle_path": "/data/incident.tar.gz", "layers": ["os"]}


@pytest.fixture
def incident(followed):
    terminate()
    catch_up()
    return SecurityIncident.objects.get()


def post(api, key, body):
    api.port = "9091"
    return api.post(f"/callback?incident={key}", body, format="json")


def test_the_callback_marks_the_incident(incident, api):
    answer = post(api, incident.key, BUNDLE)
    assert (answer.status_code, answer.json()) == (200, {"status": "received"})
    incident.refresh_from_db()
    assert (incident.status, incident.bundle, incident.note) == ("bundled", BUNDLE, "")
    assert AuditEvent.objects.filter(type="security_incident_bundled").count() == 1
    assert post(api, incident.key, BUNDLE).status_code == 200
    assert AuditEvent.objects.filter(type="security_incident_bundled").count() == 1


@pytest.mark.parametrize(
    ("key", "body", "status", "words"),
    [
        ("inc_000000000000", BUNDLE, 404, "incident not found"),
        ("", {"bundle_path": "/x"}, 400, "incident is required"),
        (None, {}, 400, "bundle_path is required"),
        (None, [1], 400, "invalid JSON"),
        (None, "{", 400, "invalid JSON"),
        ("inc_\x00", BUNDLE, 404, "not found"),
    ],
)
def test_a_callback_that_means_nothing_is_refused(incident, api, key, body, status, words):
    api.port = "9091"
    url = f"/callback?incident={incident.key if key is None else key.replace(chr(0), '%00')}"
    if isinstance(body, str):
        answer = api.post(url, body, content_type="application/json")
    else:
        answer = api.post(url, body, format="json")
    assert answer.status_code == status
    assert words in answer.json()["error"]


def test_another_bundle_of_the_same_incident_is_a_conflict(incident, api):
    post(api, incident.key, BUNDLE)
    answer = post(api, incident.key, BUNDLE | {"bundle_path": "/elsewhere"})
    assert answer.status_code == 409


def test_a_callback_is_a_post(incident, api):
    api.port = "9091"
    assert api.get("/callback").status_code == 405


def test_an_incident_that_nobody_opened_is_not_found():
    with pytest.raises(NotFound):
        incidents.keep_bundle("inc_ffffffffffff", BUNDLE, by=ADA)


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
