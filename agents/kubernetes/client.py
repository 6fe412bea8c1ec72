"""One cluster as the tools use it: objects as JSON, pages counted, failures in plain words."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from agents.kubernetes import contexts
from agents.kubernetes.failures import NOT_FOUND, UNAUTHORIZED, ClusterError, of_answer
from agents.kubernetes.kinds import Kind, Object

if TYPE_CHECKING:
    from agents.kubernetes.wire import Answer, Wire

API_TIMEOUT_S: Final = 10.0
PAGE: Final = 500  # objects of one request
MOST: Final = 5000  # objects of one list
MERGE: Final = "application/merge-patch+json"
STRATEGIC: Final = "application/strategic-merge-patch+json"
DRY_RUN: Final = ("dryRun", "All")
FIELD_MANAGER: Final = "aura"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Objects, at most `MOST`; `more`: the cluster has others that were not read."""

    items: list[Object]
    more: bool = False


class Cluster:
    """The cluster of one context. Every method raises `ClusterError`, after 10 s at the latest."""

    def __init__(self, paths: str, context: str) -> None:
        self._paths = paths
        self.context = context

    def get(self, kind: Kind, name: str, namespace: str = "", *, subresource: str = "") -> Object:
        return self.read(kind.path(namespace=namespace, name=name, subresource=subresource))

    def read(self, path: str) -> Object:
        """The JSON at a path of the API."""
        return self._object(self.request("GET", path))

    def find(self, kind: Kind, name: str, namespace: str = "") -> Object | None:
        """The object, or None where there is none."""
        try:
            return self.get(kind, name, namespace)
        except ClusterError as error:
            if error.status != NOT_FOUND:
                raise
            return None

    def list(
        self, kind: Kind, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> Listed:
        """The objects of a namespace, or of all; the API's order, that of their names."""
        items: list[Object] = []
        more = False
        for page in self._pages(kind, namespace, labels, fields):
            items += [item for item in page.get("items") or [] if isinstance(item, dict)]
            more = bool(_follow(page))
        for item in items:  # the items of a list do not say what they are
            item.setdefault("apiVersion", kind.api_version)
            item.setdefault("kind", kind.kind)
        return Listed(items=items, more=more)

    def _pages(self, kind: Kind, namespace: str, labels: str, fields: str) -> Iterator[Object]:
        """Pages until the last, `MOST` objects, or the time of one request is over."""
        follow, end = "", time.monotonic() + API_TIMEOUT_S
        for _ in range(MOST // PAGE):
            asked = {
                "labelSelector": labels,
                "fieldSelector": fields,
                "limit": str(PAGE),
                "continue": follow,
            }
            query = tuple((key, value) for key, value in asked.items() if value)
            page = self._object(self.request("GET", kind.path(namespace=namespace), query))
            yield page
            follow = _follow(page)
            if not follow or time.monotonic() > end:
                return

    def create(self, kind: Kind, obj: Object, namespace: str, *, dry_run: bool = False) -> Object:
        query = [("fieldManager", FIELD_MANAGER), ("fieldValidation", "Strict")]
        query += [DRY_RUN] if dry_run else []
        return self._object(self.request("POST", kind.path(namespace=namespace), query, body=obj))

    def patch(
        self,
        kind: Kind,
        name: str,
        namespace: str,
        patch: Mapping[str, Any],
        *,
        subresource: str = "",
        content_type: str = MERGE,
        dry_run: bool = False,
    ) -> Object:
        """The object as it is afterwards. `metadata.uid` in the patch is a precondition."""
        path = kind.path(namespace=namespace, name=name, subresource=subresource)
        query = [("fieldManager", FIELD_MANAGER)] + ([DRY_RUN] if dry_run else [])
        answer = self.request("PATCH", path, query, body=dict(patch), content_type=content_type)
        return self._object(answer)

    def delete(
        self, kind: Kind, name: str, namespace: str, options: Mapping[str, Any], *, dry_run: bool
    ) -> None:
        """`options` as in DeleteOptions, e.g. `preconditions.uid`."""
        query = [DRY_RUN] if dry_run else []
        path = kind.path(namespace=namespace, name=name)
        self.request("DELETE", path, query, body=dict(options))

    def text(self, path: str, query: tuple[tuple[str, str], ...]) -> str:
        """A text answer, such as a log."""
        body = self.request("GET", path, query, accept="*/*").body
        return body.decode("utf-8", "replace")

    def request(
        self,
        method: str,
        path: str,
        query: Any = (),
        *,
        body: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Answer:
        """One request; credentials that are refused are read again once, as they may be new."""

        def send(wire: Wire) -> Answer:
            return wire.send(
                method,
                path,
                query,
                body=body,
                content_type=content_type,
                accept=accept,
                timeout_s=API_TIMEOUT_S,
            )

        wire = self.wire
        answer = send(wire)
        if answer.status == UNAUTHORIZED:
            answer = send(_wires.renewed(self._paths, self.context, wire))
        if 200 <= answer.status < 300:  # noqa: PLR2004 - the successes of HTTP
            return answer
        raise of_answer(answer.status, answer.body, context=self.context)

    @property
    def wire(self) -> Wire:
        """What websockets are opened with."""
        return _wires.get(self._paths, self.context)

    def _object(self, answer: Answer) -> Object:
        try:
            said = json.loads(answer.body)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            raise ClusterError(
                f"What answers at {self.wire.server} is not a Kubernetes API.",
                answer.body[:200].decode("utf-8", "replace"),
            )
        return said


def _follow(page: Object) -> str:
    """What the next page is asked for with."""
    return str((page.get("metadata") or {}).get("continue") or "")


def prepare() -> None:
    """Import what requests are sent with: a second of work that nobody waits for then."""
    import agents.kubernetes.wire  # noqa: F401, PLC0415


class _Wires:
    """The open connections: one a context and state of its kubeconfig."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[tuple[str, str], tuple[contexts.State, Wire]] = {}

    def get(self, paths: str, context: str) -> Wire:
        key, state = (paths, context), contexts.state(paths)
        with self._lock:
            kept = self._open.get(key)
            if kept is not None and kept[0] == state:
                return kept[1]
            # The import costs a second, and only workers pay it.
            from agents.kubernetes.wire import Wire  # noqa: PLC0415

            contexts.chosen(paths, context)
            wire = Wire(paths, context)
            self._open[key] = (state, wire)
            return wire

    def renewed(self, paths: str, context: str, refused: Wire) -> Wire:
        """A connection with the credentials read again, unless another thread has done it."""
        with self._lock:
            kept = self._open.get((paths, context))
            if kept is not None and kept[1] is refused:
                del self._open[paths, context]
        return self.get(paths, context)


_wires = _Wires()


def connect(paths: str, context: str = "") -> Cluster:
    """The cluster of a context of these kubeconfig files; of the current one where none is named.

    Nothing is asked of it yet. Raises `ClusterError` for a context that cannot be used.
    """
    return Cluster(paths, contexts.chosen(paths, context))
