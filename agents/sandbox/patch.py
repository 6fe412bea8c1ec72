"""JSON patch (RFC 6902), JSON merge patch (RFC 7396) and Kubernetes' strategic merge patch."""

from __future__ import annotations

from typing import Any

from agents.sandbox.fields import Type, within
from agents.sandbox.objects import copy_of

_DELETE_ITEMS = "$deleteFromPrimitiveList/"
_ORDER = "$setElementOrder/"


class PatchError(ValueError):
    """A patch that cannot be applied; the text says where."""


def merge(target: Any, patch: Any) -> Any:
    """RFC 7396: null removes, mappings merge, everything else replaces."""
    if not isinstance(patch, dict):
        return copy_of(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


# --- strategic merge ------------------------------------------------------------------------------


def strategic(target: Any, patch: Any, fields: Type | None) -> Any:
    """Lists with a merge key are merged item by item; directives `$patch` and `$retainKeys` too."""
    if not isinstance(patch, dict):
        return copy_of(patch)
    directive = patch.get("$patch")
    if directive == "replace":
        return {key: copy_of(value) for key, value in patch.items() if key != "$patch"}
    if directive == "delete":
        return {}
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        _strategic_entry(result, key, value, fields)
    retained = patch.get("$retainKeys")
    if retained is not None:
        result = {key: value for key, value in result.items() if key in retained}
    return result


def _strategic_entry(result: dict[str, Any], key: str, value: Any, fields: Type | None) -> None:
    if key.startswith(_DELETE_ITEMS):
        name = key.removeprefix(_DELETE_ITEMS)
        result[name] = [item for item in result.get(name) or [] if item not in value]
        return
    if key.startswith("$"):
        return
    field = (fields or {}).get(key)
    if value is None:
        result.pop(key, None)
    elif isinstance(value, list) and field is not None and field.merge_key is not None:
        result[key] = _merge_list(result.get(key) or [], value, field.merge_key, within(field))
    else:
        result[key] = strategic(result.get(key), value, within(field))


def _merge_list(target: list[Any], patch: list[Any], key: str, fields: Type | None) -> list[Any]:
    if not key:
        return [*target, *(item for item in patch if item not in target)]
    items = [item for item in patch if isinstance(item, dict)]
    if any(item.get("$patch") == "replace" for item in items):
        return [copy_of(item) for item in items if item.get("$patch") != "replace"]
    result = list(target)
    for item in items:
        if key not in item:
            raise PatchError(f"map: {item} does not contain declared merge key: {key}")
        at = next((i for i, old in enumerate(result) if old.get(key) == item[key]), None)
        if item.get("$patch") == "delete":
            if at is not None:
                del result[at]
        elif at is None:
            result.append(strategic({}, item, fields))
        else:
            result[at] = strategic(result[at], item, fields)
    return result


# --- JSON patch -----------------------------------------------------------------------------------


def json_patch(target: Any, operations: Any) -> Any:
    """Apply RFC 6902 operations to a copy of `target`."""
    if not isinstance(operations, list):
        raise PatchError("a JSON patch is a list of operations")
    result = copy_of(target)
    for operation in operations:
        if not isinstance(operation, dict):
            raise PatchError("an operation is an object")
        result = _operate(result, operation)
    return result


def _operate(document: Any, operation: dict[str, Any]) -> Any:
    verb, path = operation.get("op"), _pointer(operation.get("path"))
    match verb:
        case "add":
            return _add(document, path, copy_of(operation.get("value")))
        case "replace":
            _read(document, path)
            return _add(_remove(document, path), path, copy_of(operation.get("value")))
        case "remove":
            return _remove(document, path)
        case "test":
            if _read(document, path) != operation.get("value"):
                raise PatchError(f"testing value {operation.get('path')} failed: test failed")
            return document
        case "copy" | "move":
            source = _pointer(operation.get("from"))
            value = copy_of(_read(document, source))
            return _add(_remove(document, source) if verb == "move" else document, path, value)
        case _:
            raise PatchError(f"unexpected kind: {verb}")


def _pointer(text: Any) -> list[str]:
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise PatchError(f"{text!r} is not a JSON pointer")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _read(document: Any, path: list[str]) -> Any:
    for step in path:
        if isinstance(document, list) and step.isdigit() and int(step) < len(document):
            document = document[int(step)]
        elif isinstance(document, dict) and step in document:
            document = document[step]
        else:
            raise PatchError(f"the path /{'/'.join(path)} does not exist: missing key {step}")
    return document


def _add(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent, last = _read(document, path[:-1]), path[-1]
    if isinstance(parent, dict):
        parent[last] = value
    elif isinstance(parent, list) and last == "-":
        parent.append(value)
    elif isinstance(parent, list) and last.isdigit() and int(last) <= len(parent):
        parent.insert(int(last), value)
    else:
        raise PatchError(f"cannot add at /{'/'.join(path)}")
    return document


def _remove(document: Any, path: list[str]) -> Any:
    if not path:
        return None
    _read(document, path)
    parent, last = _read(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        del parent[int(last)]
    else:
        del parent[last]
    return document
