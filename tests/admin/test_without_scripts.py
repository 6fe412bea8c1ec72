"""From the open form to the resolved ticket, by clicking, without any script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from governance.types import Role
from tests.admin.pages import OPEN, page_of
from tests.admin.screen import NEEDS_BROWSER, screen
from tests.fakes import ScriptedModel, bare_repository, call, says, whole_ticket, workshop
from tests.people import person
from tickets import drive
from tickets.models import Status, Ticket

pytestmark = [pytest.mark.django_db(transaction=True), NEEDS_BROWSER]


def replies() -> list[Any]:
    """A question, a plan, a better one, and the work, which takes more turns than were allowed."""
    _, *rest = whole_ticket()
    better, *work = rest
    question = says(call("ask_question", question="For whom?", options=["the shop", "everybody"]))
    return [question, better, better, *work]


def test_the_whole_way_from_the_form_to_resolved(
    browser: Any, base: str, grace: User, tmp_path: Path
) -> None:
    shop = workshop(ScriptedModel(replies()), bare_repository(tmp_path), tmp_path / "work")
    linus = person("linus", Role.APPROVER)
    without: dict[str, Any] = {"size": "phone", "java_script_enabled": False}
    with (
        screen(browser, base, grace, **without) as shown,
        screen(browser, base, linus, **without) as other,  # nobody approves what they asked for
    ):
        page = shown.open(OPEN)
        page.get_by_label("Title").fill("Add nginx")
        page.get_by_label("Description").fill("Please.")
        page.get_by_label("Turn limit").fill("4")
        page.locator("main").get_by_role("button", name="Only open it").click()
        page.get_by_role("button", name="Start the agent").click()
        ticket = Ticket.objects.get()

        def works(status: Status) -> None:
            drive.advance(ticket.pk, shop)
            ticket.refresh_from_db()
            assert ticket.status == status, ticket.last_error
            shown.open(page_of(ticket))

        works(Status.PENDING_INPUT)
        page.get_by_label("everybody").check()
        page.get_by_role("button", name="Answer").click()
        works(Status.PENDING_PLAN_APPROVAL)
        page.locator(".decide-bar").get_by_role("link", name="Ask for changes").click()
        page.locator("#deny textarea").fill("Two replicas")
        page.get_by_role("button", name="Ask for changes", exact=True).click()
        page.get_by_text("Changes are asked for").wait_for()
        works(Status.PENDING_PLAN_APPROVAL)
        approver = other.open(page_of(ticket))
        approver.locator(".decide-bar").get_by_role("button", name="Approve the plan").click()
        approver.get_by_text("The plan is approved").wait_for()
        works(Status.PAUSED)
        page.get_by_label("More turns").fill("20")
        page.get_by_role("button", name="Resume").click()
        page.get_by_text("The ticket is resumed.").wait_for()
        works(Status.RESOLVED)
        expect(page.locator("#decide")).to_contain_text("nginx was added")
        other.open(page_of(ticket))  # what follows the work loads itself anew, at any moment
        assert shown.faults(axe=False) + other.faults(axe=False) == []
