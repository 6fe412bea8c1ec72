"""What the console refuses, before what it does."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User

from agents.types import WaitKind
from governance import approvals
from governance.models import Approval, ApprovalStatus, AuditEvent
from tests import builders
from tests.admin.conftest import ACT, DECIDE, LOOK, browser_of, person
from tests.admin.pages import (
    APPROVALS,
    INBOX,
    LOG,
    OPEN,
    TICKETS,
    TOKENS,
    VERIFY,
    act,
    approval_page,
    decide_url,
    forms_on,
    messages,
    page_of,
    submit,
    text,
    url_of,
)
from tickets import services
from tickets.admin.verbs import VERBS
from tickets.models import Status, Ticket

pytestmark = pytest.mark.django_db


def pending(ticket: Ticket) -> Approval:
    return Approval.objects.get(trace_id=str(ticket.pk), status=ApprovalStatus.PENDING)


def unmoved(ticket: Ticket) -> bool:
    before, events = ticket.status, AuditEvent.objects.count()
    ticket.refresh_from_db()
    return ticket.status == before and AuditEvent.objects.count() == events


# --- who may not ---


@pytest.mark.parametrize("url", [TICKETS, OPEN, INBOX, APPROVALS, LOG, TOKENS])
def test_every_page_wants_a_login(db, url):
    response = browser_of(None).get(url)
    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/")


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_getting_the_url_of_a_verb_does_nothing_and_leads_to_the_page(admin_browser, verb):
    """As a browser does that loads a page again which was the answer to a POST."""
    ticket = builders.pending_approval()
    events = AuditEvent.objects.count()
    assert admin_browser.get(url_of(ticket, verb))["Location"] == page_of(ticket)
    assert unmoved(ticket)
    assert AuditEvent.objects.count() == events


def test_getting_the_url_of_a_decision_or_of_the_check_does_nothing(admin_browser):
    approval = pending(builders.pending_approval())
    assert admin_browser.get(decide_url(approval))["Location"] == approval_page(approval)
    assert admin_browser.get(VERIFY)["Location"] == LOG
    approval.refresh_from_db()
    assert approval.status == ApprovalStatus.PENDING


def test_posting_to_a_page_is_refused(admin_browser):
    ticket = builders.pending_approval()
    assert admin_browser.post(page_of(ticket), {"title": "x"}).status_code == 405
    assert admin_browser.post(approval_page(pending(ticket))).status_code == 405
    assert admin_browser.post(INBOX).status_code == 405


def test_a_form_without_its_csrf_token_is_refused(grace):
    ticket = builders.pending_plan_approval()
    browser = browser_of(grace, enforce_csrf_checks=True)
    approval = pending(ticket)
    sent = {"decision": "approve", "request": approval.pk, "fingerprint": approval.fingerprint}
    assert browser.post(url_of(ticket, "decide"), sent).status_code == 403
    assert browser.post(decide_url(approval), sent).status_code == 403
    assert unmoved(ticket)


def test_a_form_with_its_csrf_token_is_taken(grace):
    ticket = builders.new_ticket()
    browser = browser_of(grace, enforce_csrf_checks=True)
    assert act(browser, ticket, "run").status_code == 302
    ticket.refresh_from_db()
    assert ticket.status == Status.PLANNING


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_one_who_may_only_look_sees_no_buttons_and_is_forbidden(db, verb):
    ticket = builders.pending_approval()
    browser = browser_of(person("visitor", *LOOK))
    assert [u for u in forms_on(browser, page_of(ticket)) if "/do/" in u] == []
    assert browser.post(url_of(ticket, verb), {}).status_code == 403
    assert unmoved(ticket)


def test_one_who_may_act_and_not_decide_cannot_decide(db):
    ticket = builders.pending_plan_approval()
    browser = browser_of(person("operator", *ACT))
    assert url_of(ticket, "decide") not in forms_on(browser, page_of(ticket))
    assert url_of(ticket, "cancel") in forms_on(browser, page_of(ticket))
    approval = pending(ticket)
    sent = {"decision": "approve", "fingerprint": approval.fingerprint}
    assert browser.post(url_of(ticket, "decide"), sent).status_code == 403
    assert browser.post(decide_url(approval), sent).status_code == 403
    assert forms_on(browser, approval_page(approval)).get(decide_url(approval)) is None


def test_one_who_may_decide_and_not_act_cannot_act(db):
    ticket = builders.pending_plan_approval()
    browser = browser_of(person("approver", *DECIDE))
    assert url_of(ticket, "decide") in forms_on(browser, page_of(ticket))
    assert url_of(ticket, "cancel") not in forms_on(browser, page_of(ticket))
    assert browser.post(url_of(ticket, "cancel"), {}).status_code == 403


@pytest.mark.parametrize("url", [TICKETS, OPEN, INBOX, APPROVALS, LOG, TOKENS])
def test_staff_without_permissions_see_no_page(db, url):
    assert browser_of(person("nobody")).get(url).status_code == 403


def test_staff_without_permissions_see_no_ticket_and_no_request(db):
    ticket = builders.pending_approval()
    browser = browser_of(person("nobody"))
    assert browser.get(page_of(ticket)).status_code == 403
    assert browser.get(approval_page(pending(ticket))).status_code == 403
    assert browser.post(VERIFY).status_code == 403


def test_nothing_of_the_record_can_be_added_changed_or_deleted(admin_browser):
    ticket = builders.resolved()
    event = AuditEvent.objects.latest("pk")
    approval = Approval.objects.latest("requested_at")
    for url in (
        f"{LOG}add/",
        f"{LOG}{event.pk}/delete/",
        f"{APPROVALS}add/",
        f"{APPROVALS}{approval.pk}/delete/",
        f"{TICKETS}{ticket.pk}/delete/",
    ):
        assert admin_browser.get(url).status_code == 403, url
        assert admin_browser.post(url, {"post": "yes"}).status_code == 403, url
    assert Ticket.objects.filter(pk=ticket.pk).exists()


def test_the_list_of_tickets_offers_no_deletion(admin_browser):
    ticket = builders.new_ticket()
    sent = {"action": "delete_selected", "_selected_action": [str(ticket.pk)], "post": "yes"}
    admin_browser.post(TICKETS, sent)
    assert Ticket.objects.filter(pk=ticket.pk).exists()


# --- decisions on what is not there ---


def test_a_stale_fingerprint_decides_nothing(admin_browser):
    ticket = builders.pending_plan_approval()
    response = act(
        admin_browser, ticket, "decide", decision="approve", fingerprint="0" * 64, reason="fine"
    )
    assert response.status_code == 409
    assert "Something else waits by now" in messages(admin_browser, response)
    assert ">fine</textarea>" in text(response).replace("\n", "")
    assert pending(ticket).status == ApprovalStatus.PENDING
    assert unmoved(ticket)


def test_a_request_that_was_put_anew_is_not_decided_by_the_old_page(admin_browser):
    ticket = builders.pending_approval()
    shown = forms_on(admin_browser, page_of(ticket))[url_of(ticket, "decide")]
    services.decide_action(ticket, approved=False, actor=builders.ADA, reason="no")
    call = ticket.run.calls.get(tool="git_delete_file")
    first = call.approval
    with builders.worker(ticket) as journal:
        builders.done(journal, call, "Denied")
        again = builders.says(journal, "git_delete_file", path="redis/old.yaml")
        again.resource = "file:redis/old.yaml"
        builders.parked(journal, again, WaitKind.APPROVAL)
    assert again.approval.fingerprint == first.fingerprint
    response = admin_browser.post(url_of(ticket, "decide"), {**shown, "decision": "approve"})
    assert response.status_code == 409
    assert pending(ticket).pk == again.approval.pk


def test_approving_twice_says_that_it_was_decided(admin_browser):
    ticket = builders.pending_plan_approval()
    shown = forms_on(admin_browser, page_of(ticket))[url_of(ticket, "decide")]
    sent = {**shown, "decision": "approve"}
    assert admin_browser.post(url_of(ticket, "decide"), sent).status_code == 302
    second = admin_browser.post(url_of(ticket, "decide"), sent)
    assert second.status_code == 409
    assert "decided already" in messages(admin_browser, second)
    approved = AuditEvent.objects.filter(trace_id=str(ticket.pk), type="plan_approved")
    assert approved.count() == 1


def test_a_request_is_decided_once_from_its_own_page_too(admin_browser):
    approval = pending(builders.pending_approval())
    shown = forms_on(admin_browser, approval_page(approval))[decide_url(approval)]
    approvals.deny(approval.pk, by=builders.ADA, reason="no")
    response = admin_browser.post(decide_url(approval), {**shown, "decision": "approve"})
    assert response.status_code == 400
    assert "no pending approval" in messages(admin_browser, response)
    approval.refresh_from_db()
    assert approval.status == ApprovalStatus.DENIED


def test_a_request_with_another_fingerprint_is_not_decided_from_its_own_page(admin_browser):
    approval = pending(builders.pending_approval())
    response = submit(
        admin_browser,
        approval_page(approval),
        decide_url(approval),
        decision="approve",
        fingerprint="f" * 64,
    )
    assert response.status_code == 409
    approval.refresh_from_db()
    assert approval.status == ApprovalStatus.PENDING


def test_what_the_ticket_has_left_behind_is_not_possible_any_more(admin_browser):
    ticket = builders.pending_input()
    shown = forms_on(admin_browser, page_of(ticket))[url_of(ticket, "answer")]
    services.cancel_ticket(ticket, actor=builders.ADA)
    response = admin_browser.post(url_of(ticket, "answer"), shown)
    assert "not possible any more" in messages(admin_browser, response)
    assert admin_browser.post(url_of(ticket, "cancel"), {}).status_code == 400
    assert admin_browser.post(url_of(ticket, "resume"), {}).status_code == 400


def test_running_a_ticket_that_waits_shows_what_to_do_instead(admin_browser):
    ticket = builders.pending_plan_approval()
    response = admin_browser.post(url_of(ticket, "run"), {})
    assert response.status_code == 400
    assert "approve-plan" in messages(admin_browser, response)


def test_a_ticket_that_is_not_there_leads_to_the_list(admin_browser):
    for key in ("00000000-0000-4000-8000-000000000000", "nonsense"):
        response = admin_browser.get(f"{TICKETS}{key}/change/")
        assert response["Location"] == TICKETS
    absent = Ticket(title="x", description="x")
    assert admin_browser.post(url_of(absent, "run"), {}).status_code == 302
    assert admin_browser.post(url_of(builders.new_ticket(), "explode"), {}).status_code == 404


# --- forms that were not filled in well ---


@pytest.mark.parametrize(
    ("builder", "complaint"),
    [
        (builders.pending_plan_approval, "the agent is told so"),
        (builders.pending_approval, "the agent is told so"),
    ],
)
def test_a_refusal_without_a_reason_is_asked_for_one(admin_browser, builder, complaint):
    ticket = builder()
    response = act(admin_browser, ticket, "decide", decision="deny", reason="  ")
    assert response.status_code == 200
    assert complaint in text(response)
    assert re.search(r"<textarea[^>]* autofocus", text(response)), "the complaint is out of sight"
    assert unmoved(ticket)


def test_an_empty_answer_is_refused(admin_browser):
    ticket = builders.pending_input()
    response = act(admin_browser, ticket, "answer", answer=" ")
    assert response.status_code == 200
    assert "Write an answer or choose one" in text(response)
    assert unmoved(ticket)


def test_an_option_and_own_words_together_are_refused_and_kept(admin_browser):
    ticket = builders.pending_input()
    response = act(admin_browser, ticket, "answer", choice="1", answer="the one of last week")
    assert "not both" in text(response)
    assert "the one of last week</textarea>" in text(response)
    assert unmoved(ticket)


def test_an_option_that_was_not_offered_is_refused(admin_browser):
    ticket = builders.pending_input()
    assert act(admin_browser, ticket, "answer", choice="7").status_code == 200
    assert unmoved(ticket)


def test_a_reason_that_is_too_long_is_refused_and_kept(admin_browser):
    ticket = builders.pending_approval()
    response = act(admin_browser, ticket, "decide", decision="deny", reason="x" * 10_001)
    assert "at most 10000 characters" in text(response)
    assert "x" * 10_001 in text(response)
    assert unmoved(ticket)


@pytest.mark.parametrize("turns", ["0", "-1", "many", "100001"])
def test_turns_that_are_no_sensible_number_are_refused(admin_browser, turns):
    ticket = builders.paused()
    assert act(admin_browser, ticket, "resume", additional_turns=turns).status_code == 200
    assert unmoved(ticket)


def test_resuming_without_turns_left_says_how_many_are_needed(admin_browser):
    ticket = builders.paused()
    response = act(admin_browser, ticket, "resume")
    assert response.status_code == 400
    assert "1 of 1 turns are used" in messages(admin_browser, response)


@pytest.mark.parametrize(
    "changed", [{"title": " "}, {"description": ""}, {"max_turns": "0"}, {"priority": "urgent"}]
)
def test_a_bad_edit_is_refused_and_kept(admin_browser, changed):
    ticket = builders.new_ticket()
    good = {"title": "Another", "description": "Words", "priority": "low", "max_turns": "7"}
    response = act(admin_browser, ticket, "edit", **(good | changed))
    assert response.status_code == 200
    assert "errorlist" in text(response)
    ticket.refresh_from_db()
    assert ticket.title == "Deploy Redis cluster"


def test_fewer_turns_than_were_taken_are_refused_with_the_number(admin_browser):
    ticket = builders.pending_approval()
    assert ticket.current_turn == 2
    response = act(admin_browser, ticket, "edit", priority="low", max_turns="1")
    assert response.status_code == 400
    assert "at least 2" in messages(admin_browser, response)


def test_an_edit_of_what_somebody_else_changed_is_refused_once_and_kept(admin_browser):
    ticket = builders.new_ticket()
    shown = forms_on(admin_browser, page_of(ticket))[url_of(ticket, "edit")]
    services.update_ticket(ticket, changes={"priority": "critical"}, actor=builders.ADA)
    sent = {**shown, "title": "Mine", "priority": "medium"}
    response = admin_browser.post(url_of(ticket, "edit"), sent)
    assert response.status_code == 409
    assert "Somebody else changed" in messages(admin_browser, response)
    assert 'value="Mine"' in text(response)
    ticket.refresh_from_db()
    assert (ticket.title, ticket.priority) == ("Deploy Redis cluster", "critical")


@pytest.mark.parametrize("missing", ["title", "description"])
def test_a_ticket_without_title_or_description_is_not_opened(admin_browser, missing):
    words = {"title": "A", "description": "B", "priority": "low", "max_turns": "5"}
    response = submit(admin_browser, OPEN, "", **(words | {missing: "   "}))
    assert response.status_code == 200
    assert not Ticket.objects.exists()


def test_one_who_may_only_look_opens_no_ticket(db):
    browser = browser_of(person("visitor", *LOOK))
    assert browser.post(OPEN, {"title": "A", "description": "B"}).status_code == 403


@pytest.mark.parametrize("name", ["q", "type", "status__exact"])
def test_a_query_with_a_null_byte_is_refused_and_no_server_error(admin_browser, name):
    for url in (TICKETS, LOG, APPROVALS):
        assert admin_browser.get(url, {name: "a\x00b"}).status_code == 400


def test_an_unknown_filter_is_no_server_error(admin_browser):
    for url in (TICKETS, LOG, APPROVALS):
        assert admin_browser.get(url, {"status": "nope", "type": "nope"}).status_code in {200, 302}


def test_the_logged_in_name_is_the_actor_whatever_the_form_says(admin_browser, grace: User):
    ticket = builders.pending_plan_approval()
    act(admin_browser, ticket, "decide", decision="approve", approvedBy="mallory", actor="mallory")
    ticket.refresh_from_db()
    assert ticket.plan_approved_by == grace.username
