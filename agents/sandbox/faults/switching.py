"""Faults that are changes of objects: made when the annotation comes, undone when it goes."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable

from agents.sandbox import certificates, clock, kinds
from agents.sandbox.cluster import Cluster
from agents.sandbox.faults import faults
from agents.sandbox.kinds import Kind
from agents.sandbox.objects import (
    Object,
    annotations_of,
    at,
    copy_of,
    name_of,
    namespace_of,
    spec_of,
    uid_of,
)
from agents.sandbox.store import Change, Key

Undo = Callable[[], None]

_NOWHERE = "sandbox.aura.dev/no-such-pod"
_QUOTA = "sandbox-quota"
_POLICY = "sandbox-deny-egress"
_EXPIRED_DAYS = 90.0
_KINDS = (
    kinds.SERVICE,
    kinds.DEPLOYMENT,
    kinds.STATEFUL_SET,
    kinds.NAMESPACE,
    kinds.SECRET,
    kinds.INGRESS,
)


class Switching:
    """Keyed by `(plural/namespace, name)` of what carries the annotation."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.store = cluster.store
        self._undo: dict[str, tuple[str, Undo]] = {}

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind not in _KINDS:
            return ()
        before = annotations_of(change.before or {}).get(faults.FAULT)
        if annotations_of(change.obj).get(faults.FAULT) == before and change.verb != "ADDED":
            return ()
        return ((f"{change.kind.plural}/{namespace_of(change.obj)}", name_of(change.obj)),)

    def reconcile(self, key: Key) -> None:
        plural, _, namespace = key[0].partition("/")
        kind = next(each for each in _KINDS if each.plural == plural)
        obj = self.store.find(kind, namespace, key[1])
        if obj is None:
            return
        text = annotations_of(obj).get(faults.FAULT, "")
        done = self._undo.get(uid_of(obj))
        if done is not None and done[0] != text:
            del self._undo[uid_of(obj)]
            done[1]()
            obj = self.store.find(kind, namespace, key[1]) or obj
        fault = faults.of(obj)
        if fault is not None and uid_of(obj) not in self._undo:
            undo = self._do(fault[0], kind, obj)
            if undo is not None:
                self._undo[uid_of(obj)] = (text, undo)

    def _do(  # noqa: PLR0911 - one row a fault
        self, fault: str, kind: Kind, obj: Object
    ) -> Undo | None:
        match fault:
            case "selector-mismatch" if kind is kinds.SERVICE:
                wrong = {**(spec_of(obj).get("selector") or {}), _NOWHERE: "true"}
                return self._set(kind, obj, ("spec", "selector"), wrong)
            case "scaled-to-zero":
                return self._set(kind, obj, ("spec", "replicas"), 0)
            case "quota-exceeded" if kind is kinds.NAMESPACE:
                return self._quota(name_of(obj))
            case "network-policy":
                where = name_of(obj) if kind is kinds.NAMESPACE else namespace_of(obj)
                return self._policy(where, obj)
            case "certificate-expired" if kind is kinds.SECRET:
                return self._expire(obj)
            case "certificate-expired" if kind is kinds.INGRESS:
                return self._expire_of(obj)
            case _:
                return None

    def _set(self, kind: Kind, obj: Object, path: tuple[str, str], value: object) -> Undo:
        """Change one field; the undo puts back what was there."""
        before = at(obj, *path)
        key = (namespace_of(obj), name_of(obj))

        def put(what: object) -> None:
            found = self.store.find(kind, *key)
            if found is not None:
                changed = copy_of(found)
                changed[path[0]][path[1]] = what
                self.cluster.registry.update(kind, changed)

        put(value)
        return lambda: put(before)

    def _made(self, kind: Kind, namespace: str, name: str, spec: Object) -> Undo:
        metadata = {"name": name, "namespace": namespace}
        body = {"apiVersion": kind.api_version, "kind": kind.kind}
        if self.store.find(kind, namespace, name) is None:
            self.cluster.registry.create(kind, {**body, "metadata": metadata, "spec": spec})

        def undo() -> None:
            if self.store.find(kind, namespace, name) is not None:
                self.store.delete(kind, namespace, name)

        return undo

    def _quota(self, namespace: str) -> Undo:
        pods = len(self.store.all(kinds.POD, namespace))
        return self._made(kinds.QUOTA, namespace, _QUOTA, {"hard": {"pods": str(pods)}})

    def _policy(self, namespace: str, obj: Object) -> Undo:
        selector = {} if obj["kind"] == "Namespace" else spec_of(obj).get("selector") or {}
        spec = {"podSelector": selector, "policyTypes": ["Egress"]}
        return self._made(kinds.NETWORK_POLICY, namespace, _POLICY, spec)

    def _expire(self, secret: Object) -> Undo:
        begin = clock.now() - (_EXPIRED_DAYS + 2) * certificates.DAY_S
        made = certificates.pair(f"{name_of(secret)}.example.com", begin=begin, days=_EXPIRED_DAYS)
        before = secret.get("data") or {}
        data = {"tls.crt": _encoded(made.certificate), "tls.key": _encoded(made.key)}
        key = (namespace_of(secret), name_of(secret))

        def put(what: Object) -> None:
            found = self.store.find(kinds.SECRET, *key)
            if found is not None:
                self.store.update(kinds.SECRET, {**found, "data": what})

        put({**before, **data})
        return lambda: put(before)

    def _expire_of(self, ingress: Object) -> Undo | None:
        name = at(ingress, "spec", "tls", 0, "secretName")
        secret = name and self.store.find(kinds.SECRET, namespace_of(ingress), name)
        return self._expire(secret) if secret else None


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
