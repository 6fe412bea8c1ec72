"""secbot opens an incident, and gets its bundle."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils.timezone import now

from agents.helpdesk import drive
from agents.incident import commands
from agents.models import HelpdeskTask, Incident
from governance.audit.record import data_of
from governance.models import AuditEvent, SecbotCursor, SecurityAlert, SecurityIncident
from governance.secbot import incidents
from governance.secbot.alerts import Alert, AlertType
from governance.secbot.events import SECBOT, read
from governance.secbot.limits import configured
from tests.agents.incident.bundling import bundled, unpacked

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(commands, "OS", {"uname": ("uname", "-a")})
    monkeypatch.setattr(commands, "STORAGE", {"df": ("df", "-h")})


def raised(settings, **given) -> SecurityIncident | None:
    """secbot raises an alert, as it does when it reads the log."""
    cursor, _ = SecbotCursor.objects.get_or_create(pk=1)
    usual = {"type": AlertType.DENIAL_BURST, "subject": "user:eve", "message": "many", "at": now()}
    with transaction.atomic():
        row = incidents.raise_alert(
            Alert(**{**usual, **given}), cursor, cooldown=configured(settings.AURA).cooldown
        )
    return row.incident


def test_an_incident_of_secbot_has_its_bundle_and_knows_it(settings):
    opened = raised(settings, event="evt_0123456789abcdef", trace_id="tr_bad")
    task = HelpdeskTask.objects.get()
    assert (task.principal, task.trace_id) == (SECBOT, opened.key)
    drive.advance(task.run_id)
    made = Incident.objects.get()
    assert made.layers == ["os", "storage"]
    assert made.infra_key == "security-incident"
    assert made.description == (
        "Security alert: denial_burst (event: evt_0123456789abcdef, trace: tr_bad)"
    )
    assert set(unpacked(made.path)) == {"manifest.json", "os/uname.txt", "storage/df.txt"}
    opened.refresh_from_db()
    assert (opened.status, opened.bundle) == ("bundled", made.as_result())
    told = AuditEvent.objects.get(type="security_incident_bundled")
    assert data_of(told.body)["data"]["payload"]["bundle"]["incident_id"] == made.key


def test_a_repetition_within_the_cooldown_asks_for_no_second_bundle(settings):
    assert raised(settings) is not None
    assert raised(settings) is None
    assert HelpdeskTask.objects.count() == 1


def test_an_incident_that_is_open_still_gets_a_newer_bundle_after_the_cooldown(settings):
    """Exactly one for each cooldown; the incident keeps the first, and both are filed under it."""
    opened = raised(settings)
    drive.advance(HelpdeskTask.objects.get().run_id)
    again = raised(settings, at=now() + timedelta(seconds=301))
    assert again == opened
    drive.advance(HelpdeskTask.objects.latest("created_at").run_id)
    first, second = Incident.objects.filter(trace_id=opened.key).order_by("pk")
    opened.refresh_from_db()
    assert opened.bundle == first.as_result()
    assert second.key != first.key


def test_what_the_bundle_does_counts_as_secbots_own_traffic(settings):
    opened = raised(settings)
    drive.advance(HelpdeskTask.objects.get().run_id)
    told = AuditEvent.objects.filter(trace_id=opened.key).exclude(type__startswith="security_")
    assert told.count() >= 2
    assert all(read(1, bytes(event.body)).own for event in told)


def test_the_alert_stays_when_nobody_can_be_asked_for_a_bundle(settings, monkeypatch):
    from agents.helpdesk import tasks
    from aura.kernel.errors import Unavailable

    def refuse(*_: object, **__: object) -> None:
        raise Unavailable("no")

    monkeypatch.setattr(tasks, "call", refuse)
    opened = raised(settings)
    assert SecurityAlert.objects.count() == 1
    assert (opened.status, opened.note) == ("recorded", "recorded, no bundle yet")


def test_nobody_else_can_file_a_bundle_under_an_incident_of_secbot(settings):
    opened = raised(settings)
    SecurityIncident.objects.filter(pk=opened.pk).update(key="tr_bundle")
    bundled()
    opened.refresh_from_db()
    assert opened.bundle is None
