"""Garbage collection by owner references, namespaces that empty themselves, default accounts."""

from __future__ import annotations

from collections.abc import Iterable

from agents.sandbox import kinds
from agents.sandbox.cluster import Cluster
from agents.sandbox.controllers.base import Controller, key_of
from agents.sandbox.deletion import FOREGROUND, ORPHAN, delete
from agents.sandbox.kinds import Kind
from agents.sandbox.objects import (
    Object,
    copy_of,
    is_deleting,
    meta,
    name_of,
    namespace_of,
    uid_of,
)
from agents.sandbox.store import Change, Key


class Garbage:
    """Keyed by the owner's uid: `("", uid)`."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._dependents: dict[str, set[tuple[Kind, Key]]] = {}
        self._owners: dict[str, tuple[Kind, Key]] = {}

    def keys(self, change: Change) -> Iterable[Key]:
        obj = change.obj
        entry = (change.kind, key_of(obj))
        owners = [each["uid"] for each in meta(obj).get("ownerReferences") or ()]
        if change.verb == "DELETED":
            for uid in owners:
                self._dependents.get(uid, set()).discard(entry)
            self._owners.pop(uid_of(obj), None)
            return [("", uid_of(obj)), *(("", uid) for uid in owners)]
        self._owners[uid_of(obj)] = entry
        for uid in owners:
            self._dependents.setdefault(uid, set()).add(entry)
        orphaned = [("", uid) for uid in owners if uid not in self._owners]
        return [*orphaned, ("", uid_of(obj))] if is_deleting(obj) else orphaned

    def reconcile(self, key: Key) -> None:
        uid = key[1]
        owner = self._owner(uid)
        dependents = sorted(
            self._dependents.get(uid, ()), key=lambda each: (each[0].plural, each[1])
        )
        if owner is None:
            for kind, (namespace, name) in dependents:
                self._collect(kind, namespace, name, uid)
            self._dependents.pop(uid, None)
        elif is_deleting(owner):
            self._finalize(owner, self._owners[uid][0], dependents)

    def _owner(self, uid: str) -> Object | None:
        entry = self._owners.get(uid)
        return self.cluster.store.find(entry[0], *entry[1]) if entry else None

    def _collect(self, kind: Kind, namespace: str, name: str, owner: str) -> None:
        found = self.cluster.store.find(kind, namespace, name)
        if found is None or is_deleting(found):
            return
        others = [e for e in meta(found)["ownerReferences"] if e["uid"] != owner]
        if any(each["uid"] in self._owners for each in others):
            changed = copy_of(found)
            changed["metadata"]["ownerReferences"] = others
            self.cluster.store.update(kind, changed)
        else:
            delete(self.cluster, kind, namespace, name)

    def _finalize(self, owner: Object, kind: Kind, dependents: list[tuple[Kind, Key]]) -> None:
        finalizers = meta(owner).get("finalizers") or []
        if ORPHAN in finalizers:
            for each, key in dependents:
                self._disown(each, key, uid_of(owner))
            self._release(owner, kind, ORPHAN)
        elif FOREGROUND in finalizers:
            for each, (namespace, name) in dependents:
                self._collect_now(each, namespace, name)
            if not self._dependents.get(uid_of(owner)):
                self._release(owner, kind, FOREGROUND)

    def _collect_now(self, kind: Kind, namespace: str, name: str) -> None:
        found = self.cluster.store.find(kind, namespace, name)
        if found is not None and not is_deleting(found):
            delete(self.cluster, kind, namespace, name)

    def _disown(self, kind: Kind, key: Key, owner: str) -> None:
        found = self.cluster.store.find(kind, *key)
        if found is None:
            return
        changed = copy_of(found)
        left = [e for e in changed["metadata"]["ownerReferences"] if e["uid"] != owner]
        changed["metadata"]["ownerReferences"] = left
        if not left:
            del changed["metadata"]["ownerReferences"]
        self._dependents.get(owner, set()).discard((kind, key))
        self.cluster.store.update(kind, changed)

    def _release(self, owner: Object, kind: Kind, finalizer: str) -> None:
        changed = copy_of(owner)
        changed["metadata"]["finalizers"] = [
            each for each in changed["metadata"]["finalizers"] if each != finalizer
        ]
        self.cluster.store.update(kind, changed)


class Namespaces(Controller):
    """Default service accounts in new namespaces; the emptying of those that are deleted."""

    kind = kinds.NAMESPACE

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind is kinds.NAMESPACE:
            return (("", name_of(change.obj)),)
        if change.verb == "DELETED" and change.kind.namespaced:
            return (("", namespace_of(change.obj)),)
        return ()

    def look(self, obj: Object) -> None:
        if is_deleting(obj):
            self._empty(name_of(obj))
            return
        if self.store.find(kinds.SERVICE_ACCOUNT, name_of(obj), "default") is None:
            metadata = {"name": "default", "namespace": name_of(obj)}
            account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
            self.cluster.registry.create(kinds.SERVICE_ACCOUNT, account)

    def _empty(self, namespace: str) -> None:
        found = [o for o in self.store.everything() if namespace_of(o) == namespace]
        for obj in found:
            kind = self.cluster.kinds.of(obj)
            if kind is not None and not is_deleting(obj):
                delete(self.cluster, kind, namespace, name_of(obj))
        if any(namespace_of(obj) == namespace for obj in self.store.everything()):
            return
        obj = copy_of(self.store.get(kinds.NAMESPACE, "", namespace))
        obj["metadata"]["deletionGracePeriodSeconds"] = 0
        self.store.update(kinds.NAMESPACE, obj)
        if self.store.find(kinds.NAMESPACE, "", namespace):
            self.store.delete(kinds.NAMESPACE, "", namespace)
