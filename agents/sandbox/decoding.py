"""From what a client sent to an object: unknown fields go, wrong types are refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from agents.sandbox import errors
from agents.sandbox.fields import Field, Type, of_kind, within
from agents.sandbox.kinds import Kind
from agents.sandbox.objects import Object

_GO = {"s": "string", "i": "int32", "b": "bool", "n": "float64", "t": "string", "m": "map"}


@dataclass(slots=True)
class _Seen:
    unknown: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def decoded(kind: Kind, body: Any) -> tuple[Object, list[str]]:
    """(the object without what its kind does not know, the paths of what was unknown).

    400 when a value has the wrong type, when the body is no object, or names another kind.
    """
    if not isinstance(body, dict):
        raise errors.bad_request("couldn't get version/kind; json parse error: not an object")
    given = (body.get("apiVersion") or kind.api_version, body.get("kind") or kind.kind)
    if given != (kind.api_version, kind.kind):
        raise errors.bad_request(
            f"the API version in the data ({given[0]}, Kind={given[1]}) does not match the expected"
            f" API version ({kind.api_version}, Kind={kind.kind})"
        )
    seen = _Seen()
    fields = of_kind(kind.kind) if not kind.custom else None
    obj = _cleaned(body, fields, "", seen) if fields else dict(body)
    if seen.wrong:
        raise errors.bad_request(_cannot(kind, f"json: {seen.wrong[0]}"))
    obj["apiVersion"], obj["kind"] = kind.api_version, kind.kind
    if not isinstance(obj.setdefault("metadata", {}), dict):
        raise errors.bad_request(_cannot(kind, "json: cannot unmarshal metadata into ObjectMeta"))
    return obj, seen.unknown


def strict_failure(kind: Kind, unknown: list[str]) -> errors.ApiError:
    listed = ", ".join(f'unknown field "{path}"' for path in unknown)
    return errors.bad_request(_cannot(kind, f"strict decoding error: {listed}"))


def _cannot(kind: Kind, why: str) -> str:
    return f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: {why}'


def _cleaned(value: dict[str, Any], fields: Type, path: str, seen: _Seen) -> dict[str, Any]:
    result = {}
    for name, item in value.items():
        here = f"{path}.{name}" if path else name
        known = fields.get(name)
        if known is None:
            seen.unknown.append(here)
        elif item is not None:
            result[name] = _typed(item, known, here, seen)
    return result


def _typed(value: Any, known: Field, path: str, seen: _Seen) -> Any:
    if not known.is_list:
        return _single(value, known, path, seen)
    if not isinstance(value, list):
        seen.wrong.append(_wrong(value, path, "[]" + _GO.get(known.type, known.type)))
        return value
    return [_single(item, known, f"{path}[{i}]", seen) for i, item in enumerate(value)]


def _single(value: Any, known: Field, path: str, seen: _Seen) -> Any:
    inner = within(known)
    if inner is not None:
        if isinstance(value, dict):
            return _cleaned(value, inner, path, seen)
        seen.wrong.append(_wrong(value, path, known.type))
    elif not _fits(value, known.type):
        seen.wrong.append(_wrong(value, path, _GO.get(known.type, known.type)))
    return value


def _fits(value: Any, leaf: str) -> bool:  # noqa: PLR0911 - one row a leaf type
    match leaf:
        case "s" | "t":
            return isinstance(value, str)
        case "i":
            return isinstance(value, int) and not isinstance(value, bool)
        case "b":
            return isinstance(value, bool)
        case "m":
            return isinstance(value, dict) and all(
                isinstance(item, str) or item is None for item in value.values()
            )
        case "qm":
            return isinstance(value, dict)
        case "q" | "io":
            return isinstance(value, str | int | float) and not isinstance(value, bool)
        case _:
            return True


def _wrong(value: Any, path: str, wanted: str) -> str:
    names = {bool: "bool", str: "string", dict: "object", list: "array"}
    return (
        f"cannot unmarshal {names.get(type(value), 'number')} into Go struct field {path}"
        f" of type {wanted}"
    )
