"""A page hears of things again after its connection was lost in a way no browser mends."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from playwright.sync_api import Route, expect

from governance.audit.sequence import sequence
from tests import builders
from tests.admin.pages import INBOX
from tests.admin.screen import NEEDS_BROWSER, PATIENCE_MS, screen

pytestmark = [pytest.mark.django_db(transaction=True), NEEDS_BROWSER]
STREAM = "**/api/stream?*"


def test_after_a_proxys_answer_in_place_of_the_stream(browser: Any, base: str, grace: User) -> None:
    refused = []

    def refuse_once(route: Route) -> None:
        refused.append(route)
        route.continue_() if len(refused) > 1 else route.fulfill(status=502, body="starting")

    with screen(browser, base, grace, size="desktop") as shown:
        shown.page.route(STREAM, refuse_once)
        page = shown.open(INBOX)
        page.locator("[data-live-state]", has_text="UTC").wait_for()
        builders.pending_plan_approval()
        sequence()
        expect(page).to_have_title("(1) Inbox | Aura")
    assert len(refused) == 2


def test_after_a_laptop_slept_and_the_connection_died_without_a_word(
    browser: Any, base: str, grace: User
) -> None:
    with screen(browser, base, grace, size="desktop") as shown:
        shown.page.clock.install()
        page = shown.open(INBOX)
        page.locator("[data-live-state]", has_text="UTC").wait_for()
        with page.expect_request(STREAM, timeout=PATIENCE_MS):
            page.clock.fast_forward("02:00")
            page.locator("[data-live-state]", has_text="not connected").wait_for()
            page.clock.fast_forward("00:05")


def test_who_is_logged_out_is_told_and_leaves_the_connection_to_others(
    browser: Any, base: str, grace: User
) -> None:
    with screen(browser, base, grace, size="desktop") as shown:
        shown.page.route(STREAM, lambda route: route.fulfill(status=401, body="no"))
        page = shown.open(INBOX)
        Session.objects.all().delete()
        page.locator("[data-live-state]", has_text="logged out").wait_for()
        page.wait_for_function("async () => !(await navigator.locks.query()).held.length")
