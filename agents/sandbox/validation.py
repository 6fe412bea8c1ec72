"""What the API server refuses with 422: names, labels, what may not change, and `kindrules`."""

from __future__ import annotations

import re

from agents.sandbox.causes import LABEL, LABEL_FORM, LABEL_SAID, Causes, invalid, required
from agents.sandbox.errors import Cause
from agents.sandbox.kindrules import CHECKS
from agents.sandbox.kinds import Kind
from agents.sandbox.objects import Object, at

_SUBDOMAIN_FORM = rf"{LABEL_FORM}(\.{LABEL_FORM})*"
_SUBDOMAIN = re.compile(_SUBDOMAIN_FORM)
_RFC1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_VALUE_FORM = r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"
_VALUE = re.compile(_VALUE_FORM)
_QUALIFIED = re.compile(rf"({_SUBDOMAIN_FORM}/)?([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")

_SUBDOMAIN_SAID = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or"
    " '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used"
    f" for validation is '{_SUBDOMAIN_FORM}')"
)
_RFC1035_SAID = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an"
    " alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123',"
    " regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
)
_VALUE_SAID = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.',"
    " and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or"
    f" '12345', regex used for validation is '{_VALUE_FORM}')"
)
_ROLES = ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")
_NAME_LIMIT = 253
_LABEL_LIMIT = 63


def problems(kind: Kind, obj: Object, before: Object | None) -> list[Cause]:
    """All that is wrong with `obj`; `before` is the stored object on an update."""
    found = [*_metadata(kind, obj)]
    check = CHECKS.get(kind.kind) if not kind.custom else None
    if check:
        found += check(obj)
    if before is not None:
        found += _immutable(kind, obj, before)
    return found


def _metadata(kind: Kind, obj: Object) -> Causes:
    metadata = obj["metadata"]
    name = metadata.get("name")
    if not name:
        yield required("metadata.name", "name or generateName is required")
    elif kind.kind not in _ROLES and (why := _name_problem(kind, str(name))):
        yield invalid("metadata.name", name, why)
    for key, value in (metadata.get("labels") or {}).items():
        if not _QUALIFIED.fullmatch(key):
            yield invalid(
                "metadata.labels", key, "name part must consist of alphanumeric characters"
            )
        elif len(value or "") > _LABEL_LIMIT:
            yield invalid("metadata.labels", value, "must be no more than 63 characters")
        elif not _VALUE.fullmatch(value or ""):
            yield invalid("metadata.labels", value, _VALUE_SAID)


def _name_problem(kind: Kind, name: str) -> str:
    if kind.kind == "Service":
        return "" if _RFC1035.fullmatch(name) and len(name) <= _LABEL_LIMIT else _RFC1035_SAID
    if kind.kind == "Namespace":
        return "" if LABEL.fullmatch(name) and len(name) <= _LABEL_LIMIT else LABEL_SAID
    if len(name) > _NAME_LIMIT:
        return "must be no more than 253 characters"
    return "" if _SUBDOMAIN.fullmatch(name) else _SUBDOMAIN_SAID


def _immutable(kind: Kind, obj: Object, before: Object) -> Causes:
    said = "field is immutable"
    for path in _FIXED.get(kind.kind, ()):
        if at(before, *path) is not None and at(obj, *path) != at(before, *path):
            yield invalid(".".join(path), at(obj, *path), said)
    if kind.kind == "Pod" and not _only_changes_what_pods_allow(obj, before):
        text = (
            "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
            "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only"
            " additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to"
            " be set to 1 if it was previously negative)"
        )
        yield Cause(field="spec", message=text, reason="FieldValueForbidden")
    if before.get("immutable") is True and not _same(
        obj, before, "data", "binaryData", "immutable"
    ):
        text = "Forbidden: field is immutable when `immutable` is set"
        yield Cause(field="data", message=text, reason="FieldValueForbidden")
    if kind.kind == "StatefulSet":
        yield from _stateful_set_update(obj, before)


def _same(obj: Object, before: Object, *fields: str) -> bool:
    return all(obj.get(field) == before.get(field) for field in fields)


_FIXED = {
    "Deployment": (("spec", "selector"),),
    "ReplicaSet": (("spec", "selector"),),
    "DaemonSet": (("spec", "selector"),),
    "Job": (("spec", "selector"), ("spec", "template"), ("spec", "completions")),
    "Service": (("spec", "clusterIP"),),
    "Secret": (("type",),),
    "RoleBinding": (("roleRef",),),
    "ClusterRoleBinding": (("roleRef",),),
    "StorageClass": (("provisioner",), ("parameters",)),
    "PersistentVolumeClaim": (("spec", "storageClassName"), ("spec", "accessModes")),
}


def _stateful_set_update(obj: Object, before: Object) -> Causes:
    allowed = {
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
    }
    old, new = before["spec"], obj["spec"]
    if any(old.get(key) != new.get(key) for key in (old.keys() | new.keys()) - allowed):
        text = (
            "Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals',"
            " 'template', 'updateStrategy', 'revisionHistoryLimit',"
            " 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
        )
        yield Cause(field="spec", message=text, reason="FieldValueForbidden")


def _only_changes_what_pods_allow(obj: Object, before: Object) -> bool:
    return _fixed_part(obj["spec"]) == _fixed_part(before["spec"]) or not before["spec"]


def _fixed_part(spec: Object) -> Object:
    free = ("tolerations", "activeDeadlineSeconds", "terminationGracePeriodSeconds", "nodeName")
    fixed = {key: value for key, value in spec.items() if key not in (*free, "ephemeralContainers")}
    for key in ("containers", "initContainers"):
        fixed[key] = [
            {name: item for name, item in each.items() if name not in ("image", "resources")}
            for each in spec.get(key) or ()
        ]
    return fixed
