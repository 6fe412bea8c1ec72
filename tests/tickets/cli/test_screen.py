"""The live screen, driven by its keys against the real API."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from textual.pilot import Pilot
from textual.widgets import DataTable, Input, Static

from governance.audit.sequence import sequence
from governance.cli.service import Service
from governance.identity import issue_token
from governance.types import Role
from tests import builders
from tests.people import person
from tickets import services
from tickets.cli.screen.app import AuraApp
from tickets.cli.screen.asking import Ask, Note
from tickets.cli.screen.inbox import Inbox
from tickets.cli.screen.ticket import TicketScreen
from tickets.models import Ticket

LONG_S = 30.0  # a machine may stall
HOSTILE = "[red]mark[/red] \x1b]0;owned\x07\u202egone"
Steps = Callable[[Pilot[None], "Told"], Awaitable[None]]


class Told(AuraApp):
    """Keeps what it told the person: a note goes away by itself."""

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self.told: list[str] = []

    def notify(self, message: str, **more: Any) -> None:
        self.told.append(message)
        super().notify(message, **more)


@pytest.fixture
def driven(api, login_required, clean) -> Callable[..., None]:
    """`driven(steps)`: the screen as somebody with `role` has it, and `steps` pressing its keys."""

    def drive(steps: Steps, *, role: Role = Role.APPROVER, size: tuple[int, int] = (100, 40)):
        token = issue_token(person("linus", role), name="cli")
        app = Told(Service(api, token=token))

        async def run() -> None:
            async with app.run_test(size=size) as pilot:
                await steps(pilot, app)

        asyncio.run(run())

    return drive


async def until(pilot: Pilot[None], holds: Callable[[], Any]) -> None:
    """Wait for what is to become true."""
    ends = time.monotonic() + LONG_S
    while not holds():
        assert time.monotonic() < ends, pilot.app.screen
        await pilot.pause(0.02)


async def typed(pilot: Pilot[None], text: str) -> None:
    """Type into the question that is asked, once it is."""
    await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
    await until(pilot, lambda: isinstance(pilot.app.focused, Input))
    pilot.app.screen.query_one(Input).value = text
    await pilot.press("enter")


def listed(app: Told) -> list[list[str]]:
    if not (isinstance(app.screen, Inbox) and app.screen.there):
        return []
    table = app.screen.query_one(DataTable)
    if app.focused is not table:  # keys would go elsewhere
        return []
    return [[str(cell) for cell in table.get_row_at(number)] for number in range(table.row_count)]


def body(app: Told) -> str:
    if not (isinstance(app.screen, TicketScreen) and app.screen.there):
        return ""
    return str(app.screen.query_one("#body", Static).content)


def stands(app: Told) -> str:
    """The status that the screen shows; its log names those that were."""
    _, _, rest = body(app).partition("\n")
    return rest.partition(" ·")[0]


def headline(app: Told) -> str:
    return str(app.screen.query_one("#title", Static).content)


def notes(app: Told) -> str:
    return "\n".join(app.told)


async def status(ticket: Ticket) -> str:
    return str(await sync_to_async(lambda: Ticket.objects.get(pk=ticket.pk).status)())


def test_a_plan_is_found_read_and_approved(driven):
    builders.failed(title="Another")
    ticket = builders.pending_plan_approval(title=HOSTILE)

    async def steps(pilot: Pilot[None], app: Told) -> None:
        await until(pilot, lambda: len(listed(app)) == 2)
        assert listed(app)[0][0] == str(ticket.pk)[:8]
        assert listed(app)[0][3] == "[red]mark[/red] \\x1b]0;owned\\x07\\u202egone"
        await pilot.press("j", "k", "enter")
        await until(pilot, lambda: "The plan waits for a decision" in body(app))
        assert "redis/set.yaml" in body(app)
        assert "Undone" in body(app)

        await pilot.press("y")
        await typed(pilot, "yes please")
        await until(pilot, lambda: "Nothing was approved" in notes(app))
        assert await status(ticket) == "pending_plan_approval"

        await pilot.press("y")
        await typed(pilot, "y")
        await until(pilot, lambda: stands(app) == "executing")
        assert await status(ticket) == "executing"
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, Inbox))

    driven(steps)


def test_an_action_is_denied_with_a_reason_and_a_question_answered(driven):
    action = builders.pending_approval()
    question = builders.pending_input()

    async def steps(pilot: Pilot[None], app: Told) -> None:
        await until(pilot, lambda: len(listed(app)) == 2)
        await pilot.press("enter")
        await until(pilot, lambda: "An action waits for a decision" in body(app))
        await pilot.press("a")
        await until(pilot, lambda: "No question waits" in notes(app))
        await pilot.press("n")
        await typed(pilot, "it is used")
        await until(pilot, lambda: stands(app) == "executing")
        assert await status(action) == "executing"
        await pilot.press("q")
        await until(pilot, lambda: [row[0] for row in listed(app)] == [str(question.pk)[:8]])
        await pilot.press("enter")
        await until(pilot, lambda: "A question waits" in body(app))
        await pilot.press("a")
        await typed(pilot, "data")
        await until(pilot, lambda: stands(app) == "executing")
        assert await status(question) == "executing"

    driven(steps)


def test_what_happens_elsewhere_is_shown_without_a_key(driven):
    async def steps(pilot: Pilot[None], app: Told) -> None:
        await until(pilot, lambda: app.connection == "live" and isinstance(app.screen, Inbox))
        ticket = await sync_to_async(builders.pending_plan_approval)(title="Deploy Redis")
        await sync_to_async(sequence)()
        await until(pilot, lambda: listed(app))
        await pilot.press("enter")
        await until(pilot, lambda: "The plan waits for a decision" in body(app))
        await sync_to_async(services.cancel_ticket)(ticket, actor=builders.ADA)
        await sync_to_async(sequence)()
        await until(pilot, lambda: stands(app) == "cancelled")
        assert "→ cancelled" in body(app)

    driven(steps)


def test_of_two_answers_the_one_that_was_asked_for_later_is_shown(driven, monkeypatch):
    async def steps(pilot: Pilot[None], app: Told) -> None:
        await until(pilot, lambda: isinstance(app.screen, Inbox) and app.screen.there)
        await until(pilot, lambda: app.connection == "live")
        await pilot.press("f")
        await until(pilot, lambda: "0 tickets" in headline(app))
        asked: list[Callable[[Any], None]] = []
        monkeypatch.setattr(app, "beside", lambda _, then: asked.append(then))
        await pilot.press("u", "u")
        first, second = asked[-2:]
        second(([], 2))
        first(([], 1))
        assert "2 tickets" in headline(app)

    driven(steps)


def test_what_comes_before_a_screen_is_there_or_after_it_was_left_is_dropped(driven, monkeypatch):
    ticket = builders.pending_approval()

    async def steps(pilot: Pilot[None], app: Told) -> None:
        await until(pilot, lambda: listed(app))
        screen = TicketScreen(str(ticket.pk))
        app.push_screen(screen)
        app._happened("live", {"type": "status_changed", "ticketId": str(ticket.pk)})
        await until(pilot, lambda: "An action waits for a decision" in body(app))
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, Inbox) and not screen.there)
        monkeypatch.setattr(app, "beside", lambda question, then: then(question()))
        screen.renew()

    driven(steps)


def test_a_viewer_is_told_no_and_nothing_happens(driven):
    ticket = builders.pending_approval()

    async def steps(pilot: Pilot[None], app: Told) -> None:
        await until(pilot, lambda: listed(app))
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, Note))
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, Inbox))
        await pilot.press("enter")
        await until(pilot, lambda: "An action waits for a decision" in body(app))
        for number, (key, words) in enumerate((("y", "y"), ("n", "no"), ("c", "y")), start=1):
            await pilot.press(key)
            await typed(pilot, words)
            await until(pilot, lambda n=number: notes(app).count("not allowed") >= n)
        assert await status(ticket) == "pending_approval"

    driven(steps, role=Role.VIEWER, size=(40, 24))
