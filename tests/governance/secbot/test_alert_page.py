"""The console's list of alerts."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from governance.audit.record import record
from governance.models import SecurityAlert, SecurityIncident
from governance.types import Role
from tests.admin.conftest import browser_of
from tests.builders import ADA
from tests.people import person

pytestmark = pytest.mark.django_db

PAGE = "/admin/governance/securityalert/"


def alert(number=0, **given):
    event = record("something_happened", actor=ADA, action="did")
    usual = {
        "type": "unauthorized_destructive",
        "severity": "critical",
        "subject": f"agent:{number}",
        "message": "ran <b>it</b>\x1b",
        "event_key": event.key,
        "at": now(),
    }
    return SecurityAlert.objects.create(**(usual | given)), event


def test_an_alert_leads_to_its_event_and_its_incident():
    opened = SecurityIncident.objects.create(
        type="x", subject="y", note="recorded, no bundle yet", opened_at=now()
    )
    _, event = alert(incident=opened)
    alert(1)
    page = browser_of(person("vic", Role.VIEWER, is_staff=True)).get(PAGE).content.decode()
    assert f'href="/admin/governance/auditevent/{event.pk}/change/"' in page
    assert f'/securityincident/{opened.pk}/change/">{opened.key}</a>: open' in page
    assert "a repetition" in page
    assert "<b>it</b>" not in page


def test_an_event_that_is_gone_is_named():
    alert(event_key="evt_ffffffffffff")
    page = browser_of(person("vic", Role.VIEWER, is_staff=True)).get(PAGE).content.decode()
    assert "evt_ffffffffffff" in page


def test_a_longer_list_asks_no_more_questions():
    browser = browser_of(person("vic", Role.VIEWER, is_staff=True))

    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(PAGE).status_code == 200
        return len(captured)

    alert()
    first = asked()
    for number in range(20):
        alert(number)
    assert asked() == first


def test_it_is_for_readers_of_the_log_and_nobody_writes_it():
    assert browser_of(person("nora", is_staff=True)).get(PAGE).status_code == 302  # to the login
    viewer = browser_of(person("vic", Role.ADMIN, is_staff=True))
    assert viewer.get(f"{PAGE}add/").status_code == 403
