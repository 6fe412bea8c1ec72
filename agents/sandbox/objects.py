"""Objects as they travel: JSON in dictionaries, and the handful of fields everybody reads.

A stored object is never changed in place: whoever writes takes a `copy_of` first.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

Object: TypeAlias = dict[str, Any]


def copy_of(value: Any) -> Any:
    """A deep copy of JSON; three times as fast as `copy.deepcopy`."""
    if isinstance(value, dict):
        return {key: copy_of(item) for key, item in value.items()}
    if isinstance(value, list):
        return [copy_of(item) for item in value]
    return value


def meta(obj: Object) -> Object:
    return obj.get("metadata") or {}


def name_of(obj: Object) -> str:
    return str(meta(obj).get("name") or "")


def namespace_of(obj: Object) -> str:
    """The namespace; "" for cluster-wide objects."""
    return str(meta(obj).get("namespace") or "")


def uid_of(obj: Object) -> str:
    return str(meta(obj).get("uid") or "")


def labels_of(obj: Object) -> dict[str, str]:
    return meta(obj).get("labels") or {}


def annotations_of(obj: Object) -> dict[str, str]:
    return meta(obj).get("annotations") or {}


def spec_of(obj: Object) -> Object:
    return obj.get("spec") or {}


def status_of(obj: Object) -> Object:
    return obj.get("status") or {}


def is_deleting(obj: Object) -> bool:
    return bool(meta(obj).get("deletionTimestamp"))


def owner_of(obj: Object) -> Object | None:
    """The owner reference with `controller: true`."""
    references: Iterable[Object] = meta(obj).get("ownerReferences") or ()
    return next((each for each in references if each.get("controller")), None)


def owned_by(obj: Object, owner: Object) -> bool:
    reference = owner_of(obj)
    return reference is not None and reference.get("uid") == uid_of(owner)


def owner_reference(owner: Object) -> Object:
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": name_of(owner),
        "uid": uid_of(owner),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def reference_to(obj: Object) -> Object:
    """An ObjectReference, as events name what they are about."""
    reference = {
        "kind": obj.get("kind", ""),
        "namespace": namespace_of(obj),
        "name": name_of(obj),
        "uid": uid_of(obj),
        "apiVersion": obj.get("apiVersion", ""),
        "resourceVersion": str(meta(obj).get("resourceVersion") or ""),
    }
    return {key: value for key, value in reference.items() if value}


def at(value: Any, *path: str | int, default: Any = None) -> Any:
    """The value at a path of keys and indexes; `default` where the path ends early."""
    for step in path:
        if isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                return default
            value = value[step]
        elif isinstance(value, dict):
            value = value.get(step)
        else:
            return default
    return default if value is None else value


def pod_template(obj: Object) -> Object:
    """The pod template of a workload, the CronJob's two levels down; {} where there is none."""
    spec = spec_of(obj)
    if obj.get("kind") == "CronJob":
        spec = at(spec, "jobTemplate", "spec", default={})
    template = spec.get("template")
    return template if isinstance(template, dict) else {}


def set_condition(status: Object, now: str, /, **fields: str) -> None:
    """Put a condition in place by its `type`; the transition time moves with `status` alone."""
    conditions = status.setdefault("conditions", [])
    for condition in conditions:
        if condition["type"] == fields["type"]:
            if condition["status"] != fields["status"]:
                condition["lastTransitionTime"] = now
            if "lastUpdateTime" in condition and any(
                condition.get(key) != value for key, value in fields.items()
            ):
                condition["lastUpdateTime"] = now
            for stale in {"reason", "message"} - fields.keys():
                condition.pop(stale, None)
            condition.update(fields)
            return
    conditions.append({**fields, "lastTransitionTime": now})
