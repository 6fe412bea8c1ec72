"""Every write to an object goes through here: decode, default, validate, admit, store.

The REST API and the controllers use the same verbs, so a replica set meets a quota as a user does.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from agents.sandbox import admission, apply, defaults, errors, kinds, validation
from agents.sandbox.fields import Type, of_kind
from agents.sandbox.kinds import Kind
from agents.sandbox.objects import Object, at, copy_of, meta, name_of, namespace_of, uid_of
from agents.sandbox.store import Store

_NAME_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_KEPT_BY_SERVER = ("uid", "creationTimestamp", "resourceVersion", "deletionTimestamp")
_NO_GENERATION = frozenset({"ConfigMap", "Secret", "Event", "Endpoints", "Namespace", "Node"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """How a write is done. `manager` "" keeps no track of fields, as for controllers."""

    manager: str = ""
    dry_run: bool = False
    check_version: bool = False


PLAIN = Writing()


def fields_of(kind: Kind) -> Type | None:
    return None if kind.custom else of_kind(kind.kind)


class Registry:
    def __init__(self, store: Store) -> None:
        self.store = store
        self._letters = random.Random(20)  # noqa: S311 - names, the same on every run

    def suffix(self, length: int = 5) -> str:
        return "".join(self._letters.choice(_NAME_LETTERS) for _ in range(length))

    def create(self, kind: Kind, obj: Object, how: Writing = PLAIN) -> Object:
        """422 where `obj` is not valid, 403 where it is not admitted, 409 where it is there."""
        obj = copy_of(obj)
        metadata = obj["metadata"]
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + self.suffix()
        for owned in _KEPT_BY_SERVER:
            metadata.pop(owned, None)
        if "status" in kind.subresources:
            obj.pop("status", None)
        defaults.fill(obj)
        _validate(kind, obj, None)
        if self.store.find(kind, namespace_of(obj), name_of(obj)) is not None:
            raise errors.already_exists(kind, name_of(obj))
        admission.admit(self.store, kind, obj)
        _begin(kind, obj)
        if how.manager:
            fields = fields_of(kind)
            metadata.setdefault(
                "managedFields", apply.touched(None, obj, fields, manager=how.manager)
            )
        if how.dry_run:
            admission.stamp_new(obj)
            return obj
        return self.store.create(kind, obj)

    def check(self, kind: Kind, obj: Object) -> None:
        """422 where a new object is not valid; admission is not asked."""
        obj = copy_of(obj)
        defaults.fill(obj)
        _validate(kind, obj, None)

    def update(self, kind: Kind, obj: Object, how: Writing = PLAIN, *, sub: str = "") -> Object:
        """Replace an object, or with `sub` "status" its status alone."""
        before = self.store.get(kind, namespace_of(obj), name_of(obj))
        check_uid(kind, obj, before)
        obj = _merged_parts(kind, obj, before, sub)
        if not sub:
            defaults.fill(obj)
            _keep_assigned(kind, obj, before)
            _validate(kind, obj, before)
            _count_generation(kind, obj, before)
        if how.manager:
            _track(kind, obj, before, how.manager, sub)
        if how.dry_run:
            _check_version(kind, obj, before)
            return {**obj, "metadata": _server_metadata(obj, before)}
        return self.store.update(kind, obj, check_version=how.check_version)

    def status(self, kind: Kind, obj: Object, status: Object) -> Object:
        """Store a new status of `obj`; for controllers."""
        return self.store.update(kind, {**obj, "status": status})


def check_uid(kind: Kind, obj: Object, before: Object) -> None:
    """409 where the writer means another object that had the same name."""
    given = meta(obj).get("uid")
    if given and given != uid_of(before):
        why = f"Precondition failed: UID in precondition: {given}, UID in object meta: "
        raise errors.conflict(kind, name_of(before), why + uid_of(before))


def _validate(kind: Kind, obj: Object, before: Object | None) -> None:
    found = validation.problems(kind, obj, before)
    if found:
        raise errors.invalid(kind, name_of(obj) or meta(obj).get("generateName", ""), found)


def _begin(kind: Kind, obj: Object) -> None:
    if kind.kind not in _NO_GENERATION and kind.group != "rbac.authorization.k8s.io":
        obj["metadata"]["generation"] = 1
    if kind is kinds.POD:
        obj["status"] = {"phase": "Pending", "qosClass": _qos(obj)}
    elif kind is kinds.CLAIM or kind is kinds.VOLUME or kind is kinds.NAMESPACE:
        defaults.fill(obj)
    elif kind is kinds.SERVICE:
        obj["status"] = {"loadBalancer": {}}
    elif "status" in kind.subresources and not kind.custom:
        obj.setdefault("status", {})


def _qos(pod: Object) -> str:
    resources = [c.get("resources") or {} for c in pod["spec"].get("containers") or ()]
    if not any(each.get("requests") or each.get("limits") for each in resources):
        return "BestEffort"
    full = all(
        at(each, "limits", name) and at(each, "requests", name) == at(each, "limits", name)
        for each in resources
        for name in ("cpu", "memory")
    )
    return "Guaranteed" if full else "Burstable"


def _merged_parts(kind: Kind, obj: Object, before: Object, sub: str) -> Object:
    if sub:
        return {**before, "metadata": _status_metadata(obj, before), "status": obj.get("status")}
    if "status" in kind.subresources:
        obj = {key: value for key, value in obj.items() if key != "status"}
        if "status" in before:
            obj["status"] = before["status"]
    obj = copy_of(obj)
    obj["metadata"].setdefault("generation", meta(before).get("generation"))
    if obj["metadata"]["generation"] is None:
        del obj["metadata"]["generation"]
    for owned in ("deletionTimestamp", "deletionGracePeriodSeconds"):
        obj["metadata"].pop(owned, None)
        if owned in meta(before):
            obj["metadata"][owned] = meta(before)[owned]
    return obj


def _status_metadata(obj: Object, before: Object) -> Object:
    """The stored metadata, with the version the writer read, for the check of it."""
    given = meta(obj).get("resourceVersion")
    return {**meta(before), "resourceVersion": given or meta(before)["resourceVersion"]}


def _keep_assigned(kind: Kind, obj: Object, before: Object) -> None:
    """What the server assigned stays when a client leaves it out."""
    if kind is kinds.SERVICE:
        for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            if name in before["spec"]:
                obj["spec"].setdefault(name, before["spec"][name])
        old = {port.get("port"): port for port in before["spec"].get("ports") or ()}
        for port in obj["spec"].get("ports") or ():
            if "nodePort" in old.get(port.get("port"), {}):
                port.setdefault("nodePort", old[port["port"]]["nodePort"])
    if kind is kinds.JOB and "selector" in before["spec"]:
        obj["spec"].setdefault("selector", before["spec"]["selector"])


def _count_generation(kind: Kind, obj: Object, before: Object) -> None:
    generation = meta(before).get("generation")
    if generation is None:
        return
    ignored = {"metadata"} if kind.custom else {"metadata", "status"}
    if "status" in kind.subresources:
        ignored.add("status")
    changed = any(obj.get(key) != before.get(key) for key in (obj.keys() | before.keys()) - ignored)
    obj["metadata"]["generation"] = generation + 1 if changed else generation


def _track(kind: Kind, obj: Object, before: Object, manager: str, sub: str) -> None:
    fields = fields_of(kind)
    obj["metadata"] = {
        **obj["metadata"],
        "managedFields": apply.touched(before, obj, fields, manager=manager, sub=sub),
    }
    if not obj["metadata"]["managedFields"]:
        del obj["metadata"]["managedFields"]


def _check_version(kind: Kind, obj: Object, before: Object) -> None:
    given = meta(obj).get("resourceVersion")
    if given and given != meta(before)["resourceVersion"]:
        raise errors.conflict(kind, name_of(obj))


def _server_metadata(obj: Object, before: Object) -> Object:
    kept = {key: meta(before)[key] for key in _KEPT_BY_SERVER if key in meta(before)}
    return {**obj["metadata"], **kept}
