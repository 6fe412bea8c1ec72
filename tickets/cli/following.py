"""What happens as it happens, from a stream of the API, through restarts of the server."""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from typing import Any

from governance.cli import show
from governance.cli.frame import say
from governance.cli.service import Away, Service
from governance.cli.watching import AGAIN_S
from tickets.cli import happening

SILENT_S = 90.0  # three heartbeats of the server
BEGINNING = "evt_0"  # before the first event of the log: a stream after it tells everything


class Feed:
    """A stream, gone on with where it broke. Our server writes a frame's data as one line."""

    def __init__(self, service: Service, path: str, *, after: str = "") -> None:
        self._service, self._path = service, path
        self._last = after

    def events(self) -> Generator[dict[str, Any]]:
        """Until the stream ends, always by an `Away`. Raises `Failure`."""
        for line in self._service.lines(self._path, after=self._last, silent_s=SILENT_S):
            name, _, value = line.partition(": ")
            if name == "id":
                self._last = value
            elif name == "data" and (event := _parsed(value)):
                yield event
        raise Away("the stream ended")


def follow(feed: Feed, *, machine: bool, with_ticket: bool) -> None:
    """Show events until interrupted; an outage is told once."""
    away = False
    while True:
        try:
            for event in feed.events():
                if away:
                    say("The server is back.", error=True)
                away = False
                _tell(event, machine=machine, with_ticket=with_ticket)
        except Away as problem:
            if not away:
                say(f"{problem}; trying again", error=True)
            away = True
            time.sleep(AGAIN_S)


def _tell(event: dict[str, Any], *, machine: bool, with_ticket: bool) -> None:
    kind = event.get("type")
    if machine:
        if kind != "heartbeat":
            say(show.as_json(event, one_line=True))
    elif kind not in happening.DULL:
        say(happening.line(event, with_ticket=with_ticket))


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        said = json.loads(text)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None
