"""Every page of the console in a real browser: light and dark, on a phone and on a desk."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from governance.audit.sequence import sequence
from governance.types import ActionClass, Role
from tests import builders
from tests.admin.pages import INBOX, INDEX, OPEN, approval_page
from tests.admin.scene import asked, pages
from tests.admin.screen import NEEDS_BROWSER, screen
from tests.people import person

pytestmark = [pytest.mark.django_db(transaction=True), NEEDS_BROWSER]


@pytest.mark.timeout(900)  # three dozen pages, each judged: a minute on a busy machine
@pytest.mark.parametrize(("size", "judged"), [("phone", "light"), ("desktop", "dark")])
def test_every_page_is_whole_in_light_and_dark(
    browser: Any, base: str, grace: User, size: str, judged: str
) -> None:
    """axe-core takes longest, so it judges each size in one scheme and each scheme in one size."""
    faults: dict[str, list[str]] = {}
    with screen(browser, base, grace, size=size) as shown:
        for name, path in pages(grace).items():
            shown.open(path)
            for scheme in ("light", "dark"):
                shown.page.emulate_media(color_scheme=scheme)
                shown.picture(f"{name}-{size}-{scheme}")
                if found := shown.faults(axe=scheme == judged):
                    faults[f"{name} {size} {scheme}"] = found
    assert faults == {}


def test_a_viewer_on_a_phone_is_shown_a_whole_inbox(browser: Any, base: str, grace: User) -> None:
    pages(grace)
    viewer = person("vera", Role.VIEWER)
    with screen(browser, base, viewer, size="phone") as shown:
        shown.open(INBOX)
        assert shown.faults() == []
        shown.page.get_by_role("button", name="Menu").click()
        rooms = shown.page.locator("#rooms")
        assert rooms.get_by_text("vera").is_visible()
        assert rooms.get_by_text("viewer").is_visible()
        assert rooms.get_by_role("link", name="People").count() == 0
        assert shown.faults() == []
        shown.picture("menu-phone-light")


def test_what_starts_to_wait_appears_by_itself(browser: Any, base: str, grace: User) -> None:
    with screen(browser, base, grace, size="desktop") as shown:
        page = shown.open(INBOX)
        page.get_by_text("Nothing waits for a person.").wait_for()
        page.locator("[data-live-state]", has_text="UTC").wait_for()  # connected
        builders.pending_plan_approval()
        sequence()
        page.get_by_text("Create Redis StatefulSet with Sentinel").wait_for()
        expect(page).to_have_title("(1) Inbox | Aura")
        asked("delete_pod", ActionClass.DESTRUCTIVE)  # of no ticket
        sequence()
        expect(page).to_have_title("(2) Inbox | Aura")
        assert shown.faults(axe=False) == []


def test_a_page_that_stays_as_it_is_still_counts(browser: Any, base: str, grace: User) -> None:
    with screen(browser, base, grace, size="desktop") as shown:
        page = shown.open(OPEN)
        page.get_by_label("Title").fill("What I am writing")
        asked("delete_pod", ActionClass.DESTRUCTIVE)
        sequence()
        expect(page).to_have_title("(1) Open a ticket | Aura")
        expect(page.locator("#count-inbox")).to_contain_text("1")
        expect(page.get_by_label("Title")).to_have_value("What I am writing")


def test_all_of_it_works_by_keys(browser: Any, base: str, grace: User) -> None:
    asked("delete_pod", ActionClass.DESTRUCTIVE)
    builders.pending_plan_approval()
    with screen(browser, base, grace, size="desktop") as shown:
        page = shown.open(INBOX)
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Keys and words")).to_be_visible()
        assert shown.faults() == []
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog", name="Keys and words")).to_be_hidden()
        page.keyboard.press("/")
        expect(page.locator("#searchbar")).to_be_focused()
        page.keyboard.type("jk?")
        expect(page.locator("#searchbar")).to_have_value("jk?")
        page.locator("#searchbar").blur()
        page.keyboard.press("j")
        page.keyboard.press("j")
        expect(page.locator(".inbox .open").nth(1)).to_be_focused()
        page.keyboard.press("k")
        expect(page.locator(".inbox .open").nth(0)).to_be_focused()
        page.keyboard.press("Enter")
        page.wait_for_url("**/governance/approval/**")


def test_a_key_decides_nothing_before_it_was_confirmed(
    browser: Any, base: str, grace: User
) -> None:
    approval = asked("delete_pod", ActionClass.DESTRUCTIVE)
    with screen(browser, base, grace, size="desktop") as shown:
        page = shown.open(approval_page(approval))
        page.keyboard.press("n")
        expect(page.locator("#deny_reason")).to_be_focused()  # a refusal needs one
        page.locator("#deny_reason").blur()
        page.keyboard.press("y")
        question = page.get_by_role("dialog", name="Approve")
        expect(question.get_by_role("button", name="Back")).to_be_focused()
        assert shown.faults() == []
        page.keyboard.press("Enter")
        expect(question).to_be_hidden()
        approval.refresh_from_db()
        assert approval.status == "pending"
        page.keyboard.press("y")
        question.get_by_role("button", name="approve").click()
        page.locator(".messagelist", has_text="Approved").wait_for()
        approval.refresh_from_db()
        assert approval.status == "approved"


def test_nothing_is_missing_without_scripts(browser: Any, base: str, grace: User) -> None:
    builders.pending_plan_approval()
    with screen(browser, base, grace, size="phone", java_script_enabled=False) as shown:
        page = shown.open(INBOX)
        expect(page.get_by_role("link", name="Refresh")).to_be_visible()
        expect(page.locator(".theme-toggle")).to_be_hidden()
        page.get_by_role("button", name="Menu").click()
        page.locator("#rooms").get_by_role("link", name="Tickets").click()
        page.locator("summary", has_text="Status").click()
        page.get_by_role("link", name="failed").click()
        page.wait_for_url("**status__exact=failed**")


def test_the_colours_can_be_chosen(browser: Any, base: str, grace: User) -> None:
    with screen(browser, base, grace, size="phone") as shown:
        page = shown.open(INBOX)
        paper = "getComputedStyle(document.body).backgroundColor"
        light = page.evaluate(paper)
        page.locator(".theme-toggle").click()
        assert page.evaluate(paper) != light
        shown.open(INDEX)
        assert page.evaluate(paper) != light, "the choice was forgotten"


def test_the_login_is_whole(browser: Any, base: str) -> None:
    with screen(browser, base, None, size="phone") as shown:
        page = shown.open(INDEX)
        assert shown.faults() == []
        shown.picture("login-phone-light")
        page.get_by_label("Username").fill("nobody")
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Log in").click()
        page.get_by_text("Please enter the correct username").wait_for()
        assert shown.faults() == []


def test_a_viewer_at_an_approvers_address_is_told_so_on_a_whole_page(
    browser: Any, base: str, transactional_db: None
) -> None:
    with screen(browser, base, person("vera", Role.VIEWER), size="phone") as shown:
        for path, words in (("/admin/auth/user/", "Not allowed"), ("/admin/nowhere/", "Not found")):
            page = shown.open(path)
            page.get_by_role("heading", name=words).wait_for()
            shown.said.clear()  # the browser notes the status
            assert shown.faults() == []
            shown.picture(f"{words.lower().replace(' ', '-')}-phone-light")
