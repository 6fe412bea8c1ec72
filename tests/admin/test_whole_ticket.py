"""A ticket from the console's form to the merged commit, with a real repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.admin.conftest import ACT, browser_of, person
from tests.admin.pages import OPEN, act, page_of, submit, text
from tests.fakes import ScriptedModel, bare_repository, git, whole_ticket, workshop
from tickets import drive
from tickets.models import Status, Ticket

pytestmark = pytest.mark.django_db


def test_a_ticket_opened_started_and_approved_in_the_console_is_merged(
    admin_browser: Any, tmp_path: Path
) -> None:
    repository = bare_repository(tmp_path)
    shop = workshop(ScriptedModel(whole_ticket()), repository, tmp_path / "work")

    words = {"title": "Add nginx", "description": "Please.", "priority": "low", "max_turns": "20"}
    author = browser_of(person("ada", *ACT))
    submit(author, OPEN, "", **words)
    ticket = Ticket.objects.get()
    act(author, ticket, "run")
    drive.advance(ticket.pk, shop)
    assert "apps/nginx/config.yaml" in text(admin_browser.get(page_of(ticket)))

    refused = act(admin_browser, ticket, "decide", decision="approve", fingerprint="0" * 64)
    assert refused.status_code == 409
    act(admin_browser, ticket, "decide", decision="approve")
    drive.advance(ticket.pk, shop)
    ticket.refresh_from_db()
    assert ticket.status == Status.RESOLVED, ticket.last_error
    assert "kind: ConfigMap" in git(repository, "show", "main:apps/nginx/config.yaml")
    shown = text(admin_browser.get(page_of(ticket)))
    assert "nginx was added" in shown
    assert ticket.commits[0] in shown
    merge = git(repository, "log", "-1", "--merges", "--format=%H", "main").strip()
    assert f"<code>{merge[:7]}" in shown
