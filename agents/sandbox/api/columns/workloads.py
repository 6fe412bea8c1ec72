"""Deployments and the other controllers."""

from __future__ import annotations

from typing import Any

from agents.sandbox import clock
from agents.sandbox.api.columns.column import Cells, Column, age_of, columns, listed, selector
from agents.sandbox.objects import Object, at, name_of, pod_template, spec_of, status_of


def _containers(obj: Object) -> list[Any]:
    containers = at(pod_template(obj), "spec", "containers", default=[])
    return [
        listed(each.get("name", "") for each in containers),
        listed(each.get("image", "") for each in containers),
    ]


def _wide(obj: Object) -> list[Any]:
    return [*_containers(obj), selector(spec_of(obj).get("selector"))]


def _deployment(obj: Object) -> list[Any]:
    status, wanted = status_of(obj), spec_of(obj).get("replicas", 0)
    return [
        name_of(obj),
        f"{status.get('readyReplicas', 0)}/{wanted}",
        status.get("updatedReplicas", 0),
        status.get("availableReplicas", 0),
        age_of(obj),
        *_wide(obj),
    ]


def _replica_set(obj: Object) -> list[Any]:
    status = status_of(obj)
    return [
        name_of(obj),
        spec_of(obj).get("replicas", 0),
        status.get("replicas", 0),
        status.get("readyReplicas", 0),
        age_of(obj),
        *_wide(obj),
    ]


def _stateful_set(obj: Object) -> list[Any]:
    ready, wanted = status_of(obj).get("readyReplicas", 0), spec_of(obj).get("replicas", 0)
    return [name_of(obj), f"{ready}/{wanted}", age_of(obj), *_containers(obj)]


def _daemon_set(obj: Object) -> list[Any]:
    status = status_of(obj)
    nodes = at(pod_template(obj), "spec", "nodeSelector", default={})
    return [
        name_of(obj),
        *(
            status.get(name, 0)
            for name in (
                "desiredNumberScheduled",
                "currentNumberScheduled",
                "numberReady",
                "updatedNumberScheduled",
                "numberAvailable",
            )
        ),
        listed(f"{key}={value}" for key, value in nodes.items()),
        age_of(obj),
        *_wide(obj),
    ]


def _job(obj: Object) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    kinds = {c["type"] for c in status.get("conditions") or () if c.get("status") == "True"}
    state = next((each for each in ("Complete", "Failed", "Suspended") if each in kinds), "Running")
    begun, ended = status.get("startTime"), status.get("completionTime")
    until = clock.seconds_of(ended) if ended else None
    return [
        name_of(obj),
        state,
        f"{status.get('succeeded', 0)}/{spec.get('completions', 1)}",
        clock.age(begun, until) if begun else "",
        age_of(obj),
        *_wide(obj),
    ]


def _cron_job(obj: Object) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    last = status.get("lastScheduleTime")
    return [
        name_of(obj),
        spec.get("schedule", ""),
        spec.get("timeZone") or "<none>",
        "True" if spec.get("suspend") else "False",
        len(status.get("active") or ()),
        clock.age(last) if last else "<none>",
        age_of(obj),
        *_containers(obj),
        "<none>",
    ]


def _autoscaler(obj: Object) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    target = spec.get("scaleTargetRef") or {}
    return [
        name_of(obj),
        f"{target.get('kind')}/{target.get('name')}",
        listed(_metric(spec, status, i) for i in range(len(spec.get("metrics") or ()))),
        str(spec.get("minReplicas", 1)),
        spec.get("maxReplicas", 0),
        status.get("currentReplicas", 0),
        age_of(obj),
    ]


def _metric(spec: Object, status: Object, i: int) -> str:
    metric = at(spec, "metrics", i, "resource", default={})
    now = at(status, "currentMetrics", i, "resource", "current", "averageUtilization")
    wanted = at(metric, "target", "averageUtilization", default="<unknown>")
    return f"{metric.get('name', '')}: {'<unknown>' if now is None else f'{now}%'}/{wanted}%"


_WIDE = "| Containers Images Selector"
TABLES: dict[str, tuple[tuple[Column, ...], Cells]] = {
    "Deployment": (
        columns(f"Name Ready Up-to-date:integer Available:integer Age {_WIDE}"),
        _deployment,
    ),
    "ReplicaSet": (
        columns(f"Name Desired:integer Current:integer Ready:integer Age {_WIDE}"),
        _replica_set,
    ),
    "StatefulSet": (columns("Name Ready Age | Containers Images"), _stateful_set),
    "DaemonSet": (
        columns(
            "Name Desired:integer Current:integer Ready:integer Up-to-date:integer"
            f" Available:integer Node_Selector Age {_WIDE}"
        ),
        _daemon_set,
    ),
    "Job": (columns(f"Name Status Completions Duration Age {_WIDE}"), _job),
    "CronJob": (
        columns(
            "Name Schedule Timezone Suspend Active:integer Last_Schedule Age"
            " | Containers Images Selector"
        ),
        _cron_job,
    ),
    "HorizontalPodAutoscaler": (
        columns("Name Reference Targets MinPods MaxPods:integer Replicas:integer Age"),
        _autoscaler,
    ),
}
