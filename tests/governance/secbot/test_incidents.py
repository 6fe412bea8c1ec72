"""Alerts become incidents, one in a cooldown and one at a time; others see them, bring bundles."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now
from prometheus_client import CollectorRegistry, generate_latest

from aura.kernel.errors import NotFound
from aura.surfaces.gauges import DatabaseGauges
from governance.audit.record import data_of, record
from governance.audit.sequence import sequence
from governance.models import AuditEvent, SecbotCursor, SecurityAlert, SecurityIncident
from governance.secbot import closing, follower, incidents
from governance.types import About
from tests.builders import ADA
from tests.governance.secbot.acts import AGENT, alerts, catch_up, cooled_down, terminate

pytestmark = pytest.mark.django_db


def test_an_unapproved_one_opens_exactly_one_incident_a_cooldown(followed):
    for _ in range(3):
        terminate()
    catch_up()
    assert alerts() == ["unauthorized_destructive"] * 3
    incident = SecurityIncident.objects.get()
    assert (incident.subject, incident.status) == ("agent:aura", "recorded")
    assert incident.note == "recorded, no bundle yet"

    cooled_down()
    closing.close(incident.pk, by=ADA, reason="a test")
    terminate()
    catch_up()
    assert SecurityIncident.objects.count() == 2


def test_while_one_is_open_a_repetition_counts_on_it(followed):
    terminate()
    catch_up()
    for _ in range(2):
        cooled_down()
        terminate()
        terminate()
        catch_up()
    incident = SecurityIncident.objects.get()
    belongs = SecurityAlert.objects.order_by("pk").values_list("incident", flat=True)
    assert list(belongs) == [incident.pk, incident.pk, None, incident.pk, None]
    told = AuditEvent.objects.filter(type="security_alert").order_by("pk")
    repeats = [data_of(event.body)["data"]["payload"].get("repeats") for event in told]
    assert repeats == [None, 1, 1, 3, 1]
    assert AuditEvent.objects.filter(type="security_incident_recorded").count() == 1
    lines = page().splitlines()
    assert "secbot_incidents_created_total 3.0" in lines
    assert 'secbot_incidents_skipped_total{reason="cooldown"} 2.0' in lines


def test_what_was_closed_within_the_cooldown_is_not_opened_again_in_it(followed):
    terminate()
    catch_up()
    cooled_down()
    terminate()
    catch_up()
    closing.close(SecurityIncident.objects.get().pk, by=ADA, reason="a test")
    terminate()
    catch_up()
    assert SecurityIncident.objects.count() == 1


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
