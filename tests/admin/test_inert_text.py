"""Text from people, models and tools acts on no page, and hides nothing."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.types import WaitKind
from governance.models import Approval, AuditEvent
from governance.templatetags.shown import pretty, visible
from tests import builders
from tests.admin.pages import (
    APPROVALS,
    INBOX,
    INDEX,
    LOG,
    OPEN,
    TICKETS,
    TOKENS,
    approval_page,
    page_of,
    submit,
    text,
)
from tickets.events import AGENT, tell
from tickets.models import Status, Ticket

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\u202eevil\u2066\u200b{{7*7}}'\"&amp;"
SEEN = "⟨U+202E⟩evil⟨U+2066⟩⟨U+200B⟩"
PLAN: dict[str, Any] = {
    "summary": EVIL,
    "steps": [{"description": EVIL, "tool": f"tool{EVIL}"[:90], "path": EVIL}],
    "estimatedTools": [EVIL],
    "risks": [EVIL],
}


def hostile(**fields: str) -> Ticket:
    return builders.planning(title=EVIL, description=EVIL, **fields)


def planned() -> Ticket:
    ticket = hostile()
    with builders.worker(ticket) as journal:
        call = builders.says(journal, "submit_plan", text=EVIL, **PLAN)
        builders.parked(journal, call, WaitKind.PLAN_APPROVAL, message=EVIL)
    return ticket


def worked() -> Ticket:
    """Everything a ticket can hold is hostile, and its branch, commits, steps and error too."""
    ticket = planned()
    ticket.steps.update(output=EVIL, error=EVIL, status="failed", retry_count=2)
    Ticket.objects.filter(pk=ticket.pk).update(
        status=Status.FAILED,
        last_error=EVIL,
        working_branch=EVIL,
        commits=[EVIL],
        created_by=EVIL,
        plan_approved_by=EVIL,
        plan_approved_at=ticket.created_at,
        plan=PLAN,
    )
    ticket.refresh_from_db()
    for event_type in ("tool_called", "commit_created", "error_occurred", "question_answered"):
        called = {"name": EVIL, "args": {"path": EVIL}, "result": {"error": EVIL, "text": EVIL}}
        payload = {"sha": EVIL, "message": EVIL, "answer": EVIL}
        tell(
            ticket,
            event_type,
            actor=AGENT,
            action=EVIL,
            payload=payload,
            toolCall=called,
            reasoning=EVIL,
        )
    return ticket


def wants_to_act() -> Ticket:
    ticket = builders.executing(title=EVIL, description=EVIL)
    with builders.worker(ticket) as journal:
        call = builders.says(journal, "evil<b>", text=EVIL, path=EVIL, content=f"a\n{EVIL}\nb")
        builders.parked(journal, call, WaitKind.APPROVAL, message=EVIL)
    Approval.objects.update(
        resource_name=EVIL, policy_name=EVIL[:100], requested_by=EVIL, decision_reason=EVIL
    )
    return ticket


def asks() -> Ticket:
    ticket = hostile()
    question: dict[str, Any] = {"question": EVIL, "options": [EVIL, "plain"]}
    with builders.worker(ticket) as journal:
        call = builders.says(journal, "ask_question", text=EVIL, **question)
        builders.parked(journal, call, WaitKind.QUESTION, **question)
    return ticket


def assert_inert(html: str) -> None:
    assert SEEN in html
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert "49&#x27;" not in html, "text was run as a template"
    # What is being edited stays as it is, inside the text box.
    shown = re.sub(r"<textarea.*?</textarea>|<input[^>]*>", "", html, flags=re.DOTALL)
    assert not re.search("[\u202e\u2066\u200b]", shown)


@pytest.mark.django_db
@pytest.mark.parametrize("builder", [planned, worked, wants_to_act, asks])
def test_a_tickets_page_shows_hostile_text_as_text(admin_browser, builder):
    assert_inert(text(admin_browser.get(page_of(builder()))))


@pytest.mark.django_db
@pytest.mark.parametrize("url", [INDEX, TICKETS, INBOX, APPROVALS, LOG])
def test_lists_show_hostile_text_as_text(admin_browser, url):
    worked()
    wants_to_act()
    asks()
    assert_inert(text(admin_browser.get(url)))


@pytest.mark.django_db
def test_a_request_and_an_event_show_hostile_text_as_text(admin_browser):
    worked()
    wants_to_act()
    assert_inert(text(admin_browser.get(approval_page(Approval.objects.latest("requested_at")))))
    for event in AuditEvent.objects.all():
        response = admin_browser.get(f"{LOG}{event.pk}/change/")
        assert "<script>alert" not in text(response)
        assert "\u202e" not in text(response)


@pytest.mark.django_db
def test_a_problem_that_quotes_hostile_text_is_inert(admin_browser):
    ticket = hostile()
    response = admin_browser.post(
        f"{TICKETS}{ticket.pk}/do/edit/", {"title": EVIL, "priority": EVIL}
    )
    assert "<script>alert" not in text(response)


@pytest.mark.django_db
def test_a_token_is_not_named_with_characters_that_cannot_be_seen(admin_browser, grace):
    response = submit(admin_browser, f"{TOKENS}add/", "", user=grace.pk, name="ci\u202e")
    assert "cannot be seen" in text(response)


@pytest.mark.django_db
def test_what_a_person_types_reaches_the_ticket_unchanged(admin_browser):
    typed = {"title": "<b>Ünïcode</b>", "description": "one\r\ntwo <i>", "max_turns": "5"}
    submit(admin_browser, OPEN, "", priority="low", **typed)
    ticket = Ticket.objects.get()
    assert (ticket.title, ticket.description) == ("<b>Ünïcode</b>", "one\ntwo <i>")


@given(st.text(st.characters(categories=["Cc", "Cf", "Cs", "Zl", "Zp", "Lu", "So"])))
def test_no_control_or_bidirectional_character_survives(raw):
    shown = visible(raw)
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069]", shown
    )
    assert visible(shown) == shown


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("apps/\u202egnp.exe", "apps/⟨U+202E⟩gnp.exe"),
        ("a\u200bb\ufeff", "a⟨U+200B⟩b⟨U+FEFF⟩"),
        ("soft\u00adhyphen", "soft⟨U+00AD⟩hyphen"),
        ("x\ufe0f", "x⟨U+FE0F⟩"),
        ("\u26a0\ufe0f careful", "\u26a0\ufe0f careful"),
        ("tag\U000e0041", "tag⟨U+E0041⟩"),
        ("\x1b[31m", "⟨U+001B⟩[31m"),
        ("one\r\ntwo\tthree", "one\ntwo\tthree"),
        ("עברית und Übung 漢字", "עברית und Übung 漢字"),
        (7, "7"),
    ],
)
def test_what_cannot_be_seen_is_named_and_the_rest_is_left(raw, shown):
    assert visible(raw) == shown


def test_json_is_shown_with_what_its_escapes_would_hide():
    assert pretty({"path": "a\u202eb"}) == '{\n  "path": "a⟨U+202E⟩b"\n}'
