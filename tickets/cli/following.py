"""`aura watch`: the events of tickets as they happen, through restarts of the server."""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from typing import Any

from governance.cli import show
from governance.cli.frame import say
from governance.cli.service import Away, Service
from governance.cli.watching import AGAIN_S
from tickets.cli import telling

SILENT_S = 90.0  # three heartbeats of the server


class Feed:
    """A stream, gone on with where it broke. Our server writes a frame's data as one line."""

    def __init__(self, service: Service, path: str) -> None:
        self._service, self._path = service, path
        self._last = ""

    def events(self) -> Generator[dict[str, Any]]:
        """Until the stream ends, always by an `Away`. Raises `Failure`."""
        for line in self._service.lines(self._path, after=self._last, silent_s=SILENT_S):
            name, _, value = line.partition(": ")
            if name == "id":
                self._last = value
            elif name == "data" and (event := _parsed(value)):
                yield event
        raise Away("the stream ended")


def follow(service: Service, path: str, *, machine: bool) -> None:
    """Show events until interrupted; an outage is told once."""
    feed, away = Feed(service, path), False
    while True:
        try:
            for event in feed.events():
                away = False
                if event.get("type") != "heartbeat":
                    say(show.as_json(event, one_line=True) if machine else telling.frame(event))
        except Away as problem:
            if not away:
                say(f"{problem}; trying again", error=True)
            away = True
            time.sleep(AGAIN_S)


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        said = json.loads(text)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None
