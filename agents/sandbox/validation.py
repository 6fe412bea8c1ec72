"""What the API server refuses with 422: names, labels, and the rules of each kind."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from agents.sandbox import quantity, selectors
from agents.sandbox.errors import Cause
from agents.sandbox.kinds import Kind
from agents.sandbox.objects import Object, at

_LABEL_FORM = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN_FORM = rf"{_LABEL_FORM}(\.{_LABEL_FORM})*"
_LABEL = re.compile(_LABEL_FORM)
_SUBDOMAIN = re.compile(_SUBDOMAIN_FORM)
_RFC1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_VALUE_FORM = r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"
_VALUE = re.compile(_VALUE_FORM)
_QUALIFIED = re.compile(rf"({_SUBDOMAIN_FORM}/)?([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]+")

_SUBDOMAIN_SAID = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or"
    " '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used"
    f" for validation is '{_SUBDOMAIN_FORM}')"
)
_LABEL_SAID = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must"
    " start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for"
    f" validation is '{_LABEL_FORM}')"
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
_MAX_PORT = 65535

Causes = Iterator[Cause]


def problems(kind: Kind, obj: Object, before: Object | None) -> list[Cause]:
    """All that is wrong with `obj`; `before` is the stored object on an update."""
    found = [*_metadata(kind, obj)]
    check = _CHECKS.get(kind.kind) if not kind.custom else None
    if check:
        found += check(obj)
    if before is not None:
        found += _immutable(kind, obj, before)
    return found


def invalid(path: str, value: Any, why: str) -> Cause:
    return Cause(field=path, message=f"Invalid value: {json.dumps(value)}: {why}")


def required(path: str, why: str = "") -> Cause:
    text = f"Required value: {why}" if why else "Required value"
    return Cause(field=path, message=text, reason="FieldValueRequired")


def duplicate(path: str, value: Any) -> Cause:
    text = f"Duplicate value: {json.dumps(value)}"
    return Cause(field=path, message=text, reason="FieldValueDuplicate")


def unsupported(path: str, value: Any, known: tuple[str, ...]) -> Cause:
    listed = ", ".join(f'"{each}"' for each in known)
    text = f"Unsupported value: {json.dumps(value)}: supported values: {listed}"
    return Cause(field=path, message=text, reason="FieldValueNotSupported")


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
        return "" if _LABEL.fullmatch(name) and len(name) <= _LABEL_LIMIT else _LABEL_SAID
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


# --- kinds ----------------------------------------------------------------------------------------


def _pod(obj: Object) -> Causes:
    yield from _pod_spec(obj.get("spec") or {}, "spec")


def _pod_spec(spec: Object, path: str) -> Causes:
    containers = spec.get("containers")
    if not containers:
        yield required(f"{path}.containers")
    volumes = {volume.get("name") for volume in spec.get("volumes") or ()}
    names: set[str] = set()
    for group in ("initContainers", "containers"):
        for i, container in enumerate(spec.get(group) or ()):
            here = f"{path}.{group}[{i}]"
            yield from _container(container, here, volumes)
            if container.get("name") in names:
                yield duplicate(f"{here}.name", container["name"])
            names.add(container.get("name", ""))
    policies = ("Always", "OnFailure", "Never")
    if spec.get("restartPolicy", "Always") not in policies:
        yield unsupported(f"{path}.restartPolicy", spec["restartPolicy"], policies)


def _container(container: Object, path: str, volumes: set[Any]) -> Causes:
    name = container.get("name")
    if not name:
        yield required(f"{path}.name")
    elif not _LABEL.fullmatch(name):
        yield invalid(f"{path}.name", name, _LABEL_SAID)
    image = container.get("image")
    if not image:
        yield required(f"{path}.image")
    elif image != image.strip():
        yield invalid(f"{path}.image", image, "must not have leading or trailing whitespace")
    policies = ("Always", "IfNotPresent", "Never")
    if container.get("imagePullPolicy", "Always") not in policies:
        yield unsupported(f"{path}.imagePullPolicy", container["imagePullPolicy"], policies)
    for i, port in enumerate(container.get("ports") or ()):
        yield from _port(port.get("containerPort"), f"{path}.ports[{i}].containerPort")
    yield from _environment(container, path)
    yield from _mounts(container, path, volumes)
    yield from _resources(container.get("resources") or {}, f"{path}.resources")


def _environment(container: Object, path: str) -> Causes:
    for i, env in enumerate(container.get("env") or ()):
        if not env.get("name"):
            yield required(f"{path}.env[{i}].name")
        if env.get("value") and env.get("valueFrom"):
            why = "may not be specified when `value` is not empty"
            yield invalid(f"{path}.env[{i}].valueFrom", "", why)


def _mounts(container: Object, path: str, volumes: set[Any]) -> Causes:
    for i, mount in enumerate(container.get("volumeMounts") or ()):
        if mount.get("name") not in volumes:
            where = f"{path}.volumeMounts[{i}].name"
            text = f"Not found: {json.dumps(mount.get('name'))}"
            yield Cause(field=where, message=text, reason="FieldValueNotFound")
        if not mount.get("mountPath"):
            yield required(f"{path}.volumeMounts[{i}].mountPath")


def _port(port: Any, path: str) -> Causes:
    if port is None:
        yield required(path)
    elif not 0 < port <= _MAX_PORT:
        yield invalid(path, port, "must be between 1 and 65535, inclusive")


def _resources(resources: Object, path: str) -> Causes:
    amounts: dict[tuple[str, str], float] = {}
    for part in ("limits", "requests"):
        for resource, value in (resources.get(part) or {}).items():
            try:
                amounts[part, resource] = quantity.parse(value)
            except ValueError as error:
                yield invalid(f"{path}.{part}[{resource}]", value, str(error))
                continue
            if amounts[part, resource] < 0:
                why = "must be greater than or equal to 0"
                yield invalid(f"{path}.{part}[{resource}]", value, why)
    for (part, resource), number in amounts.items():
        limit = amounts.get(("limits", resource))
        if part == "requests" and limit is not None and number > limit:
            said = resources["limits"][resource]
            why = f"must be less than or equal to {resource} limit of {said}"
            yield invalid(f"{path}.requests", resources["requests"][resource], why)


def _workload(obj: Object) -> Causes:
    spec = obj.get("spec") or {}
    yield from _count(spec, "replicas")
    yield from _count(spec, "revisionHistoryLimit")
    selector = spec.get("selector")
    if not selector:
        yield required("spec.selector")
    template = spec.get("template")
    if not isinstance(template, dict):
        yield required("spec.template")
        return
    labels = (template.get("metadata") or {}).get("labels") or {}
    if selector and not selectors.selects(selector, labels):
        why = "`selector` does not match template `labels`"
        yield invalid("spec.template.metadata.labels", labels, why)
    pod_spec = template.get("spec") or {}
    if pod_spec.get("restartPolicy", "Always") != "Always":
        where = "spec.template.spec.restartPolicy"
        yield unsupported(where, pod_spec["restartPolicy"], ("Always",))
    yield from _pod_spec(pod_spec, "spec.template.spec")


def _deployment(obj: Object) -> Causes:
    yield from _workload(obj)
    strategy = at(obj, "spec", "strategy", default={})
    if strategy.get("type") not in ("Recreate", "RollingUpdate"):
        known = ("Recreate", "RollingUpdate")
        yield unsupported("spec.strategy.type", strategy.get("type"), known)
    elif strategy["type"] == "Recreate" and strategy.get("rollingUpdate"):
        text = "Forbidden: may not be specified when strategy `type` is 'Recreate'"
        where = "spec.strategy.rollingUpdate"
        yield Cause(field=where, message=text, reason="FieldValueForbidden")


def _count(spec: Object, name: str) -> Causes:
    value = spec.get(name)
    if isinstance(value, int) and value < 0:
        yield invalid(f"spec.{name}", value, "must be greater than or equal to 0")


def _job(obj: Object) -> Causes:
    spec = obj.get("spec") or {}
    yield from _job_spec(spec, "spec")


def _job_spec(spec: Object, path: str) -> Causes:
    for name in ("parallelism", "completions", "backoffLimit"):
        if isinstance(spec.get(name), int) and spec[name] < 0:
            yield invalid(f"{path}.{name}", spec[name], "must be greater than or equal to 0")
    pod_spec = at(spec, "template", "spec", default={})
    if pod_spec.get("restartPolicy", "Always") not in ("OnFailure", "Never"):
        where = f"{path}.template.spec.restartPolicy"
        why = 'Required value: valid values: "OnFailure", "Never"'
        yield Cause(field=where, message=why, reason="FieldValueRequired")
    yield from _pod_spec(pod_spec, f"{path}.template.spec")


def _cron_job(obj: Object) -> Causes:
    spec = obj.get("spec") or {}
    schedule = str(spec.get("schedule") or "")
    if not schedule:
        yield required("spec.schedule")
    elif not schedule.startswith("@") and len(schedule.split()) != 5:  # noqa: PLR2004 cron's five
        why = f"expected exactly 5 fields, found {len(schedule.split())}: {schedule}"
        yield invalid("spec.schedule", schedule, why)
    yield from _job_spec(at(spec, "jobTemplate", "spec", default={}), "spec.jobTemplate.spec")


def _service(obj: Object) -> Causes:
    spec = obj.get("spec") or {}
    kinds = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
    if spec.get("type") not in kinds:
        yield unsupported("spec.type", spec.get("type"), kinds)
    ports = spec.get("ports") or []
    if not ports and spec.get("type") != "ExternalName" and spec.get("clusterIP") != "None":
        yield required("spec.ports")
    for i, port in enumerate(ports):
        yield from _port(port.get("port"), f"spec.ports[{i}].port")
        if len(ports) > 1 and not port.get("name"):
            yield required(f"spec.ports[{i}].name")


def _config(obj: Object) -> Causes:
    for key in obj.get("data") or {}:
        if not _CONFIG_KEY.fullmatch(key):
            why = (
                "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g."
                " 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is"
                " '[-._a-zA-Z0-9]+')"
            )
            yield invalid(f"data[{key}]", key, why)


def _claim(obj: Object) -> Causes:
    spec = obj.get("spec") or {}
    if not spec.get("accessModes"):
        yield required("spec.accessModes", "at least 1 access mode is required")
    if not at(spec, "resources", "requests", "storage"):
        yield required("spec.resources[storage]")


def _autoscaler(obj: Object) -> Causes:
    spec = obj.get("spec") or {}
    if not at(spec, "scaleTargetRef", "name"):
        yield required("spec.scaleTargetRef.name")
    maximum, minimum = spec.get("maxReplicas") or 0, spec.get("minReplicas") or 1
    if maximum < 1:
        yield invalid("spec.maxReplicas", maximum, "must be greater than 0")
    elif maximum < minimum:
        why = "must be greater than or equal to `minReplicas`"
        yield invalid("spec.maxReplicas", maximum, why)


def _ingress(obj: Object) -> Causes:
    spec = obj.get("spec") or {}
    if not spec.get("rules") and not spec.get("defaultBackend"):
        yield invalid("spec", spec, "either `defaultBackend` or `rules` must be specified")
    for i, rule in enumerate(spec.get("rules") or ()):
        for j, path in enumerate(at(rule, "http", "paths", default=[])):
            known = ("Exact", "ImplementationSpecific", "Prefix")
            if path.get("pathType") not in known:
                where = f"spec.rules[{i}].http.paths[{j}].pathType"
                given = path.get("pathType")
                yield (
                    unsupported(where, given, known)
                    if given
                    else required(where, "pathType must be specified")
                )


_CHECKS: dict[str, Callable[[Object], Causes]] = {
    "Pod": _pod,
    "Deployment": _deployment,
    "ReplicaSet": _workload,
    "StatefulSet": _workload,
    "DaemonSet": _workload,
    "Job": _job,
    "CronJob": _cron_job,
    "Service": _service,
    "ConfigMap": _config,
    "Secret": _config,
    "PersistentVolumeClaim": _claim,
    "HorizontalPodAutoscaler": _autoscaler,
    "Ingress": _ingress,
}
