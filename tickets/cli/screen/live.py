"""What the screens share: requests run in threads beside them, and what happens renews them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

from rich.text import Text
from textual.app import App
from textual.screen import Screen
from textual.widgets import Static

from governance.cli import show
from governance.cli.frame import Failure
from tickets.cli.desk import Desk

T = TypeVar("T")
RENEWED_S = 1.0  # at most so often


class Shell(App[None]):
    """The application, as far as its screens know it."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.connection = "connecting"

    def beside(self, ask: Callable[[], T], then: Callable[[T], None]) -> None:
        """Ask the API in a thread that nobody waits for at the end; `then` is called back here."""

        def run() -> None:
            try:
                answer = ask()
            except Failure as failure:
                self.back(self.tell_failure, str(failure))
            else:
                self.back(then, answer)

        threading.Thread(target=run, daemon=True).start()

    def back(self, call: Callable[..., None], *given: Any) -> None:
        """Call something in the application's own thread, if it still runs."""
        if self.is_running:
            with contextlib.suppress(RuntimeError):
                self.call_from_thread(call, *given)

    def tell(self, text: str) -> None:
        """A note at the edge of the screen."""
        self.notify(show.clean(text), markup=False)

    def tell_failure(self, text: str) -> None:
        self.notify(show.clean(text), severity="error", timeout=10, markup=False)


class Live(Screen[None]):
    """A screen whose first line is a `Static` with the id `title`, and that renews itself."""

    _due = False
    _questions = _answered = 0  # the number of the last one, and of the one that is shown

    @property
    def shell(self) -> Shell:
        return cast(Shell, self.app)

    @property
    def there(self) -> bool:
        """Whether it has something to write on: not before it is composed, nor once it is left."""
        return bool(self.query("#title"))

    def ask(self, question: Callable[[], T], show: Callable[[T], None]) -> None:
        """Ask the API beside the screen. Of two answers the one that was asked for later counts,
        whichever comes first.
        """
        self._questions += 1
        number = self._questions

        def answered(answer: T) -> None:
            if self.there and number > self._answered:
                self._answered = number
                show(answer)

        self.shell.beside(question, answered)

    def renew(self) -> None:
        """Ask the API and show what it says."""
        raise NotImplementedError

    def concerns(self, event: dict[str, Any]) -> bool:
        """Whether this screen shows what the event changes."""
        del event
        return True

    def headline(self) -> str:
        """What this screen is about."""
        raise NotImplementedError

    def on_mount(self) -> None:
        self.name_it()
        self.renew()

    def happened(self, event: dict[str, Any]) -> None:
        """Something did: show it, but not more often than a person can look."""
        self.name_it()
        if self._due or not self.concerns(event):
            return
        self._due = True
        self.set_timer(RENEWED_S, self._renew_now)

    def name_it(self) -> None:
        """Write the first line anew."""
        line = f" {self.shell.connection}  ·  {self.headline()}"
        text = Text(line, style="bold", no_wrap=True, overflow="ellipsis")
        self.query_one("#title", Static).update(text)

    def _renew_now(self) -> None:
        self._due = False
        self.renew()
