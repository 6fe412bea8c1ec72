"""Events: what controllers tell people, counted where they repeat themselves.

Their names rise with time, so that a list is in the order in which things happened.
"""

from __future__ import annotations

from collections import deque

from agents.sandbox import clock, kinds
from agents.sandbox.objects import Object, name_of, namespace_of, reference_to, uid_of
from agents.sandbox.store import Store

_MOST = 10_000


class Recorder:
    """`component` is who reports: kubelet, default-scheduler, deployment-controller …"""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._names: dict[tuple[str, ...], str] = {}
        self._number = 0
        self._kept: deque[tuple[tuple[str, ...], str, str]] = deque()

    def normal(self, about: Object, component: str, reason: str, message: str, **more: str) -> None:
        self._record("Normal", about, component, reason, message, more)

    def warning(
        self, about: Object, component: str, reason: str, message: str, **more: str
    ) -> None:
        self._record("Warning", about, component, reason, message, more)

    def _record(
        self, kind: str, about: Object, component: str, reason: str, message: str, more: Object
    ) -> None:
        """`more`: `host` is the node, `field` the path within the object (a container)."""
        field = more.get("field", "")
        told = (uid_of(about), kind, component, reason, message, field)
        namespace = namespace_of(about) or "default"
        before = self._store.find(kinds.EVENT, namespace, self._names.get(told, ""))
        if before is not None:
            again = {**before, "count": before["count"] + 1, "lastTimestamp": clock.stamp()}
            self._store.update(kinds.EVENT, again)
            return
        self._number += 1
        name = f"{name_of(about)}.{int(clock.now()):x}{self._number:08x}"
        self._names[told] = name
        self._kept.append((told, namespace, name))
        self._forget()
        involved = reference_to(about) | ({"fieldPath": field} if field else {})
        host = more.get("host", "")
        self._store.create(
            kinds.EVENT,
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": name, "namespace": namespace},
                "involvedObject": involved,
                "type": kind,
                "reason": reason,
                "message": message,
                "source": {"component": component} | ({"host": host} if host else {}),
                "firstTimestamp": clock.stamp(),
                "lastTimestamp": clock.stamp(),
                "count": 1,
                "eventTime": None,
                "reportingComponent": component,
                "reportingInstance": host,
            },
        )

    def _forget(self) -> None:
        """A real cluster forgets events after an hour; here the oldest make room."""
        while len(self._kept) > _MOST:
            told, namespace, name = self._kept.popleft()
            self._names.pop(told, None)
            if self._store.find(kinds.EVENT, namespace, name) is not None:
                self._store.delete(kinds.EVENT, namespace, name)


def in_new_api(event: Object) -> Object:
    """A core event as events.k8s.io/v1 shows it."""
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": event["metadata"],
        "eventTime": event.get("eventTime"),
        "reportingController": event.get("reportingComponent", ""),
        "reportingInstance": event.get("reportingInstance", ""),
        "action": event.get("action", ""),
        "reason": event.get("reason", ""),
        "regarding": event.get("involvedObject", {}),
        "note": event.get("message", ""),
        "type": event.get("type", ""),
        "deprecatedSource": event.get("source", {}),
        "deprecatedFirstTimestamp": event.get("firstTimestamp"),
        "deprecatedLastTimestamp": event.get("lastTimestamp"),
        "deprecatedCount": event.get("count", 0),
    }
