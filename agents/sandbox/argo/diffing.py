"""Whether a live object is what Git wants: a three-way comparison, as Argo CD makes it.

What a live object has beyond the manifest is fine, unless the manifest applied before had it too.
"""

from __future__ import annotations

import json
from typing import Any

from agents.sandbox import defaults
from agents.sandbox.fields import Field, Type, of_kind, within
from agents.sandbox.objects import Object, annotations_of, at, copy_of

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
TRACKING = "argocd.argoproj.io/tracking-id"
IGNORE = "argocd.argoproj.io/compare-options"


def predicted(live: Object, target: Object, *, custom: bool) -> Object:
    """What `live` becomes when `target` is applied to it."""
    fields = None if custom else of_kind(str(target["kind"]))
    target = plain(target)
    original = plain(last_applied(live))
    result: Object = _three_way(original, target, plain(live), fields)
    if not custom:
        defaults.fill(result)
    return result


def is_synced(live: Object, target: Object, ignored: list[Object], *, custom: bool) -> bool:
    """`ignored` is spec.ignoreDifferences of the application."""
    now, then = plain(live), predicted(live, target, custom=custom)
    for rule in ignored:
        if _concerns(rule, live):
            now, then = _without(now, rule), _without(then, rule)
    return bool(now == then)


def plain(obj: Object) -> Object:
    """Without status, the server's metadata and what Argo CD itself adds."""
    result = {key: val for key, val in obj.items() if key not in ("status", "metadata")}
    metadata = obj.get("metadata") or {}
    kept = {k: metadata[k] for k in ("name", "namespace", "labels", "annotations") if k in metadata}
    if kept.get("annotations"):
        kept["annotations"] = {
            key: value
            for key, value in kept["annotations"].items()
            if key not in (LAST_APPLIED, TRACKING) and not key.startswith("deployment.kubernetes")
        }
    for key in ("annotations", "labels"):
        if not kept.get(key):
            kept.pop(key, None)
    result["metadata"] = kept
    copied: Object = copy_of(result)
    if obj.get("kind") == "Secret":
        defaults.fill(copied)
    return copied


def last_applied(live: Object) -> Object:
    try:
        found = json.loads(annotations_of(live).get(LAST_APPLIED, "{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _concerns(rule: Object, obj: Object) -> bool:
    group = str(obj.get("apiVersion", "")).rpartition("/")[0]
    wanted = (("kind", obj.get("kind")), ("group", group), ("name", at(obj, "metadata", "name")))
    return all(rule.get(key) in (None, "", "*", value) for key, value in wanted)


def _without(obj: Object, rule: Object) -> Object:
    result = copy_of(obj)
    for pointer in rule.get("jsonPointers") or ():
        *path, last = [p.replace("~1", "/").replace("~0", "~") for p in pointer.split("/")[1:]]
        holder: Any = result
        for step in path:
            if isinstance(holder, list) and step.isdigit() and int(step) < len(holder):
                holder = holder[int(step)]
            else:
                holder = holder.get(step) if isinstance(holder, dict) else None
        if isinstance(holder, dict):
            holder.pop(last, None)
    return dict(result)


def _three_way(original: Any, target: Any, live: Any, fields: Type | None) -> Any:
    if not isinstance(target, dict) or not isinstance(live, dict):
        return copy_of(target)
    before = original if isinstance(original, dict) else {}
    result = {k: copy_of(v) for k, v in live.items() if k in target or k not in before}
    for key, value in target.items():
        if value is None:
            result.pop(key, None)
            continue
        field = (fields or {}).get(key)
        keyed = field is not None and field.merge_key and isinstance(value, list)
        if keyed and field is not None:
            result[key] = _lists(before.get(key) or [], value, live.get(key) or [], field)
        else:
            result[key] = _three_way(before.get(key), value, live.get(key), within(field))
    return result


def _lists(original: list[Any], target: list[Any], live: list[Any], field: Field) -> list[Any]:
    key = field.merge_key or ""
    old = {item.get(key): item for item in original}
    wanted = {item.get(key): item for item in target}
    found = {item.get(key): item for item in live}
    merged = [
        _three_way(old.get(name), wanted[name], found[name], within(field))
        if name in found
        else copy_of(wanted[name])
        for name in (*[n for n in found if n in wanted], *[n for n in wanted if n not in found])
    ]
    extra = [copy_of(item) for name, item in found.items() if name not in wanted | old]
    return [*merged, *extra]
