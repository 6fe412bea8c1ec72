"""The application, and the stream that tells it what happens."""

from __future__ import annotations

import threading
import time
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from governance.cli.frame import Failure
from governance.cli.service import Away, Service
from governance.cli.watching import AGAIN_S
from tickets.cli.desk import Desk
from tickets.cli.following import Feed
from tickets.cli.screen.asking import Note
from tickets.cli.screen.inbox import Inbox
from tickets.cli.screen.live import Live, Shell

HELP = """\
j k, arrows   up and down
Enter         open the ticket
y             approve; asks first
n             deny, with a reason
a             answer the question
r             run or resume
c             cancel the ticket; asks first
f             all tickets, or what waits alone
u             look again; it renews itself too
q             back; in the list: leave

Open a ticket with: aura new TITLE TEXT"""


class AuraApp(Shell):
    """`service`: the API, as whoever looks."""

    TITLE = "Aura"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #title { height: 1; background: $primary; color: $text; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "keys", "Keys"),
        Binding("ctrl+c", "quit", "Leave", show=False, priority=True),
    ]

    def __init__(self, service: Service) -> None:
        super().__init__(Desk(service))
        self._service = service

    def on_mount(self) -> None:
        self.push_screen(Inbox())
        threading.Thread(target=self._follow, daemon=True).start()

    def on_unmount(self) -> None:
        self._service.hang_up()

    def action_keys(self) -> None:
        if isinstance(self.screen, Live):
            self.push_screen(Note(HELP))

    def _follow(self) -> None:
        """The events of all tickets, for ever, through restarts of the server."""
        feed = Feed(self._service, "/api/stream?waiting=1")
        while self.is_running:
            try:
                for event in feed.events():
                    self.back(self._happened, "live", event)
            except Away:
                self.back(self._happened, "not connected, trying again", None)
            except Failure as failure:
                self.back(self._happened, "not live", None)
                self.back(self.tell_failure, str(failure))
                return
            time.sleep(AGAIN_S)

    def _happened(self, connection: str, event: dict[str, Any] | None) -> None:
        self.connection = connection
        for screen in self.screen_stack:
            if not isinstance(screen, Live) or not screen.there:
                continue  # what is not there yet asks when it is
            if event is None or event.get("type") == "heartbeat":
                screen.name_it()
            else:
                screen.happened(event)


def show(service: Service) -> None:
    """Until the person leaves it."""
    AuraApp(service).run()
