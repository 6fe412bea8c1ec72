"""Bundles in the console."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.incident import commands
from agents.models import Incident
from governance.models import AuditEvent
from governance.types import Role
from tests.admin.conftest import browser_of
from tests.agents.incident.bundling import bundled
from tests.people import person

pytestmark = pytest.mark.django_db

LIST = "/admin/agents/incident/"
HOSTILE = "<script>alert(1)</script>\u202ehidden"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(commands, "OS", {"uname": ("uname", "-a"), "gone": ("no-such-command",)})
    monkeypatch.setattr(commands, "STORAGE", {})


@pytest.fixture
def made() -> Incident:
    bundled(infra_key="prod-db", description=HOSTILE)
    return Incident.objects.get()


@pytest.fixture
def olga():
    return browser_of(person("olga", Role.OPERATOR, is_staff=True))


def page_of(incident: Incident) -> str:
    return f"{LIST}{incident.pk}/change/"


def test_the_list_leads_to_the_page_with_manifest_and_errors(made, olga):
    listed = olga.get(LIST).content.decode()
    assert made.key in listed
    assert "prod-db" in listed
    page = olga.get(page_of(made)).content.decode()
    assert made.sha256 in page
    assert "&quot;incident_id&quot;" in page
    assert "no-such-command is not installed" in page
    for shown in (listed, page):
        assert "<script>alert" not in shown
        assert "\u202e" not in shown


def test_a_download_is_the_archive_and_is_told_in_the_log(made, olga):
    answer = olga.post(f"{LIST}{made.pk}/download/")
    assert answer.content == Path(made.path).read_bytes()
    assert answer["Content-Type"] == "application/gzip"
    assert answer["Content-Disposition"] == f'attachment; filename="{made.name}.tar.gz"'
    event = AuditEvent.objects.get(type="incident_downloaded")
    assert (event.actor_name, event.action, event.trace_id) == ("olga", made.key, "tr_bundle")


def test_looking_at_the_address_downloads_nothing(made, olga):
    assert olga.get(f"{LIST}{made.pk}/download/").status_code == 302
    assert not AuditEvent.objects.filter(type="incident_downloaded").exists()


def test_it_is_for_operators(made):
    viewer = browser_of(person("vic", Role.VIEWER, is_staff=True))
    assert viewer.get(LIST).status_code == 403
    assert viewer.get(page_of(made)).status_code == 403
    assert viewer.post(f"{LIST}{made.pk}/download/").status_code == 403
    assert browser_of(None).post(f"{LIST}{made.pk}/download/").status_code == 302
    assert not AuditEvent.objects.filter(type="incident_downloaded").exists()


def test_nobody_writes_or_removes_one(made, olga):
    assert olga.get(f"{LIST}add/").status_code == 403
    assert olga.post(page_of(made)).status_code == 405
    assert olga.post(f"{LIST}{made.pk}/delete/").status_code == 403


def test_an_archive_that_was_changed_is_not_handed_out(made, olga):
    with Path(made.path).open("ab") as file:
        file.write(b"x")
    page = olga.post(f"{LIST}{made.pk}/download/", follow=True).content.decode()
    assert "was changed since it was written" in page
    assert not AuditEvent.objects.filter(type="incident_downloaded").exists()


def test_an_archive_that_is_not_here_is_said_to_be_elsewhere(made, olga):
    Path(made.path).unlink()
    page = olga.post(f"{LIST}{made.pk}/download/", follow=True).content.decode()
    assert "is not on this machine" in page


def test_a_longer_list_asks_no_more_questions(made, olga):
    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert olga.get(LIST).status_code == 200
        return len(captured)

    asked()
    first = asked()
    for _ in range(3):
        bundled()
    assert asked() == first
