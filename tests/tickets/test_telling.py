"""Which turns of a ticket people are told of."""

from __future__ import annotations

from typing import Any

import pytest

from governance.models import Notice
from tests import builders
from tickets.models import Ticket

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def told_by_ntfy(settings: Any) -> None:
    known = {"notify_provider": "ntfy", "ntfy_topic": "t"}
    settings.AURA = settings.AURA.model_copy(update=known)


def waiting() -> list[Notice]:
    """What is to be told; requests that were decided before are not."""
    return list(Notice.objects.filter(next_at__isnull=False).order_by("pk"))


def told() -> list[tuple[str, str, list[str]]]:
    return [(one.body["head"], one.body["what"], one.body["lines"]) for one in waiting()]


def page(ticket: Ticket) -> str:
    return f"/admin/tickets/ticket/{ticket.pk}/change/"


def test_a_question_is_told_in_the_agents_words_and_leads_to_the_answer():
    ticket = builders.pending_input(title="Deploy shop")
    ((head, what, lines),) = told()
    assert (head, what) == ("QUESTION", "Deploy shop")
    assert lines == ["Which namespace?"]
    assert waiting()[0].body["page"] == f"{page(ticket)}#decide"


def test_a_plan_is_told_as_the_request_that_it_is():
    builders.pending_plan_approval()
    assert [head for head, _, _ in told()] == ["APPROVAL REQUIRED"]
    assert waiting()[0].kind == "plan"


def test_a_ticket_that_failed_or_paused_is_told_with_the_reason():
    ticket = builders.failed(title="Upgrade ingress")
    ((head, what, (line,)),) = told()
    assert (head, what, line) == ("TICKET FAILED", "Upgrade ingress", ticket.last_error)
    assert waiting()[0].body["page"] == page(ticket)
    builders.paused(title="Move the registry")
    assert told()[-1][:2] == ("TICKET PAUSED", "Move the registry")


def test_nothing_else_that_happens_to_a_ticket_is_told():
    for make in (builders.executing, builders.resolved, builders.cancelled, builders.new_ticket):
        make()
    assert told() == []
