"""The objects of the cluster, in memory: one counter of resource versions, one history of changes.

Everything stored is shared and read-only: writers hand in new dictionaries. The store knows
deletion (finalizers, grace) and versions; what an object may look like is its callers' business.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from agents.sandbox import clock, errors
from agents.sandbox.kinds import Kind
from agents.sandbox.objects import Object, copy_of, is_deleting, meta, name_of, namespace_of

Verb = Literal["ADDED", "MODIFIED", "DELETED"]

_HISTORY = 5_000  # changes kept for watches; older versions answer 410
_FIRST_VERSION = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One write. `before` is None for ADDED; `obj` is the last state for DELETED."""

    verb: Verb
    kind: Kind
    obj: Object
    before: Object | None
    version: int


Listener = Callable[[Change], None]
Key = tuple[str, str]  # namespace ("" for cluster-wide), name


class Store:
    def __init__(self) -> None:
        self.version = _FIRST_VERSION
        self._objects: dict[tuple[str, str], dict[Key, Object]] = {}
        self._sorted: dict[tuple[str, str], list[Key]] = {}  # until a key comes or goes
        self._history: deque[Change] = deque(maxlen=_HISTORY)
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` after every write; the answer ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    # --- reading ---

    def find(self, kind: Kind, namespace: str, name: str) -> Object | None:
        return self._objects.get(kind.key, {}).get((namespace, name))

    def get(self, kind: Kind, namespace: str, name: str) -> Object:
        """The object; 404 where there is none."""
        found = self.find(kind, namespace, name)
        if found is None:
            raise errors.not_found(kind, name)
        return found

    def all(self, kind: Kind, namespace: str | None = None) -> list[Object]:
        """By namespace and name, as etcd's keys are ordered; None for every namespace."""
        objects = self._objects.get(kind.key, {})
        keys = self._sorted.get(kind.key)
        if keys is None:
            keys = self._sorted[kind.key] = sorted(objects)
        return [objects[key] for key in keys if namespace is None or key[0] == namespace]

    def everything(self) -> Iterator[Object]:
        for objects in list(self._objects.values()):
            yield from list(objects.values())

    def since(self, version: int) -> list[Change]:
        """Changes after `version`; 410 when the history does not reach back that far."""
        oldest = self._history[0].version if self._history else self.version + 1
        forgotten = len(self._history) == self._history.maxlen and version < oldest - 1
        if forgotten or version < _FIRST_VERSION:
            raise errors.expired(f"too old resource version: {version} ({oldest})")
        return [change for change in self._history if change.version > version]

    def compact(self) -> None:
        """Forget the history, as etcd does every five minutes."""
        self._history.clear()
        self.version += 1
        self._history = deque(maxlen=_HISTORY)

    @property
    def oldest(self) -> int:
        """The oldest version a watch may start from."""
        return self._history[0].version - 1 if self._history else self.version

    # --- writing ---

    def create(self, kind: Kind, obj: Object) -> Object:
        """Store a new object; metadata the server owns is set here. 409 where the name is taken."""
        namespace, name = namespace_of(obj), name_of(obj)
        if self.find(kind, namespace, name) is not None:
            raise errors.already_exists(kind, name)
        metadata = dict(meta(obj))
        metadata["uid"] = str(uuid.uuid4())
        metadata["creationTimestamp"] = clock.stamp()
        for owned in ("deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"):
            metadata.pop(owned, None)
        return self._write("ADDED", kind, {**obj, "metadata": metadata}, None)

    def update(self, kind: Kind, obj: Object, *, check_version: bool = False) -> Object:
        """Replace an object; nothing happens where nothing differs. 404, and 409 where
        `check_version` is set and `obj` carries another resourceVersion than the stored one.

        An object that is being deleted goes when its last finalizer goes.
        """
        before = self.get(kind, namespace_of(obj), name_of(obj))
        given = str(meta(obj).get("resourceVersion") or "")
        if check_version and given and given != meta(before)["resourceVersion"]:
            raise errors.conflict(kind, name_of(obj))
        metadata = dict(meta(obj))
        for owned in ("uid", "creationTimestamp", "resourceVersion"):
            metadata[owned] = meta(before)[owned]
        obj = {**obj, "metadata": metadata}
        if obj == before:
            return before
        if is_deleting(obj) and not metadata.get("finalizers") and _waits_for_nobody(metadata):
            return self._remove(kind, obj)
        return self._write("MODIFIED", kind, obj, before)

    def delete(self, kind: Kind, namespace: str, name: str, *, grace_s: int = 0) -> Object:
        """Begin or finish a deletion; finalizers and a grace period keep the object, marked."""
        before = self.get(kind, namespace, name)
        if not meta(before).get("finalizers") and not grace_s:
            return self._remove(kind, before)
        if is_deleting(before) and meta(before).get("deletionGracePeriodSeconds", 0) <= grace_s:
            return before
        obj = copy_of(before)
        obj["metadata"]["deletionTimestamp"] = clock.stamp(clock.now() + grace_s)
        obj["metadata"]["deletionGracePeriodSeconds"] = grace_s
        return self._write("MODIFIED", kind, obj, before)

    def _remove(self, kind: Kind, obj: Object) -> Object:
        del self._objects[kind.key][namespace_of(obj), name_of(obj)]
        return self._write("DELETED", kind, obj, obj)

    def _write(self, verb: Verb, kind: Kind, obj: Object, before: Object | None) -> Object:
        self.version += 1
        metadata = {**meta(obj), "resourceVersion": str(self.version)}
        obj = {**obj, "metadata": metadata}
        if verb != "MODIFIED":
            self._sorted.pop(kind.key, None)
        if verb != "DELETED":
            objects = self._objects.setdefault(kind.key, {})
            objects[namespace_of(obj), name_of(obj)] = obj
        change = Change(verb=verb, kind=kind, obj=obj, before=before, version=self.version)
        self._history.append(change)
        for listener in list(self._listeners):
            listener(change)
        return obj


def _waits_for_nobody(metadata: Object) -> bool:
    """Without a grace period the finalizers were all that kept the object."""
    return not metadata.get("deletionGracePeriodSeconds")
