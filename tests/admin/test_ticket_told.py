"""A ticket is opened and started in one go, and its page says nothing twice."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from tests import builders
from tests.admin.conftest import browser_of
from tests.admin.pages import OPEN, page_of, text, words_in
from tickets.admin.timeline import timeline
from tickets.events import AGENT, tell
from tickets.models import Ticket

pytestmark = pytest.mark.django_db

ASKED = {"title": "Scale", "description": "Scale cart", "priority": "medium", "max_turns": "5"}


def words(browser: Client, path: str) -> str:
    return words_in(text(browser.get(path)))


def test_a_call_and_the_reason_of_several_are_told_once() -> None:
    ticket = builders.new_ticket()

    def happens(name: str, call: str, **data: Any) -> None:
        tell(ticket, name, actor=AGENT, action="git_write_file", call={"id": call}, **data)

    for path in ("a.yaml", "b.yaml"):
        called = {"name": "git_write_file", "args": {"path": path}, "result": {}}
        happens("tool_invoked", path)
        happens("tool_called", path, toolCall=called, reasoning="I write them")
    happens("tool_invoked", "c.yaml")
    told = [(entry.event.type, entry.line, entry.reasoning) for entry in timeline(ticket, None)[1]]
    assert told[:-1] == [
        ("tool_invoked", "git_write_file", ""),  # it has not ended
        ("tool_called", "git_write_file b.yaml", "I write them"),
        ("tool_called", "git_write_file a.yaml", ""),
    ]


def test_the_states_of_steps_are_shown_once_the_plan_is_approved(admin_browser: Client) -> None:
    waits, works = builders.pending_plan_approval(), builders.executing()
    assert "Pending" not in words(admin_browser, page_of(waits))
    assert "Pending" in words(admin_browser, page_of(works))


def test_a_ticket_is_opened_and_started_in_one_go(admin_browser: Client) -> None:
    admin_browser.post(OPEN, {**ASKED, "_save": ""})
    assert Ticket.objects.get().status == "draft"
    response = admin_browser.post(OPEN, {**ASKED, "_run": ""})
    ticket = Ticket.objects.exclude(status="draft").get()
    assert response["Location"] == f"{page_of(ticket)}?follow=1"
    assert ticket.status == "planning"
    assert "The agent was started." in words(admin_browser, response["Location"])


def test_who_may_not_run_a_ticket_opens_none_that_runs() -> None:
    person = User.objects.create_user("olga", password="x", is_staff=True)
    for name in ("view_ticket", "add_ticket"):
        person.user_permissions.add(Permission.objects.get(codename=name))
    browser = browser_of(person)
    assert "start the agent" not in words(browser, OPEN)
    assert browser.post(OPEN, {**ASKED, "_run": ""}).status_code == 403
    assert not Ticket.objects.exists()
