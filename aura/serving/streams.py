"""Open event streams of this process: a stopping server ends them, their clients never would."""

from __future__ import annotations

import asyncio
from typing import Any

from aura.serving.answers import App, Message, Receive, Scope, Send


class Streams:
    def __init__(self) -> None:
        self._open: set[asyncio.Task[Any]] = set()
        self._closing = False

    async def serve(self, app: App, scope: Scope, receive: Receive, send: Send) -> None:
        """Run a streaming application until it ends, its client leaves or `close()` is called."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - true inside a coroutine; for the type checker
        started = False

        async def tell(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        self._open.add(task)
        try:
            await app(scope, receive, tell)
        except asyncio.CancelledError:
            if not (self._closing and started):
                raise
            task.uncancel()
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._open.discard(task)

    def close(self) -> None:
        """End all streams with a whole last chunk, so that clients reconnect at once."""
        self._closing = True
        for task in self._open:
            task.cancel()


open_streams = Streams()
