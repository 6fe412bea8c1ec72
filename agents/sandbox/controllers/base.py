"""What controllers have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from agents.sandbox.cluster import Cluster
from agents.sandbox.kinds import Kind
from agents.sandbox.objects import (
    Object,
    annotations_of,
    is_deleting,
    meta,
    name_of,
    namespace_of,
    owned_by,
    owner_of,
)
from agents.sandbox.store import Change, Key

UNMANAGED = "sandbox.aura.dev/unmanaged"


def key_of(obj: Object) -> Key:
    return namespace_of(obj), name_of(obj)


def left_alone(obj: Object) -> bool:
    """Objects put there by hand to stay as they are."""
    return annotations_of(obj).get(UNMANAGED) == "true"


class Controller:
    """Looks at objects of `kind`, whenever one of them or something it owns changes."""

    kind: ClassVar[Kind]
    owns: ClassVar[tuple[Kind, ...]] = ()

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.store = cluster.store
        self.events = cluster.events

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind is self.kind:
            return (key_of(change.obj),)
        if change.kind in self.owns:
            owner = owner_of(change.obj)
            if owner is not None and owner.get("kind") == self.kind.kind:
                return ((namespace_of(change.obj), owner["name"]),)
        return ()

    def reconcile(self, key: Key) -> None:
        obj = self.store.find(self.kind, *key)
        if obj is not None and not left_alone(obj):
            self.look(obj)

    def look(self, obj: Object) -> None:
        """Bring `obj` a step closer to its spec."""
        raise NotImplementedError

    def again(self, obj: Object, delay_s: float) -> None:
        self.cluster.engine.later(self, key_of(obj), delay_s)

    @property
    def pace_s(self) -> float:
        return self.cluster.options.pace_s

    def owned(self, kind: Kind, owner: Object) -> list[Object]:
        """The owner's objects of a kind, the oldest first."""
        found = [o for o in self.store.all(kind, namespace_of(owner)) if owned_by(o, owner)]
        return sorted(found, key=_age)

    def set_status(self, obj: Object, status: Object) -> Object:
        """Store the status where it differs."""
        return self.cluster.registry.status(self.kind, obj, status)


def _age(obj: Object) -> tuple[str, str]:
    return (str(meta(obj)["creationTimestamp"]), name_of(obj))


def living(objects: Iterable[Object]) -> list[Object]:
    return [obj for obj in objects if not is_deleting(obj)]
