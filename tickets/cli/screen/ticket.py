"""One ticket: what it is, what it waits for, what happened; and what a person does about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Footer, Static

from governance.cli import show
from governance.cli.frame import YES
from tickets.cli import deciding, happening, telling
from tickets.cli.desk import SHORT, Asked, asked_of
from tickets.cli.screen.asking import Ask
from tickets.cli.screen.live import Live

LINES_MOST = 400  # of one text
MARGIN = 4  # columns that the frame and the bar take


class TicketScreen(Live):
    """`key`: the whole id."""

    DEFAULT_CSS = """
    TicketScreen VerticalScroll { padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll(1)", "Down", show=False),
        Binding("k", "scroll(-1)", "Up", show=False),
        Binding("y", "approve", "Approve"),
        Binding("n", "deny", "Deny"),
        Binding("a", "answer", "Answer"),
        Binding("r", "run", "Run"),
        Binding("c", "cancel", "Cancel"),
        Binding("u", "renew", "Look again", show=False),
        Binding("q,escape", "back", "Back"),
    ]

    def __init__(self, key: str) -> None:
        super().__init__()
        self._key = key
        self._ticket: dict[str, Any] = {}
        self._log: list[dict[str, Any]] = []

    def compose(self) -> ComposeResult:
        yield Static(id="title")
        with VerticalScroll():
            yield Static(id="body")
        yield Footer()

    def headline(self) -> str:
        return f"{self._key[:SHORT]}  {telling.state(self._ticket)}"

    def concerns(self, event: dict[str, Any]) -> bool:
        return event.get("ticketId") in (None, self._key)

    def renew(self) -> None:
        desk = self.shell.desk
        self.ask(lambda: (desk.get(self._key), desk.latest(self._key)), self._show)

    def on_resize(self, _: events.Resize) -> None:
        self._draw()

    def _show(self, answer: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
        self._ticket, self._log = answer
        self.name_it()
        self._draw()

    def _draw(self) -> None:
        if self._ticket:
            self.query_one("#body", Static).update(Text("\n".join(self._lines())))

    def _lines(self) -> Iterator[str]:
        width = max(self.size.width - MARGIN, show.NARROWEST)
        yield from telling.whole(self._ticket, width=width, most=LINES_MOST)
        yield ""
        yield "What happened, the newest first:"
        for entry in reversed(self._log):
            if entry.get("type") not in happening.DULL:
                yield from show.wrapped(happening.line(entry), width=width)

    # --- keys ---

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_renew(self) -> None:
        self.renew()

    def action_back(self) -> None:
        self.app.pop_screen()

    def action_approve(self) -> None:
        if asked := self._asked():
            self._decide(asked, "Approve exactly this? y or n:", partial(self._approve, asked))

    def action_deny(self) -> None:
        if asked := self._asked():
            self._decide(asked, "Deny it, because:", partial(self._deny, asked))

    def action_answer(self) -> None:
        asked = self._ticket.get("pendingQuestion")
        if not isinstance(asked, dict):
            self.shell.tell("No question waits for an answer.")
        elif asked.get("secret"):
            self.shell.tell(f"Values are typed unseen: aura answer {self._key[:SHORT]}")
        else:
            lines = telling.question(asked, width=self._room())
            self._ask(Ask(lines, prompt="Answer:"), partial(self._answer, asked))

    def action_cancel(self) -> None:
        title = show.wrapped(str(self._ticket.get("title")), width=self._room())
        self._ask(Ask(title, prompt="Cancel this ticket? y or n:"), self._cancel)

    def action_run(self) -> None:
        """Run, or go on after a pause."""
        desk, key = self.shell.desk, self._key
        paused = self._ticket.get("status") == "paused"
        self._do((lambda: desk.resume(key, 0)) if paused else (lambda: desk.run(key)))

    # --- what was typed ---

    def _approve(self, asked: Asked, said: str) -> None:
        if said.lower() in YES:
            self._do(lambda: self.shell.desk.approve(asked, ""))
        else:
            self.shell.tell("Nothing was approved.")

    def _deny(self, asked: Asked, reason: str) -> None:
        self._do(lambda: self.shell.desk.deny(asked, reason))

    def _answer(self, asked: dict[str, Any], said: str) -> None:
        text, question = deciding.chosen(asked, said), str(asked.get("id", ""))
        self._do(lambda: self.shell.desk.answer(self._key, text, question=question))

    def _cancel(self, said: str) -> None:
        if said.lower() in YES:
            self._do(lambda: self.shell.desk.cancel(self._key, ""))

    def _asked(self) -> Asked | None:
        """What the screen shows that waits: a decision is on that and nothing else."""
        if (asked := asked_of(self._ticket)) is None:
            self.shell.tell("Nothing waits for a decision here.")
        return asked

    def _decide(self, asked: Asked, prompt: str, then: Callable[[str], None]) -> None:
        self._ask(Ask(telling.request(asked, width=self._room()), prompt=prompt), then)

    def _ask(self, question: Ask, then: Callable[[str], None]) -> None:
        def answered(said: str | None) -> None:
            if said:
                then(said)

        self.app.push_screen(question, answered)

    def _do(self, change: Callable[[], dict[str, Any]]) -> None:
        def done(answer: dict[str, Any]) -> None:
            self.shell.tell(telling.state(answer))
            if self.there:
                self.renew()

        self.shell.beside(change, done)

    def _room(self) -> int:
        return max(self.size.width - MARGIN - 2, show.NARROWEST)
