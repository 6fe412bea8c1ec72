"""The list: what waits for a person, or all tickets."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Footer, Static

from governance.cli import show
from tickets.cli import telling
from tickets.cli.screen.live import Live
from tickets.cli.screen.ticket import TicketScreen


class Rows(DataTable[Text]):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select_cursor", "Open")]


class Inbox(Live):
    """`_all`: every ticket instead of what waits."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "move(1)", "Down", show=False),
        Binding("k", "move(-1)", "Up", show=False),
        Binding("f", "all", "All/waiting"),
        Binding("u", "renew", "Look again", show=False),
        Binding("q", "app.quit", "Leave"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._all = False
        self._found: list[dict[str, Any]] = []
        self._total = 0

    def compose(self) -> ComposeResult:
        yield Static(id="title")
        yield Rows(cursor_type="row", zebra_stripes=True)
        yield Static("", id="nothing")
        yield Footer()

    def headline(self) -> str:
        if self._all:
            return f"Aura  ·  {self._total} tickets"
        return f"Aura  ·  {self._total} waiting for a person"

    def renew(self) -> None:
        desk = self.shell.desk
        self.ask(desk.listed if self._all else desk.inbox, self._show)

    def action_renew(self) -> None:
        self.renew()

    def action_all(self) -> None:
        self._all = not self._all
        self.renew()

    def action_move(self, by: int) -> None:
        table = self.query_one(Rows)
        table.move_cursor(row=table.cursor_row + by)

    def on_data_table_row_selected(self, chosen: DataTable.RowSelected) -> None:
        self.app.push_screen(TicketScreen(str(chosen.row_key.value)))

    def on_resize(self, _: events.Resize) -> None:
        self._draw()

    def _show(self, answer: tuple[list[dict[str, Any]], int]) -> None:
        self._found, self._total = answer
        self.name_it()
        self._draw()

    def _draw(self) -> None:
        """The rows as they are now, the cursor on the ticket it was on."""
        table = self.query_one(Rows)
        wanted = telling.columns(self.size.width)
        here = self._key_at(table)
        table.clear(columns=True)
        table.add_columns(*(telling.HEAD[column] for column in wanted))
        for ticket in self._found:
            cells = [show.clean(cell) for cell in telling.row(ticket)]
            table.add_row(
                *(Text(cells[column], no_wrap=True) for column in wanted), key=str(ticket.get("id"))
            )
        keys = [str(ticket.get("id")) for ticket in self._found]
        if here in keys:
            table.move_cursor(row=keys.index(here))
        nothing = "No tickets." if self._all else "Nothing waits."
        self.query_one("#nothing", Static).update("" if keys else nothing)

    def _key_at(self, table: Rows) -> str:
        if not table.row_count:
            return ""
        return str(table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value)
