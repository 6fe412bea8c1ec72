"""What the console's pages show, and that they stay quick as the tables grow."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from agents.types import WaitKind
from governance import identity
from governance.audit.sequence import sequence
from governance.models import ApiToken, Approval, AuditEvent, AuditLink
from governance.types import SYSTEM
from tests import builders
from tests.admin.conftest import browser_of, person
from tests.admin.pages import (
    APPROVALS,
    INBOX,
    INDEX,
    LOG,
    OPEN,
    TICKETS,
    TOKENS,
    approval_page,
    messages,
    page_of,
    submit,
    text,
    words_in,
)
from tests.builders import executing, pending_plan_approval
from tests.conftest import Browser
from tickets.events import AGENT, tell
from tickets.models import Status, Ticket

pytestmark = pytest.mark.django_db


def words(response: Any) -> str:
    """The page's text, without markup."""
    return words_in(text(response))


def queries(browser: Browser, url: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert browser.get(url).status_code == 200
    return len(captured)


# --- first page and list ---


def test_the_first_page_says_that_nothing_waits(admin_browser):
    assert "Nothing waits for you" in words(admin_browser.get(INDEX))


def test_the_first_page_counts_what_waits_and_leads_there(admin_browser):
    builders.pending_plan_approval()
    builders.pending_approval()
    builders.pending_input()
    response = admin_browser.get(INDEX)
    assert "3 things wait for a person" in words(response)
    assert f'href="{INBOX}"' in text(response)


def test_the_first_page_counts_one_thing_as_one(admin_browser):
    builders.pending_approval()
    assert "1 thing waits for a person" in words(admin_browser.get(INDEX))


def test_the_first_page_counts_tickets_that_stand_still_apart(admin_browser):
    builders.failed()
    shown = words(admin_browser.get(INDEX))
    assert "Nothing waits for you 1 ticket stands still , paused or failed." in shown
    assert "You may start it again" in shown


def test_the_list_filters_searches_and_points_to_what_waits(admin_browser):
    waits = builders.pending_input(title="Redis", priority="high")
    builders.resolved(title="Nginx", description="two replicas")
    shown = text(admin_browser.get(TICKETS))
    assert f'href="{page_of(waits)}#decide">needs you' in shown
    assert shown.count("needs you") == 1
    assert "Nginx" not in text(admin_browser.get(TICKETS, {"priority__exact": "high"}))
    assert "Redis" not in text(admin_browser.get(TICKETS, {"status__exact": "resolved"}))
    assert "Redis" not in text(admin_browser.get(TICKETS, {"q": "replicas"}))


# --- a ticket's page ---


def test_a_ticket_page_names_everything_a_decision_on_a_plan_needs(admin_browser):
    ticket = builders.pending_plan_approval()
    approval = Approval.objects.get(trace_id=str(ticket.pk))
    shown = words(admin_browser.get(page_of(ticket)))
    for part in (
        "The plan waits for a decision",
        "Create Redis StatefulSet with Sentinel",
        "Write the StatefulSet",
        "redis/set.yaml",
        "Data namespace may already exist",
        "argo_sync",
        approval.fingerprint,
        "agent:aura",
    ):
        assert part in shown


def test_what_is_shown_of_a_waiting_plan_is_what_the_fingerprint_binds(admin_browser):
    ticket = builders.pending_plan_approval()
    Ticket.objects.filter(pk=ticket.pk).update(plan={**builders.PLAN, "summary": "Another plan"})
    shown = words(admin_browser.get(page_of(ticket)))
    assert "Create Redis StatefulSet" in shown
    assert "Another plan" not in shown.split("What happened")[0]


def test_a_ticket_page_names_everything_a_decision_on_an_action_needs(admin_browser):
    ticket = builders.pending_approval()
    approval = Approval.objects.get(trace_id=str(ticket.pk), tool_name="git_delete_file")
    shown = words(admin_browser.get(page_of(ticket)))
    for part in (
        "An action waits for a decision",
        "git_delete_file on file:redis/old.yaml",
        '"path": "redis/old.yaml"',
        "destructive",
        "destructive-needs-approval",
        "It is not used",
        approval.fingerprint,
    ):
        assert part in shown


def test_a_file_in_the_arguments_is_shown_line_by_line(admin_browser):
    ticket = builders.executing()
    with builders.worker(ticket) as journal:
        call = builders.says(journal, "git_write_file", path="a.yaml", content="kind: A\nname: b\n")
        builders.parked(journal, call, WaitKind.APPROVAL, message="outside the plan")
    assert '<pre tabindex="0">kind: A\nname: b\n</pre>' in text(admin_browser.get(page_of(ticket)))


def test_a_ticket_page_shows_a_question_with_its_options(admin_browser):
    shown = words(admin_browser.get(page_of(builders.pending_input())))
    for part in ("Which namespace?", "data", "cache", "my own words"):
        assert part in shown


def test_a_ticket_page_shows_the_error_first(admin_browser):
    shown = words(admin_browser.get(page_of(builders.failed())))
    assert shown.index("no such chart") < shown.index("What is wanted")


def test_a_resolved_ticket_says_first_what_came_of_it(admin_browser):
    ticket = builders.executing()
    with builders.worker(ticket) as journal:
        journal.move(Status.RESOLVED)
        tell(ticket, "ticket_resolved", actor=AGENT, payload={"summary": "Redis runs."})
    shown = words(admin_browser.get(page_of(ticket)))
    assert "It is over Resolved. Nothing more happens here. Redis runs." in shown


@pytest.mark.parametrize("status", list(Status))
def test_text_that_keeps_its_lines_gets_none_from_the_template(admin_browser, status):
    ticket = builders.in_status(status)
    for url in (page_of(ticket), INBOX):
        html = text(admin_browser.get(url))
        assert re.findall(r'<[^>]*class="(?:[^"]* )?text(?: [^"]*)?"[^>]*>\s+', html) == []
        assert re.findall(r"<pre[^>]*>\s*\n", html) == []


def test_a_ticket_page_shows_steps_commits_tokens_and_cost(admin_browser):
    ticket = builders.executing()
    ticket.steps.filter(index=0).update(
        status="completed", output="wrote 12 lines", started_at=now(), completed_at=now()
    )
    ticket.steps.filter(index=1).update(status="failed", error="hook refused", retry_count=3)
    Ticket.objects.filter(pk=ticket.pk).update(
        working_branch="aura/ticket-1", commits=["ab12cd3"], estimated_cost="0.42"
    )
    shown = words(admin_browser.get(page_of(ticket)))
    for part in (
        "wrote 12 lines",
        "Completed",
        "hook refused",
        "failed 3 times",
        "aura/ticket-1",
        "ab12cd3",
        "0.4200 USD",
        "approved by ada",
    ):
        assert part in shown


@pytest.mark.parametrize("status", list(Status))
def test_every_status_has_its_words_and_a_place_to_decide(admin_browser, status):
    response = admin_browser.get(page_of(builders.in_status(status)))
    assert response.status_code == 200
    assert 'id="decide"' in text(response)
    assert f'<span class="badge is-{status}">' in text(response)


def test_the_timeline_reads_newest_first_and_pages(admin_browser):
    ticket = builders.new_ticket()
    for number in range(120):
        payload = {"sha": f"c{number:04}", "message": "x"}
        tell(ticket, "commit_created", actor=AGENT, payload=payload)
    first = words(admin_browser.get(page_of(ticket)))
    assert "page 1 of 3" in first
    assert first.index("c0119") < first.index("c0070")
    assert "c0069" not in first
    assert "opened the ticket" in words(admin_browser.get(page_of(ticket), {"page": "3"}))
    for odd in ("0", "99", "x", "-1"):
        assert admin_browser.get(page_of(ticket), {"page": odd}).status_code == 200


def test_the_timeline_folds_results_and_tells_them_in_a_line(admin_browser):
    ticket = builders.executing()
    with builders.worker(ticket) as journal:
        call = builders.says(journal, "git_write_file", text="I write it", path="redis/set.yaml")
        builders.done(journal, call, "written", lines=12)
    shown = text(admin_browser.get(page_of(ticket)))
    assert "git_write_file redis/set.yaml" in shown
    assert "I write it" in shown
    assert "approved the plan" in shown
    assert re.search(r"<details[^>]*>\s*<summary>Arguments and result</summary>", shown)


def test_the_end_of_a_turn_is_told_only_where_it_took_tokens(admin_browser):
    ticket = builders.new_ticket()
    for turn, tokens in ((1, 0), (2, 1200)):
        payload = {"turn": turn, "tokenUsage": {"totalTokens": tokens}}
        tell(ticket, "turn_completed", actor=AGENT, payload=payload)
    shown = words(admin_browser.get(page_of(ticket)))
    assert "turn 1 ended" not in shown
    assert "turn 2 ended, 1,200 tokens" in shown


def test_an_event_whose_payload_is_odd_breaks_no_page(admin_browser):
    ticket = builders.new_ticket()
    for event_type in ("plan_generated", "tool_called", "turn_completed", "ticket_updated"):
        tell(ticket, event_type, actor=AGENT, payload={"plan": [], "turn": {}})
    assert "cannot be read" in text(admin_browser.get(page_of(ticket)))


def test_the_history_of_a_ticket_is_its_log(admin_browser):
    ticket = builders.new_ticket()
    response = admin_browser.get(f"{TICKETS}{ticket.pk}/history/")
    assert response["Location"] == f"{LOG}?q={ticket.pk}"


def test_no_page_holds_an_inline_script_or_asks_another_machine(admin_browser):
    ticket = builders.pending_approval()
    approval = Approval.objects.latest("requested_at")
    pages = [INDEX, TICKETS, OPEN, INBOX, APPROVALS, LOG, TOKENS, page_of(ticket)]
    pages += ["/admin/auth/user/", "/admin/auth/user/add/", "/admin/login/"]
    for url in [*pages, approval_page(approval)]:
        html = text(admin_browser.get(url))
        assert re.findall(r"<script(?![^>]*\bsrc=)", html) == [], url
        assert re.findall(r"\son\w+=", html) == [], url
        assert re.findall(r'(?:src|href)="(?:https?:)?//', html) == [], url


def test_django_keeps_no_second_log(admin_browser, grace):
    submit(admin_browser, OPEN, "", title="A", description="B", priority="low", max_turns="5")
    submit(admin_browser, f"{TOKENS}add/", "", user=grace.pk, name="ci", role="admin", days="3")
    assert ApiToken.objects.exists()
    assert not LogEntry.objects.exists()


# --- the log ---


def test_the_log_lists_events_and_filters_them(admin_browser):
    ticket, other = builders.executing(), builders.new_ticket()
    sequence()
    shown = words(admin_browser.get(LOG))
    assert "plan_approved" in shown
    only = words(admin_browser.get(LOG, {"q": str(other.pk)}))
    assert str(other.pk)[:8] in only or other.title in only
    assert str(ticket.pk)[:8] not in only
    of_type = text(admin_browser.get(LOG, {"type": "plan_approved"}))
    assert len(re.findall(r'<td class="field-kind">', of_type)) == 1
    assert "ada" in text(admin_browser.get(LOG, {"actor": "user"}))


def test_an_event_shows_its_bytes_its_hash_and_where_it_comes_from(admin_browser):
    builders.executing()
    sequence()
    link = AuditLink.objects.get(seq=2)
    before = AuditLink.objects.get(seq=1)
    shown = text(admin_browser.get(f"{LOG}{link.event_id}/change/"))
    assert bytes(link.hash).hex() in shown
    assert bytes(before.hash).hex() in shown
    assert f"{LOG}{before.event_id}/change/" in shown
    assert "It follows from the event" in shown
    assert "&quot;traceId&quot;" in shown
    first = text(admin_browser.get(f"{LOG}{before.event_id}/change/"))
    assert "The chain begins here" in first


def test_events_and_requests_lead_to_their_ticket(admin_browser):
    ticket = builders.pending_approval()
    event = AuditEvent.objects.latest("pk")
    approval = Approval.objects.latest("requested_at")
    for url in (LOG, f"{LOG}{event.pk}/change/", APPROVALS, approval_page(approval)):
        listed = url in (LOG, APPROVALS)
        words = ticket.title if listed else f"ticket {str(ticket.pk)[:8]}"
        link = f'<a href="{page_of(ticket)}"><bdi>{words}</bdi></a>'
        assert link in text(admin_browser.get(url))


def test_an_event_that_is_not_linked_yet_says_so(admin_browser):
    builders.new_ticket()
    event = AuditEvent.objects.get()
    assert "not linked yet" in text(admin_browser.get(f"{LOG}{event.pk}/change/"))
    assert "not linked yet" in text(admin_browser.get(LOG))


def alter(table: str, sql: str) -> None:
    """Change the log as only somebody with the database's own password could."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only")
        cursor.execute(sql)
        cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only")


def test_an_altered_event_is_shown_as_such(admin_browser):
    builders.executing()
    sequence()
    link = AuditLink.objects.get(seq=3)
    alter(
        "governance_auditevent",
        f"UPDATE governance_auditevent SET body = 'not json' WHERE id = {link.event_id}",  # noqa: S608
    )
    shown = text(admin_browser.get(f"{LOG}{link.event_id}/change/"))
    assert "not json" in shown
    assert "It does not follow" in shown
    assert "they are not what was written" in shown
    ticket = Ticket.objects.get()
    assert "cannot be read" in text(admin_browser.get(page_of(ticket)))


# --- tokens ---


def test_a_token_is_shown_once_and_works(admin_browser, grace):
    wanted = {"user": grace.pk, "name": "ci", "role": "admin", "days": "30"}
    made = submit(admin_browser, f"{TOKENS}add/", "", **wanted)
    told = messages(admin_browser, made)
    token = re.search(r"aura_[\w-]+", told)
    assert token is not None
    assert identity.user_of(token.group())[0] == grace
    assert token.group() not in text(admin_browser.get(TOKENS))
    row = ApiToken.objects.get()
    assert row.expires_at is not None
    assert timedelta(days=29) < row.expires_at - now() < timedelta(days=31)


def test_a_token_is_taken_back_by_deleting_it(admin_browser, grace):
    identity.issue_token(grace, name="ci")
    row = ApiToken.objects.get()
    identity.revoke_token(row, by=SYSTEM)
    delete = f"{TOKENS}{row.pk}/delete/"
    assert f'href="{delete}"' in text(admin_browser.get(TOKENS))
    assert admin_browser.get(delete).status_code == 200
    assert ApiToken.objects.exists()
    admin_browser.post(delete, {"post": "yes"})
    assert not ApiToken.objects.exists()


def test_nobody_makes_or_sees_a_token_of_somebody_else(grace):
    identity.issue_token(grace, name="of grace")
    rights = [f"governance.{verb}_apitoken" for verb in ("view", "add", "delete")]
    browser = browser_of(person("operator", *rights))
    assert "of grace" not in text(browser.get(TOKENS))
    row = ApiToken.objects.get()
    browser.post(f"{TOKENS}{row.pk}/delete/", {"post": "yes"})
    browser.post(f"{TOKENS}add/", {"user": grace.pk, "name": "stolen"})
    assert list(ApiToken.objects.values_list("name", flat=True)) == ["of grace"]


def test_a_token_cannot_be_changed(admin_browser, grace):
    identity.issue_token(grace, name="ci")
    row = ApiToken.objects.get()
    assert admin_browser.get(f"{TOKENS}{row.pk}/change/").status_code in {200, 403}
    assert admin_browser.post(f"{TOKENS}{row.pk}/change/", {"name": "x"}).status_code == 403


# --- how much the pages ask of the database ---


def grow() -> None:
    for _ in range(2):
        for status in Status:
            builders.in_status(status)
    sequence()


def test_lists_do_not_ask_more_as_rows_come(admin_browser, django_assert_max_num_queries):
    for status in Status:
        builders.in_status(status)
    sequence()
    urls = (INDEX, TICKETS, INBOX, APPROVALS, LOG)
    before = {url: queries(admin_browser, url) for url in urls}
    grow()
    assert {url: queries(admin_browser, url) for url in urls} == before
    for url in (INDEX, INBOX):
        with django_assert_max_num_queries(18):
            admin_browser.get(url)
    for url in (TICKETS, APPROVALS, LOG):
        with django_assert_max_num_queries(13):
            admin_browser.get(url)


@pytest.mark.parametrize("status", list(Status))
def test_a_ticket_page_does_not_ask_more_as_its_log_grows(
    admin_browser, django_assert_max_num_queries, status
):
    ticket = builders.in_status(status)
    before = queries(admin_browser, page_of(ticket))
    for number in range(60):
        payload = {"sha": str(number), "message": "x"}
        tell(ticket, "commit_created", actor=AGENT, payload=payload)
    assert queries(admin_browser, page_of(ticket)) == before
    with django_assert_max_num_queries(20):
        admin_browser.get(page_of(ticket))


def test_without_scripts_a_page_that_follows_reloads_itself_while_the_agent_works(admin_browser):
    working, waiting = executing(), pending_plan_approval()
    reloads = '<meta http-equiv="refresh" content="2">'
    within = r"<noscript>\s*" + reloads + r"\s*</noscript>"
    assert re.search(within, text(admin_browser.get(f"{page_of(working)}?follow=1")))
    assert reloads not in text(admin_browser.get(page_of(working)))
    assert reloads not in text(admin_browser.get(f"{page_of(waiting)}?follow=1"))
