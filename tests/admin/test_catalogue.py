"""What there is to work with, as the console shows it: alerts and the inventory."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from tests import builders
from tests.admin.conftest import browser_of, person
from tests.admin.pages import page_of, text
from tests.admin.screen import NEEDS_BROWSER, screen
from tests.admin.stories import alert_of

ALERTS = "/admin/tickets/alert/"
INVENTORY = "/admin/inventory/"
HOSTILE = "<script>alert(1)</script>\u202eback"
INFRA = {
    "db_servers": {
        "shop": {
            "name": HOSTILE,
            "connection_string": "host=db.example.com user=root password=s3cret dbname=shop",
            "password_env": "SHOP_PASSWORD",
            "aliases": ["prod-db", f"old{HOSTILE}"],
            "tags": ["production"],
            "sensitivity": ["pii"],
        }
    },
    "k8s_clusters": {"main": {"name": "Main", "context": "k3s", "tags": ["production"]}},
    "vms": {"old": {"name": "Old", "address": "10.0.0.7", "tags": []}},
}


@pytest.fixture
def infra(tmp_path, monkeypatch) -> Any:
    """Write the file of the inventory: `infra(text)`."""
    file = tmp_path / "infra.json"

    def write(said: str) -> None:
        file.write_text(said)
        config = settings.AURA.model_copy(update={"infra_config": file})
        monkeypatch.setattr(settings, "AURA", config)

    return write


@pytest.mark.parametrize("path", [ALERTS, INVENTORY])
def test_who_may_not_see_tickets_sees_none_of_it(db, path):
    assert browser_of(person("lou", "governance.view_auditevent")).get(path).status_code == 403
    assert browser_of(None).get(path).status_code == 302
    assert browser_of(person("vic", "tickets.view_ticket")).get(path).status_code == 200


def test_an_alert_leads_to_its_ticket_and_cannot_be_changed(admin_browser):
    ticket = builders.new_ticket(title=HOSTILE)
    alert = alert_of(ticket, name=HOSTILE)
    alert_of(ticket, name="Disk", resolved_at=now())
    page = text(admin_browser.get(ALERTS))
    assert f'href="{page_of(ticket)}"' in page
    assert "<script>alert" not in page
    assert "\u202e" not in page
    firing = text(admin_browser.get(f"{ALERTS}?state=firing"))
    assert "Disk" not in firing
    assert "alert(1)" in firing
    assert admin_browser.get(f"{ALERTS}add/").status_code == 403
    assert admin_browser.post(f"{ALERTS}{alert.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_page_of_alerts_costs_as_many_queries_as_one_alert(admin_browser):
    ticket = builders.new_ticket()
    alert_of(ticket)
    one = queries_of(admin_browser)
    for _ in range(5):
        alert_of(builders.new_ticket())
    assert queries_of(admin_browser) == one


def queries_of(browser: Any) -> int:
    with CaptureQueriesContext(connection) as captured:
        browser.get(ALERTS)
    return len(captured)


def test_the_inventory_is_shown_without_its_secrets(admin_browser, infra):
    infra(json.dumps(INFRA))
    page = text(admin_browser.get(INVENTORY))
    assert "db.example.com:5432/shop" in page
    assert "pii" in page
    assert "also called" in page
    assert "<bdi>prod-db</bdi>," in page
    assert "k3s" in page
    assert "10.0.0.7" in page
    for hidden in ("s3cret", "SHOP_PASSWORD", "root", "<script>alert", "\u202e"):
        assert hidden not in page


def test_an_inventory_that_cannot_be_read_says_so(admin_browser, infra):
    infra("{")
    assert "cannot be read" in text(admin_browser.get(INVENTORY))


def test_nothing_registered_says_how(admin_browser, infra):
    infra("{}")
    assert "HELPDESK_INFRA_CONFIG" in text(admin_browser.get(INVENTORY))


@NEEDS_BROWSER
@pytest.mark.django_db(transaction=True)
def test_they_are_whole_on_a_phone(browser: Any, base: str, grace: Any, infra: Any) -> None:
    infra(json.dumps(INFRA))
    alert_of(builders.new_ticket(title="A pod restarts"))
    with screen(browser, base, grace, size="phone") as shown:
        for name, path in (("alerts-all", ALERTS), ("inventory-full", INVENTORY)):
            shown.open(path)
            shown.picture(f"{name}-phone-light")
            assert shown.faults() == [], name
