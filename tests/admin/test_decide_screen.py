"""Deciding and following in a real browser."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from playwright.sync_api import expect

from governance.approvals import UNSEEN
from governance.audit.sequence import sequence
from governance.models import Approval
from tests import builders
from tests.admin import stories
from tests.admin.pages import approval_page, page_of
from tests.admin.screen import NEEDS_BROWSER, PICTURES, screen
from tickets import services

pytestmark = [pytest.mark.django_db(transaction=True), NEEDS_BROWSER]


def status_of(approval: Approval) -> str:
    return Approval.objects.get(pk=approval.pk).status


@pytest.mark.parametrize(("size", "judged"), [("phone", "light"), ("desktop", "dark")])
def test_pages_where_something_is_decided_are_whole(
    browser: Any, base: str, grace: User, size: str, judged: str
) -> None:
    ticket, approval = stories.incident()
    plan = builders.pending_plan_approval(title="Deploy Redis with Sentinel")
    pages = {"incident": page_of(ticket), "request": approval_page(approval)}
    if size == "desktop" or PICTURES:
        pages["conversation"] = page_of(ticket).replace("change", "conversation")
        pages["plan"] = page_of(plan)
    faults: dict[str, list[str]] = {}
    with screen(browser, base, grace, size=size) as shown:
        for name, path in pages.items():
            shown.open(path)
            for scheme in ("light", "dark"):
                shown.page.emulate_media(color_scheme=scheme)
                shown.picture(f"{name}-{size}-{scheme}")
                if found := shown.faults(axe=scheme == judged):
                    faults[f"{name} {size} {scheme}"] = found
    assert faults == {}


def test_a_yes_to_what_may_not_come_back_takes_two_taps_on_a_phone(
    browser: Any, base: str, grace: User
) -> None:
    _, approval = stories.incident()
    with screen(browser, base, grace, size="phone") as shown:
        page = shown.open(approval_page(approval))
        page.locator(".decide-bar").get_by_role("button", name="Approve…").click()
        sure = page.get_by_role("dialog", name="This is destructive")
        expect(sure).to_contain_text("Delete pod: shop/web-6c54d8f9b7-x2x9p")
        sure.get_by_role("button", name="Back").click()
        expect(sure).to_be_hidden()
        assert status_of(approval) == "pending"
        page.locator(".decide-bar").get_by_role("button", name="Approve…").click()
        sure.get_by_role("button", name="Yes, approve").click()
        page.get_by_text("Approved. Whoever waits for it").wait_for()
        assert shown.faults(axe=False) == []
    assert status_of(approval) == "approved"


def test_without_scripts_all_of_it_works(browser: Any, base: str, grace: User) -> None:
    ticket, approval = stories.incident()
    question = builders.pending_input()
    with screen(browser, base, grace, size="phone", java_script_enabled=False) as shown:
        page = shown.open(page_of(ticket))
        page.locator(".decide-bar").get_by_role("link", name="Deny…").click()
        page.get_by_role("button", name="Deny", exact=True).click()
        page.get_by_text("Say why").wait_for()
        page.locator("#deny textarea").fill("use the read replica")
        page.get_by_role("button", name="Deny", exact=True).click()
        page.get_by_text("Denied: the agent is told why.").wait_for()
        page = shown.open(page_of(question))
        page.get_by_label("cache").check()
        page.get_by_role("button", name="Answer").click()
        page.get_by_text("Your answer is given.").wait_for()
    assert status_of(approval) == "denied"


def test_what_was_typed_is_kept_when_the_session_ends(browser: Any, base: str, grace: User) -> None:
    grace.set_password("a long pass phrase")
    grace.save()
    ticket = builders.pending_input()
    with screen(browser, base, grace, size="phone") as shown:
        page = shown.open(page_of(ticket))
        page.get_by_label("none of these").check()
        page.get_by_role("textbox", name="Own words").fill("the third one, with care")
        Session.objects.all().delete()
        page.get_by_role("button", name="Answer").click()
        page.get_by_label("Username").fill("grace")
        page.get_by_label("Password").fill("a long pass phrase")
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("heading", name="Nothing was sent yet").wait_for()
        expect(page.get_by_role("textbox", name="Own words")).to_have_value(
            "the third one, with care"
        )
        page.get_by_label("none of these").check()
        page.get_by_role("button", name="Answer").click()
        page.get_by_text("Your answer is given.").wait_for()


def test_a_page_that_has_moved_on_says_so_and_takes_its_buttons_back(
    browser: Any, base: str, grace: User
) -> None:
    ticket, approval = stories.incident()
    with screen(browser, base, grace, size="desktop") as shown:
        page = shown.open(page_of(ticket))
        page.locator("[data-live-state]", has_text="UTC").wait_for()
        services.decide_action(
            ticket, approved=False, actor=builders.ADA, reason="not now", seen=UNSEEN
        )
        sequence()
        page.get_by_text("This has moved on").wait_for()
        expect(page.get_by_role("button", name="Approve…")).to_be_disabled()
        expect(page.locator("#now .badge").first).to_have_text("The agent works")
        expect(page.locator("#timeline")).to_contain_text("denied the action: not now")
        page.get_by_role("link", name="Show how it stands").click()
        expect(page.get_by_text("This has moved on")).to_be_hidden()
    assert status_of(approval) == "denied"


def test_keys_ask_once_more_before_they_decide(browser: Any, base: str, grace: User) -> None:
    ticket = builders.pending_plan_approval()
    with screen(browser, base, grace, size="desktop") as shown:
        page = shown.open(page_of(ticket))
        page.keyboard.press("n")
        expect(page.locator("#deny textarea")).to_be_focused()
        page.locator("#deny textarea").blur()
        page.keyboard.press("y")
        asked = page.get_by_role("dialog", name="Approve the plan: Create Redis StatefulSet")
        asked.get_by_role("button", name="Approve the plan").click()
        page.get_by_text("The plan is approved.").wait_for()
    ticket.refresh_from_db()
    assert ticket.plan_approved_by == "grace"
