"""Server-side apply: who owns which field, what an apply takes away, and when two fight.

Ownership is a set of paths. A path is a tuple of steps: a field's name, or `k:{…}` for an item of a
keyed list, or `v:…` for a value of a set; other lists are owned as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from agents.sandbox import clock, errors
from agents.sandbox.fields import Field, Type, within
from agents.sandbox.objects import Object, copy_of

Path = tuple[str, ...]

_UNOWNED = frozenset(
    {
        ("f:apiVersion",),
        ("f:kind",),
        *(
            ("f:metadata", f"f:{name}")
            for name in (
                "name",
                "namespace",
                "uid",
                "resourceVersion",
                "generation",
                "creationTimestamp",
                "managedFields",
                "deletionTimestamp",
            )
        ),
    }
)
# Lists whose items have no default of their own and are keyed by two fields.
_SECOND_KEY = {"containerPort": ("protocol", "TCP"), "port": ("protocol", "TCP")}


def paths_of(value: Any, fields: Type | None, prefix: Path = ()) -> Iterator[Path]:
    """The leaves of `value`, and the keyed items themselves."""
    for name, item in value.items():
        here = (*prefix, f"f:{name}")
        if here in _UNOWNED:
            continue
        field = (fields or {}).get(name)
        if isinstance(item, dict) and item:
            yield from paths_of(item, within(field), here)
        elif isinstance(item, list) and field is not None and field.merge_key is not None:
            yield from _list_paths(item, field, here)
        else:
            yield here


def _list_paths(items: list[Any], field: Field, prefix: Path) -> Iterator[Path]:
    for item in items:
        here = (*prefix, _item_step(item, field.merge_key or ""))
        yield here
        if isinstance(item, dict):
            yield from paths_of(item, within(field), here)


def _item_step(item: Any, key: str) -> str:
    if not isinstance(item, dict) or not key:
        return f"v:{json.dumps(item)}"
    keys = {key: item.get(key)}
    if key in _SECOND_KEY:
        second, default = _SECOND_KEY[key]
        keys[second] = item.get(second, default)
    return f"k:{json.dumps(keys, separators=(',', ':'), sort_keys=True)}"


def merge(target: Any, patch: Any, fields: Type | None) -> Any:
    """The applied configuration laid over the live object; null is a value here, not a removal."""
    if not isinstance(patch, dict) or not isinstance(target, dict):
        return copy_of(patch)
    result = dict(target)
    for name, value in patch.items():
        field = (fields or {}).get(name)
        if isinstance(value, list) and field is not None and field.merge_key is not None:
            result[name] = _merge_items(result.get(name) or [], value, field)
        else:
            result[name] = merge(result.get(name), value, within(field))
    return result


def _merge_items(target: list[Any], items: list[Any], field: Field) -> list[Any]:
    key = field.merge_key or ""
    old = {_item_step(item, key): item for item in target}
    merged = {
        _item_step(i, key): merge(old.get(_item_step(i, key)), i, within(field)) for i in items
    }
    return [*merged.values(), *(item for step, item in old.items() if step not in merged)]


def remove(value: Any, path: Path, fields: Type | None, field: Field | None = None) -> None:
    """Take the leaf or keyed item at `path` out of `value`, in place; absent ones are fine."""
    step, rest = path[0], path[1:]
    if step.startswith("f:"):
        if not isinstance(value, dict):
            return
        name = step[2:]
        if not rest:
            value.pop(name, None)
        elif name in value:
            inner = (fields or {}).get(name)
            remove(value[name], rest, within(inner), inner)
        return
    if not isinstance(value, list) or field is None:
        return
    for item in [item for item in value if _item_step(item, field.merge_key or "") == step]:
        if rest:
            remove(item, rest, fields, field)
        else:
            value.remove(item)


# --- managedFields --------------------------------------------------------------------------------


def to_fields_v1(paths: set[Path]) -> Object:
    tree: Object = {}
    for path in sorted(paths):
        node = tree
        for step in path:
            node = node.setdefault(step, {})
        if path[-1].startswith("k:"):
            node.setdefault(".", {})
    return tree


def from_fields_v1(tree: Object, prefix: Path = ()) -> Iterator[Path]:
    for step, inner in tree.items():
        here = (*prefix, step)
        if step == ".":
            yield prefix
        elif inner:
            yield from from_fields_v1(inner, here)
        else:
            yield here


def entry(
    manager: str, operation: str, api_version: str, paths: set[Path], sub: str = ""
) -> Object:
    made = {
        "manager": manager,
        "operation": operation,
        "apiVersion": api_version,
        "time": clock.stamp(),
        "fieldsType": "FieldsV1",
        "fieldsV1": to_fields_v1(paths),
    }
    return made | ({"subresource": sub} if sub else {})


def applied(
    live: Object | None, config: Object, fields: Type | None, *, manager: str, force: bool
) -> Object:
    """The object after `manager` applied `config`. Raises the conflict of two managers."""
    wanted = set(paths_of(config, fields))
    entries = list((live or {}).get("metadata", {}).get("managedFields") or [])
    mine = next((e for e in entries if _is(e, manager, "Apply")), None)
    others = [each for each in entries if each is not mine]
    if live is not None:
        others = _settle(live, config, others, wanted, fields, force=force)
    result: Object = merge(copy_of(live) if live else {}, config, fields)
    before = set(from_fields_v1(mine.get("fieldsV1") or {})) if mine else set()
    kept = {path for each in others for path in from_fields_v1(each.get("fieldsV1") or {})}
    for path in sorted(before - wanted - kept, key=len, reverse=True):
        remove(result, path, fields)
    same = mine is not None and before == wanted
    new = mine if same else entry(manager, "Apply", str(config["apiVersion"]), wanted)
    result.setdefault("metadata", {})["managedFields"] = [*others, new]
    return result


def _settle(
    live: Object,
    config: Object,
    others: list[Object],
    wanted: set[Path],
    fields: Type | None,
    *,
    force: bool,
) -> list[Object]:
    """The other managers' entries once the contested fields are settled."""
    leaves = {path for path in wanted if not path[-1].startswith("k:")}
    fights, settled = [], []
    for each in others:
        owned = set(from_fields_v1(each.get("fieldsV1") or {}))
        contested = {
            path
            for path in owned & leaves
            if value_at(live, path, fields) != value_at(config, path, fields)
        }
        fights += [(_who(each), _shown(path)) for path in sorted(contested)]
        left = owned - contested
        if left:
            settled.append({**each, "fieldsV1": to_fields_v1(left)} if contested else each)
    if fights and not force:
        raise errors.apply_conflict(fights)
    return settled


