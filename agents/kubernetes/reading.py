"""What objects say: pure questions about their JSON, the same for lists, descriptions and changes.

Whatever a server leaves out, or has as another type, counts as not said.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agents.kubernetes.kinds import Object
from agents.kubernetes.words import age


def part(obj: object, *path: str) -> dict[str, Any]:
    """The object at a path; empty where there is none."""
    found = at(obj, *path)
    return found if isinstance(found, dict) else {}


def parts(obj: object, *path: str) -> list[dict[str, Any]]:
    """The objects of the list at a path."""
    found = at(obj, *path)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def at(obj: object, *path: str) -> Any:
    """The value at a path, or None."""
    for key in path:
        obj = obj.get(key) if isinstance(obj, dict) else None
    return obj


def text(obj: object, *path: str) -> str:
    """The value at a path as text; empty where there is none."""
    found = at(obj, *path)
    return "" if found is None else str(found)


def number(obj: object, *path: str, usual: int = 0) -> int:
    """The whole number at a path."""
    found = at(obj, *path)
    return found if isinstance(found, int) else usual


def name_of(obj: Object) -> str:
    return text(obj, "metadata", "name")


def namespace_of(obj: Object) -> str:
    return text(obj, "metadata", "namespace")


def uid_of(obj: Object) -> str:
    return text(obj, "metadata", "uid")


def age_of(obj: Object) -> str:
    return age(at(obj, "metadata", "creationTimestamp"))


def owner_of(obj: Object) -> tuple[str, str] | None:
    """Kind and name of the controller that made an object, and would make it again."""
    owners = parts(obj, "metadata", "ownerReferences")
    controllers = [owner for owner in owners if owner.get("controller")]
    return next(((text(it, "kind"), text(it, "name")) for it in controllers or owners), None)


def images(obj: Object) -> list[str]:
    """The images of a pod, or of the pods that a workload makes."""
    spec = part(obj, "spec", "template", "spec") or part(obj, "spec")
    return [text(container, "image") for container in parts(spec, "containers")]


def selector_text(selector: object) -> str:
    """A label selector as a query has it: `app=web,tier in (a,b)`."""
    wanted = [f"{key}={value}" for key, value in part(selector, "matchLabels").items()]
    return ",".join([*wanted, *map(_expression, parts(selector, "matchExpressions"))])


def _expression(said: Object) -> str:
    key, values = text(said, "key"), ",".join(map(str, said.get("values") or []))
    match said.get("operator"):
        case "In":
            return f"{key} in ({values})"
        case "NotIn":
            return f"{key} notin ({values})"
        case "DoesNotExist":
            return f"!{key}"
        case _:
            return key


def conditions(obj: Object) -> Iterable[tuple[str, str, str]]:
    """(type, status, reason and message) of each condition."""
    for said in parts(obj, "status", "conditions"):
        why = ": ".join(filter(None, (text(said, "reason"), text(said, "message"))))
        yield text(said, "type"), text(said, "status"), why
