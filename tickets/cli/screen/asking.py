"""What is put over everything else: a question with a line to type, or a note."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static


class Ask(ModalScreen[str]):
    """Dismissed with what was typed, without blanks around it; empty: nothing is to be done."""

    DEFAULT_CSS = """
    Ask { align: center bottom; }
    Ask > Vertical { height: auto; max-height: 100%; border: heavy $warning; padding: 0 1;
        background: $surface; }
    Ask VerticalScroll { height: auto; max-height: 80vh; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss('')", "Back"),
        Binding("up", "scroll(-1)", "Up", show=False),
        Binding("down", "scroll(1)", "Down", show=False),
        Binding("pageup", "scroll(-10)", "Page up", show=False),
        Binding("pagedown", "scroll(10)", "Page down", show=False),
    ]

    def __init__(self, lines: Iterable[str], *, prompt: str) -> None:
        super().__init__()
        self._text, self._prompt = Text("\n".join(lines)), prompt

    def compose(self) -> ComposeResult:
        with Vertical():
            with VerticalScroll(can_focus=False):
                yield Static(self._text)
            yield Static(Text(f"{self._prompt}  (Enter; Escape goes back)", style="bold"))
            yield Input(compact=True)

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    def on_input_submitted(self, said: Input.Submitted) -> None:
        said.stop()
        self.dismiss(said.value.strip())

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


class Note(ModalScreen[None]):
    """Something to read; any key closes it."""

    DEFAULT_CSS = """
    Note { align: center middle; }
    Note > Static { width: auto; border: heavy $primary; padding: 0 1; background: $surface; }
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = Text(text)

    def compose(self) -> ComposeResult:
        yield Static(self._text)

    def on_key(self, pressed: events.Key) -> None:
        pressed.stop()
        self.dismiss()
