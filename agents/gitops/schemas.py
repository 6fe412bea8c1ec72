"""What Kubernetes' own schemas say of an object: unknown fields, wrong types, missing fields.

The schemas are the models of the official client (`kubernetes`, made from the OpenAPI document of
release `apis.NEWEST`), so nothing is fetched and nothing more is installed. kubernetes-validate has
those of older releases too, for 108 MB; what a release no longer serves is told by `apis`.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from agents.gitops import apis
from agents.gitops.issues import Issue
from agents.gitops.manifests import Manifest

# Groups with a dot of which all kinds are Kubernetes' own; others of *.k8s.io are definitions.
_OWN_GROUPS: Final = frozenset(
    f"{name}.k8s.io"
    for name in (
        *("admissionregistration", "apiextensions", "apiregistration", "authentication"),
        *("authorization", "certificates", "coordination", "discovery", "events"),
        *("flowcontrol.apiserver", "networking", "node", "rbac.authorization", "resource"),
        *("scheduling", "storage"),
    )
)
# The schema calls a quantity a string; a number is as good.
_QUANTITIES: Final = frozenset(
    {
        *("limits", "requests", "capacity", "allocatable", "hard", "overhead", "podFixed"),
        *("min", "max", "default", "defaultRequest", "maxLimitRequestRatio"),
        *("sizeLimit", "divisor", "value", "averageValue", "maximumVolumeSize"),
    }
)
MAX_SHOWN: Final = 5  # findings of one object
MAX_MESSAGE: Final = 200


def check(m: Manifest) -> Iterator[Issue]:
    """Nothing for custom resources, and for versions that are retired (`apis` tells of those)."""
    api_version = m.text("apiVersion")
    if "." in m.group and m.group not in _OWN_GROUPS:
        return
    if m.builtin != m.kind or apis.retired(api_version, m.kind):
        return
    model = _model(api_version.rpartition("/")[2], m.kind)
    if model is None:
        newest = apis.shown(apis.NEWEST)
        yield m.issue(
            "error",
            "kind",
            f"Kubernetes {newest} has no {m.kind} in {api_version}",
            "kind",
            of="schemas",
        )
        return
    for place, message in _wrong(model, m.value)[:MAX_SHOWN]:
        dotted = ".".join(map(str, place))
        yield m.issue("error", "field", f"{dotted}: {message}", *place, of="schemas")


def _model(version: str, kind: str) -> type[BaseModel] | None:
    """The client's model of a kind; the few names that two groups share carry the group first."""
    client = import_module("kubernetes.client")  # half a second, so only where it is needed
    name = f"{version.capitalize()}{kind}"
    if not name.isalnum():
        return None
    found = next(
        (m for n in (name, f"Core{name}") if (m := getattr(client, n, None)) is not None), None
    )
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def _wrong(model: type[BaseModel], value: Any) -> list[tuple[tuple[str | int, ...], str]]:
    try:
        model.model_validate(value)
    except ValidationError as error:
        found = [
            (each["loc"], _message(each["type"], each["msg"]))
            for each in error.errors(include_url=False, include_context=False)
            if not _is_quantity(each["loc"], each["type"], each["input"])
        ]
        return sorted(found, key=lambda each: [str(part) for part in each[0]])
    except (TypeError, RecursionError):
        return []  # keys that are no text, told of elsewhere
    return []


def _is_quantity(place: tuple[str | int, ...], type_: str, value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return type_ == "string_type" and number and bool(_QUANTITIES.intersection(map(str, place)))


def _message(type_: str, said: str) -> str:
    match type_:
        case "extra_forbidden":
            return "there is no such field"
        case "missing":
            return "is required"
        case _:
            return said[:MAX_MESSAGE]
