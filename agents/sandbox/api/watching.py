"""Watches: changes as lines of JSON, for as long as the client wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from agents.sandbox import clock, errors, events, kinds
from agents.sandbox.api.listing import Selection, form_of, selection, shown, stored
from agents.sandbox.api.message import Request, Response, encoded
from agents.sandbox.api.resources import Target
from agents.sandbox.cluster import Cluster
from agents.sandbox.objects import Object
from agents.sandbox.store import Change

_LONGEST_S = 1800.0
_BOOKMARK_S = 30.0


def watch(cluster: Cluster, request: Request, target: Target) -> Response:
    """GET …?watch=true. A version that is too old is told as an ERROR event, as the server does."""
    chosen = selection(request, target.kind, target.namespace or None)
    version = request.one("resourceVersion")
    if version and not version.isdigit():
        raise errors.bad_request(f'Invalid value: "{version}": strconv.ParseUint: invalid syntax')
    limit = request.number("timeoutSeconds") or 0
    stream = _Watch(cluster, request, chosen)
    return Response(stream=stream.lines(int(version or 0), float(limit) or _LONGEST_S))


class _Watch:
    def __init__(self, cluster: Cluster, request: Request, chosen: Selection) -> None:
        self._cluster = cluster
        self._request = request
        self._chosen = chosen
        self._kind = kinds.EVENT if chosen.kind is kinds.NEW_EVENT else chosen.kind
        self._queue: asyncio.Queue[Change] = asyncio.Queue()
        self._bookmarks = request.flag("allowWatchBookmarks")

    async def lines(self, version: int, seconds: float) -> AsyncIterator[bytes]:
        end = self._cluster.store.listen(self._changed)
        try:
            try:
                first = self._begin(version)
            except errors.ApiError as error:
                yield encoded({"type": "ERROR", "object": error.status()}) + b"\n"
                return
            for line in first:
                yield line
            async for line in self._follow(seconds):
                yield line
        finally:
            end()

    def _begin(self, version: int) -> list[bytes]:
        """What a client of `version` has not seen; everything for none."""
        initial = self._request.flag("sendInitialEvents")
        if version and not initial:
            changes = self._cluster.store.since(version)
            return [line for change in changes if (line := self._line(change))]
        lines = [
            self._event("ADDED", obj)
            for obj in stored(self._cluster, self._chosen)
            if self._chosen.matches(obj)
        ]
        if initial:
            lines.append(self._bookmark({"k8s.io/initial-events-end": "true"}))
        return lines

    async def _follow(self, seconds: float) -> AsyncIterator[bytes]:
        deadline = clock.now() + seconds
        while (left := deadline - clock.now()) > 0:
            try:
                change = await asyncio.wait_for(self._queue.get(), min(left, _BOOKMARK_S))
            except TimeoutError:
                if self._bookmarks:
                    yield self._bookmark({})
                continue
            line = self._line(change)
            if line:
                yield line

    def _changed(self, change: Change) -> None:
        if change.kind is self._kind:
            self._queue.put_nowait(change)

    def _line(self, change: Change) -> bytes:
        """The event of a change, b"" where it does not concern the selection."""
        if change.kind is not self._kind:
            return b""
        before = change.before is not None and self._chosen.matches(change.before)
        after = change.verb != "DELETED" and self._chosen.matches(change.obj)
        if after:
            return self._event("MODIFIED" if before else "ADDED", change.obj)
        return self._event("DELETED", change.obj) if before else b""

    def _event(self, verb: str, obj: Object) -> bytes:
        if self._chosen.kind is kinds.NEW_EVENT:
            obj = events.in_new_api(obj)
        body = shown(self._request, self._chosen.kind, obj)
        return encoded({"type": verb, "object": body}) + b"\n"

    def _bookmark(self, annotations: dict[str, str]) -> bytes:
        metadata: Object = {"resourceVersion": str(self._cluster.store.version)}
        if annotations:
            metadata["annotations"] = annotations
        obj: Object = {
            "kind": self._chosen.kind.kind,
            "apiVersion": self._chosen.kind.api_version,
            "metadata": metadata,
        }
        if form_of(self._request) == "Table":
            obj = {**shown(self._request, self._chosen.kind, {**obj, "items": []}), "rows": []}
        return encoded({"type": "BOOKMARK", "object": obj}) + b"\n"
