"""A form that is sent after its session ended: nothing is done, and what was typed comes back."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.utils.timezone import now
from playwright.sync_api import expect

from governance.models import Approval, ApprovalStatus, EmergencyReview
from governance.notices import links
from governance.types import ActionClass, Role
from tests import builders
from tests.admin.conftest import HOST, browser_of
from tests.admin.pages import (
    approval_page,
    decide_url,
    forms_in,
    forms_on,
    page_of,
    text,
    url_of,
)
from tests.admin.scene import asked
from tests.admin.screen import NEEDS_BROWSER, screen
from tests.conftest import Browser
from tests.people import person
from tickets.models import Status, Ticket

pytestmark = pytest.mark.django_db

LOGIN = "/admin/login/"
PASSWORD = "correct horse battery"
TYPED = 'Use the replica, not "web-1" <b>\u202e'
IN_HTML = "Use the replica, not &quot;web-1&quot; &lt;b&gt;"


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def lena() -> User:
    """An approver, who has just opened a page."""
    return person("lena", Role.APPROVER, password=PASSWORD)


def end_sessions() -> None:
    """As when two weeks have gone."""
    Session.objects.all().delete()


def log_in(browser: Browser, answer: Any, **more: str) -> Any:
    """Fill in the login that `answer` shows; what comes of it, wherever that leads."""
    assert "Your session has ended, and nothing was sent" in text(answer)
    fields = forms_in(answer)[LOGIN]
    sent = {**fields, "username": "lena", "password": PASSWORD, **more}
    return browser.post(LOGIN, sent, follow=True)


def pending(approval: Approval) -> bool:
    approval.refresh_from_db()
    return approval.status == ApprovalStatus.PENDING


@pytest.mark.parametrize("decision", ["approve", "deny"])
def test_the_reason_of_a_decision_comes_back_where_it_was_typed(lena, decision):
    approval = asked("delete_pod", ActionClass.DESTRUCTIVE)
    browser = browser_of(lena)
    form = forms_on(browser, approval_page(approval))[decide_url(approval)]
    end_sessions()
    sent = {**form, "decision": decision, "reason": TYPED}
    answer = browser.post(decide_url(approval), sent)
    assert answer.status_code == 403
    assert pending(approval)
    shown = log_in(browser, answer)
    assert shown.redirect_chain[-1][0] == approval_page(approval)
    assert pending(approval), "nothing is sent again by itself"
    before, _, deny = text(shown).partition('id="deny"')
    consent = before.partition('id="consent"')[2]
    assert (IN_HTML in consent) == (decision == "approve")
    assert (IN_HTML in deny) == (decision == "deny")
    again = browser.get(approval_page(approval))
    assert "Use the replica" not in text(again), "it is shown once"


def test_feedback_to_a_plan_comes_back(lena):
    ticket = builders.pending_plan_approval()
    _comes_back(lena, ticket, "decide", decision="deny", reason=TYPED)
    assert ticket.status == Status.PENDING_PLAN_APPROVAL


def test_an_answer_comes_back(lena):
    ticket = builders.pending_input()
    _comes_back(lena, ticket, "answer", answer=TYPED)
    assert ticket.status == Status.PENDING_INPUT


def test_a_changed_description_comes_back(lena):
    ticket = builders.new_ticket()
    _comes_back(lena, ticket, "edit", description=TYPED)
    assert ticket.description != TYPED


def _comes_back(lena: User, ticket: Ticket, verb: str, **filled: str) -> None:
    browser = browser_of(lena)
    form = forms_on(browser, page_of(ticket))[url_of(ticket, verb)]
    end_sessions()
    answer = browser.post(url_of(ticket, verb), {**form, **filled})
    shown = log_in(browser, answer)
    assert shown.redirect_chain[-1][0] == page_of(ticket)
    assert text(shown).count(IN_HTML) == 2, "in its field, and beside the note"
    assert "⟨U+202E⟩" in text(shown)
    ticket.refresh_from_db()


def test_a_finding_comes_back(lena):
    approval = asked("delete_pod", ActionClass.DESTRUCTIVE)
    review = EmergencyReview.objects.create(approval=approval, opened_by="linus", reason="down")
    page = f"/admin/governance/emergencyreview/{review.pk}/change/"
    close = f"/admin/governance/emergencyreview/{review.pk}/close/"
    browser = browser_of(lena)
    form = forms_on(browser, page)[close]
    end_sessions()
    shown = log_in(browser, browser.post(close, {**form, "finding": TYPED}))
    assert TYPED in forms_in(shown)[close]["finding"]
    review.refresh_from_db()
    assert review.closed_at is None


def test_a_page_that_has_no_form_any_more_shows_the_text(lena):
    approval = asked("delete_pod", ActionClass.DESTRUCTIVE)
    browser = browser_of(lena)
    form = forms_on(browser, approval_page(approval))[decide_url(approval)]
    end_sessions()
    answer = browser.post(decide_url(approval), {**form, "decision": "deny", "reason": TYPED})
    Approval.objects.update(status=ApprovalStatus.DENIED)
    shown = log_in(browser, answer)
    assert "Nothing was sent yet" in text(shown)
    assert "Use the replica" in text(shown)


def test_a_failed_login_in_between_loses_nothing(lena):
    approval = asked("delete_pod", ActionClass.DESTRUCTIVE)
    browser = Browser(HTTP_HOST=HOST)
    sent = {"decision": "deny", "reason": TYPED}
    answer = browser.post(decide_url(approval), sent)
    failed = browser.post(LOGIN, {**forms_in(answer)[LOGIN], "username": "lena", "password": "x"})
    assert "Please enter the correct" in text(failed)
    fields = forms_in(failed)[""]
    again = browser.post(LOGIN, {**fields, "username": "lena", "password": PASSWORD}, follow=True)
    assert "Use the replica" in text(again)


def test_secrets_and_passwords_are_not_kept(lena):
    browser = Browser(HTTP_HOST=HOST)
    ticket = builders.new_ticket()
    sent = {"value_0": "hunter2", "password1": "hunter2", "reason": "because"}
    answer = browser.post(url_of(ticket, "secrets"), sent)
    assert "because" in text(answer)
    assert "hunter2" not in text(answer)


def test_what_a_stranger_makes_of_the_hidden_field_harms_nobody(lena):
    for kept in (
        "x",
        "[]",
        "{}",
        '{"path": 1, "texts": {"reason": {}}, "side": 2}',
        "null",
        "[" * 100_000,
    ):
        browser = Browser(HTTP_HOST=HOST)
        sent = {"username": "lena", "password": PASSWORD, "next": "/admin/", "kept": kept}
        assert browser.post(LOGIN, sent, follow=True).status_code == 200
    elsewhere = json.dumps({"path": "//evil.example/", "texts": {"reason": "x"}, "side": ""})
    sent = {"username": "lena", "password": PASSWORD, "next": "//evil.example/", "kept": elsewhere}
    answer = Browser(HTTP_HOST=HOST).post(LOGIN, sent)
    assert "evil" not in answer["Location"]


def test_a_form_without_words_leads_to_the_login_as_any_page_does():
    ticket = builders.new_ticket()
    answer = Browser(HTTP_HOST=HOST).post(url_of(ticket, "run"))
    assert answer.status_code == 302
    assert answer["Location"].startswith(LOGIN)


# --- a page of an earlier login: its token is not good any more ---


def test_a_form_of_an_earlier_login_is_refused_in_our_frame_and_its_text_kept(lena):
    approval = asked("delete_pod", ActionClass.DESTRUCTIVE)
    browser = Browser(HTTP_HOST=HOST, enforce_csrf_checks=True)
    browser.force_login(lena)
    sent = {"decision": "approve", "reason": TYPED, "csrfmiddlewaretoken": "old"}
    answer = browser.post(decide_url(approval), sent, HTTP_ORIGIN=f"http://{HOST}")
    assert answer.status_code == 403
    assert 'class="bar"' in text(answer)
    assert "nothing was decided" in " ".join(text(answer).split())
    assert f'href="{decide_url(approval)}"' in text(answer)
    back = browser.get(decide_url(approval), follow=True)
    assert "Use the replica" in text(back)
    assert pending(approval)


def test_without_a_word_of_the_browser_that_it_was_our_page_no_text_is_kept(lena):
    approval = asked("delete_pod", ActionClass.DESTRUCTIVE)
    browser = Browser(HTTP_HOST=HOST, enforce_csrf_checks=True)
    browser.force_login(lena)
    answer = browser.post(decide_url(approval), {"reason": TYPED})
    assert answer.status_code == 403
    assert "Use the replica" not in text(browser.get(approval_page(approval)))


def test_a_login_form_without_its_cookie_is_shown_again():
    browser = Browser(HTTP_HOST=HOST, enforce_csrf_checks=True)
    answer = browser.post(LOGIN, {"username": "lena", "password": PASSWORD})
    assert answer.status_code == 403
    assert forms_in(answer)[LOGIN]["next"] == "/admin/"


# --- in a browser, without scripts ---


@NEEDS_BROWSER
@pytest.mark.django_db(transaction=True)
def test_the_login_keeps_the_place_and_what_was_typed_without_scripts(browser, base):
    person("lena", Role.APPROVER, password=PASSWORD)
    approval = asked("delete_pod", ActionClass.DESTRUCTIVE)
    with screen(browser, base, None, size="phone", java_script_enabled=False) as shown:
        page = shown.page

        def log_in() -> None:
            page.get_by_label("Username").fill("lena")
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Log in").click()

        shown.open(f"{approval_page(approval)}#decide")
        log_in()
        page.wait_for_url(f"**{approval_page(approval)}#decide")
        page.locator("#deny textarea").fill("Use the replica")
        end_sessions()
        page.locator("#deny").get_by_role("button", name="Deny").click()
        expect(page.get_by_text("Your session has ended")).to_be_visible()
        shown.picture("session-ended-phone-light")
        log_in()
        page.wait_for_url(f"**{approval_page(approval)}")
        expect(page.locator("#deny textarea")).to_have_value("Use the replica")
        shown.picture("text-is-back-phone-light")
        approval.refresh_from_db()
        assert approval.status == ApprovalStatus.PENDING
        page.locator("#deny").get_by_role("button", name="Deny").click()
        page.locator(".messagelist", has_text="Denied").wait_for()
    approval.refresh_from_db()
    assert approval.decision_reason == "Use the replica"


def without_renewals(route: Any) -> None:
    """A page that renews itself beside the test would bring the cookie back: it never hears."""
    if route.request.resource_type != "fetch":
        route.continue_()


@NEEDS_BROWSER
@pytest.mark.django_db(transaction=True)
def test_its_pages_are_whole(browser: Any, base: str) -> None:
    lena = person("lena", Role.APPROVER, password=PASSWORD)
    approval = asked("scale", ActionClass.WRITE)
    with screen(browser, base, lena, size="phone") as shown:

        def look(words: str, name: str) -> None:
            expect(page.get_by_text(words).first).to_be_visible()
            shown.said.clear()  # the browser notes the status
            assert shown.faults() == []
            shown.picture(f"{name}-phone-light")

        shown.page.route("**/*", without_renewals)
        page = shown.open(approval_page(approval))
        page.locator("#deny textarea").fill("Use the replica")
        page.context.clear_cookies(name="csrftoken")
        page.locator("#deny").get_by_role("button", name="Deny").click()
        look("This form was opened before your last login", "stale-form")
        page.get_by_role("link", name="Back to the page").click()
        expect(page.locator("#deny textarea")).to_have_value("Use the replica")
        link = links.sign(approval_page(approval), until=now() + timedelta(hours=1))
        shown.open(f"/admin/decide/{link}/")
        shown.open(f"/admin/decide/{link}/")
        look("You have used this link before", "link-used")
        shown.open("/admin/decide/x/")
        look("This link leads nowhere", "link-forged")
