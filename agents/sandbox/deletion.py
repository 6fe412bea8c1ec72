"""Deletion as a client asks for it: grace, propagation, preconditions."""

from __future__ import annotations

from dataclasses import dataclass

from agents.sandbox import errors, kinds
from agents.sandbox.cluster import Cluster
from agents.sandbox.kinds import Kind
from agents.sandbox.objects import Object, copy_of, meta, spec_of, uid_of

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
_FINALIZERS = {"Foreground": FOREGROUND, "Orphan": ORPHAN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleting:
    """`grace_s` None is the object's own; `propagation` is Background, Foreground or Orphan."""

    grace_s: int | None = None
    propagation: str = "Background"
    dry_run: bool = False
    uid: str = ""
    version: str = ""


BACKGROUND = Deleting()


def delete(
    cluster: Cluster, kind: Kind, namespace: str, name: str, how: Deleting = BACKGROUND
) -> Object | None:
    """The object as it stays for now, or None where it is gone."""
    obj = cluster.store.get(kind, namespace, name)
    _preconditions(kind, obj, how)
    if how.dry_run:
        return obj
    finalizer = _FINALIZERS.get(how.propagation)
    if finalizer and finalizer not in (meta(obj).get("finalizers") or ()):
        obj = copy_of(obj)
        obj["metadata"].setdefault("finalizers", []).append(finalizer)
        obj = cluster.store.update(kind, obj)
    if kind is kinds.NAMESPACE:
        return _namespace(cluster, obj)
    left = cluster.store.delete(kind, namespace, name, grace_s=_grace(kind, obj, how))
    return left if cluster.store.find(kind, namespace, name) else None


def _preconditions(kind: Kind, obj: Object, how: Deleting) -> None:
    if how.uid and how.uid != uid_of(obj):
        why = f"Precondition failed: UID in precondition: {how.uid}, UID in object meta: "
        raise errors.conflict(kind, meta(obj)["name"], why + uid_of(obj))
    if how.version and how.version != meta(obj)["resourceVersion"]:
        why = (
            f"Precondition failed: ResourceVersion in precondition: {how.version},"
            f" ResourceVersion in object meta: {meta(obj)['resourceVersion']}"
        )
        raise errors.conflict(kind, meta(obj)["name"], why)


def _grace(kind: Kind, obj: Object, how: Deleting) -> int:
    """Only pods on a node take their leave; one nobody runs goes at once."""
    if kind is not kinds.POD or not spec_of(obj).get("nodeName"):
        return 0
    own = int(spec_of(obj).get("terminationGracePeriodSeconds", 30))
    return own if how.grace_s is None else how.grace_s


def _namespace(cluster: Cluster, obj: Object) -> Object:
    """A namespace stays, terminating, until the namespace controller has emptied it."""
    obj = cluster.store.delete(kinds.NAMESPACE, "", meta(obj)["name"], grace_s=1)
    status = {**(obj.get("status") or {}), "phase": "Terminating"}
    return cluster.store.update(kinds.NAMESPACE, {**obj, "status": status})
