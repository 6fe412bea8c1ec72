"""The check of the log as a person sees it in a browser: it moves by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from governance.audit import checking
from governance.models import LogCheck
from governance.tasks import check_log
from tests.admin.pages import LOG
from tests.admin.screen import NEEDS_BROWSER, screen
from tests.governance import logbook

pytestmark = [pytest.mark.django_db(transaction=True), NEEDS_BROWSER]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that stalls is no killed worker."""
    monkeypatch.setattr(checking, "SILENT", timedelta(hours=1))


def test_the_progress_and_the_verdict_appear_by_themselves(
    browser: Any, base: str, grace: User
) -> None:
    logbook.signed_log(4)
    with screen(browser, base, grace, size="phone") as shown:
        page = shown.open(LOG)
        page.get_by_role("button", name="Verify all of it").click()
        page.get_by_text("It waits for a worker.").wait_for()
        number = LogCheck.objects.get().number
        LogCheck.objects.update(begun_at=LogCheck.objects.get().asked_at, checked=3, events=4)
        page.get_by_text("3 of 4 events are checked.").wait_for()
        assert shown.faults() == []
        LogCheck.objects.update(begun_at=None)
        check_log(number)
        page.get_by_text("The log holds: 4 events, none altered").wait_for()
        expect(page.locator("progress")).to_have_count(0)
        expect(page.locator("[data-every]")).to_have_count(0)
        assert shown.faults() == []


def test_without_scripts_the_link_shows_how_far_it_is(browser: Any, base: str, grace: User) -> None:
    logbook.signed_log(4)
    with screen(browser, base, grace, size="phone", java_script_enabled=False) as shown:
        page = shown.open(LOG)
        page.get_by_role("button", name="Verify all of it").click()
        page.get_by_text("It waits for a worker.").wait_for()
        check_log(LogCheck.objects.get().number)
        page.get_by_role("link", name="Refresh").first.click()
        page.get_by_text("The log holds: 4 events, none altered").wait_for()
        page.locator("summary", has_text="Filters").click()
        page.get_by_label("Tool").fill("delete_pod")
        page.get_by_role("button", name="Show these").click()
        page.get_by_text("No event fits.").wait_for()
        expect(page.get_by_label("Tool")).to_have_value("delete_pod")
