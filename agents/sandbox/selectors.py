"""Label and field selectors, written and structured."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agents.sandbox import errors
from agents.sandbox.objects import Object, labels_of

_REQUIREMENT = re.compile(
    r"\s*(?P<negated>!)?\s*(?P<key>[A-Za-z0-9][\w./-]*)\s*"
    r"(?:(?P<sign>==|=|!=|>|<)\s*(?P<value>[\w.-]*)"
    r"|\s(?P<word>in|notin)\s*\(\s*(?P<set>[\w.,\s-]*)\)"
    r")?\s*(?:,|$)"
)
# Beside metadata.name and metadata.namespace; more than the real server knows is an error there too
_FIELDS = {
    "Pod": (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    "Event": (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    "Secret": ("type",),
    "Namespace": ("status.phase",),
    "ReplicaSet": ("status.replicas",),
    "Job": ("status.successful",),
    "Node": ("spec.unschedulable",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """`operator` is one of In, NotIn, Exists, DoesNotExist, Gt, Lt."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, values: Mapping[str, str]) -> bool:
        value = values.get(self.key)
        match self.operator:
            case "In":
                return value in self.values
            case "NotIn":
                return value not in self.values
            case "Exists":
                return value is not None
            case "DoesNotExist":
                return value is None
            case _:
                return self._compares(value)

    def _compares(self, value: str | None) -> bool:
        try:
            given, bound = int(value or ""), int(next(iter(self.values)))
        except ValueError:
            return False
        return given > bound if self.operator == "Gt" else given < bound


def parse_labels(text: str) -> list[Requirement]:
    """The requirements of a written label selector; 400 where it cannot be read."""
    requirements, position = [], 0
    while position < len(text):
        found = _REQUIREMENT.match(text, position)
        if found is None:
            raise errors.bad_request(
                f'unable to parse requirement: found "{text[position:]}", expected: a key'
            )
        requirements.append(_requirement(found))
        position = found.end()
    return requirements


def _requirement(found: re.Match[str]) -> Requirement:
    key, sign, word = found["key"], found["sign"], found["word"]
    if word:
        values = frozenset(part.strip() for part in found["set"].split(","))
        return Requirement(key=key, operator="In" if word == "in" else "NotIn", values=values)
    if sign:
        operator = {"!=": "NotIn", ">": "Gt", "<": "Lt"}.get(sign, "In")
        return Requirement(key=key, operator=operator, values=frozenset({found["value"]}))
    return Requirement(key=key, operator="DoesNotExist" if found["negated"] else "Exists")


def of_selector(selector: Object | None) -> list[Requirement] | None:
    """The requirements of a LabelSelector; None, which matches nothing, where there is none."""
    if selector is None:
        return None
    wanted = [
        Requirement(key=key, operator="In", values=frozenset({value}))
        for key, value in (selector.get("matchLabels") or {}).items()
    ]
    wanted += [
        Requirement(
            key=each["key"],
            operator=each["operator"],
            values=frozenset(each.get("values") or ()),
        )
        for each in selector.get("matchExpressions") or ()
    ]
    return wanted


def selects(selector: Object | None, labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector matches; an empty one matches all, None matches nothing."""
    wanted = of_selector(selector)
    return wanted is not None and all(each.matches(labels) for each in wanted)


def has_labels(obj: Object, wanted: Mapping[str, str]) -> bool:
    """Whether the plain map of a Service or a controller selects `obj`; an empty one does not."""
    labels = labels_of(obj)
    return bool(wanted) and all(labels.get(key) == value for key, value in wanted.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRequirement:
    path: str
    value: str
    equal: bool

    def matches(self, obj: Object) -> bool:
        return (_field(obj, self.path) == self.value) is self.equal


def parse_fields(text: str, kind: str) -> list[FieldRequirement]:
    """The requirements of a field selector; 400 for a field that `kind` cannot be asked by."""
    requirements = []
    for part in filter(None, text.split(",")):
        found = re.fullmatch(r"([\w.]+)(==|=|!=)(.*)", part.strip())
        if found is None:
            raise errors.bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        path, sign, value = found.groups()
        if path not in ("metadata.name", "metadata.namespace", *_FIELDS.get(kind, ())):
            raise errors.bad_request(f"field label not supported: {path}")
        requirements.append(FieldRequirement(path=path, value=value, equal=sign != "!="))
    return requirements


def _field(obj: Object, path: str) -> str:
    if path == "source":
        path = "source.component"
    value: Any = obj
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