def touched(
    before: Object | None, after: Object, fields: Type | None, *, manager: str, sub: str = ""
) -> list[Object]:
    """managedFields after `manager` wrote `after` by create, update or patch."""
    new = {p: value_at(after, p, fields) for p in paths_of(after, fields)}
    old = {p: value_at(before, p, fields) for p in paths_of(before, fields)} if before else {}
    changed = {path for path, value in new.items() if path not in old or old[path] != value}
    gone = old.keys() - new.keys()
    entries = list((before or {}).get("metadata", {}).get("managedFields") or [])
    if not changed and not gone:
        return entries
    result, mine = [], set(changed)
    for each in entries:
        owned = set(from_fields_v1(each.get("fieldsV1") or {}))
        if _is(each, manager, "Update") and each.get("subresource", "") == sub:
            mine |= owned - gone
            continue
        left = owned - changed - gone
        if left:
            result.append(each if left == owned else {**each, "fieldsV1": to_fields_v1(left)})
    if mine:
        result.append(entry(manager, "Update", str(after.get("apiVersion", "")), mine, sub))
    return result


def value_at(value: Any, path: Path, fields: Type | None, field: Field | None = None) -> Any:
    """The value at a path; None where there is none."""
    for step in path:
        if step.startswith("f:"):
            if not isinstance(value, dict):
                return None
            value = value.get(step[2:])
            field = (fields or {}).get(step[2:])
            fields = within(field)
        else:
            items = value if isinstance(value, list) else []
            key = (field.merge_key if field else "") or ""
            value = next((item for item in items if _item_step(item, key) == step), None)
    return value


def _is(each: Object, manager: str, operation: str) -> bool:
    return each.get("manager") == manager and each.get("operation") == operation


def _who(each: Object) -> str:
    named = f'"{each["manager"]}"'
    if each.get("operation") == "Apply":
        return named
    return f"{named} using {each.get('apiVersion', '')}"


def _shown(path: Path) -> str:
    """`.spec.template.spec.containers[name="web"].image`"""
    text = ""
    for step in path:
        if step.startswith("f:"):
            text += f".{step[2:]}"
        elif step.startswith("k:"):
            keys = json.loads(step[2:])
            text += "[" + ",".join(f"{key}={json.dumps(val)}" for key, val in keys.items()) + "]"
        else:
            text += f"[={step[2:]}]"
    return text
