"""A client of the stream of everything that reconnects as an EventSource does."""

from __future__ import annotations

import threading

import httpx

PAUSE_S = 0.2
SILENCE_S = 40.0  # a stream says something at least every 30 s


class Listener:
    """Reads in the background until `stop()`; `ids` are all it has been sent, in order."""

    def __init__(self, url: str) -> None:
        self.ids: list[str] = []
        self.connections = 0
        self._url = url
        self._done = threading.Event()
        self._opened = threading.Event()
        threading.Thread(target=self._live, name="listener", daemon=True).start()

    def wait_opened(self, timeout_s: float) -> None:
        assert self._opened.wait(timeout_s), "the stream did not open"

    def stop(self) -> None:
        self._done.set()

    def _live(self) -> None:
        while not self._done.wait(PAUSE_S):
            try:
                self._listen()
            except httpx.HTTPError:
                continue

    def _listen(self) -> None:
        headers = {"Last-Event-ID": self.ids[-1]} if self.ids else {}
        timeout = httpx.Timeout(5.0, read=SILENCE_S)
        with (
            httpx.Client(timeout=timeout, trust_env=False) as http,
            http.stream("GET", self._url, headers=headers) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                return
            self.connections += 1
            for line in answer.iter_lines():
                self._opened.set()
                if line.startswith("id: "):
                    self.ids.append(line.removeprefix("id: "))
                if self._done.is_set():
                    return
