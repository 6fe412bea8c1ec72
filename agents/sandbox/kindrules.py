"""The rules of each kind behind a 422: containers, selectors, counts, ports, quantities."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from agents.sandbox import quantity, selectors
from agents.sandbox.causes import (
    LABEL,
    LABEL_SAID,
    Causes,
    duplicate,
    invalid,
    required,
    unsupported,
)
from agents.sandbox.errors import Cause
from agents.sandbox.objects import Object, at

_CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_MAX_PORT = 65535


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
    elif not LABEL.fullmatch(name):
        yield invalid(f"{path}.name", name, LABEL_SAID)
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


CHECKS: dict[str, Callable[[Object], Causes]] = {
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
