"""Small objects of a namespace `shop` at noon, for snapshots made by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from agents.kubernetes.triage.judge import triage
from agents.kubernetes.triage.snapshot import LogKey, Snapshot
from agents.triage import proof
from agents.triage.findings import Report, Severity

Obj = dict[str, Any]
NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
LONG_AGO = "2026-05-01T08:00:00Z"


def ago(seconds: float) -> str:
    return (NOON - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def obj(kind: str, name: str, **more: Any) -> Obj:
    """`labels` and other parts of the metadata under `metadata`; the rest as it is."""
    metadata = {"name": name, "namespace": "shop", "creationTimestamp": LONG_AGO}
    return {"kind": kind, **more, "metadata": {**metadata, **more.get("metadata", {})}}


def wide(kind: str, name: str, **more: Any) -> Obj:
    found = obj(kind, name, **more)
    del found["metadata"]["namespace"]
    return found


def condition(kind: str, status: str, reason: str = "", message: str = "") -> Obj:
    said = {"type": kind, "status": status, "reason": reason, "message": message}
    return {**said, "lastTransitionTime": ago(900)}


RUNNING: Obj = {"running": {"startedAt": LONG_AGO}}


def waiting(reason: str, message: str = "") -> Obj:
    return {"waiting": {"reason": reason, "message": message}}


def ended(code: int, reason: str = "Error", message: str = "") -> Obj:
    said = {"exitCode": code, "reason": reason, "message": message, "finishedAt": ago(30)}
    return {"terminated": said}


def container(
    state: Obj, last: Obj | None = None, *, ready: bool = False, restarts: int = 0
) -> Obj:
    return {
        "name": "app",
        "state": state,
        "lastState": last or {},
        "ready": ready,
        "restartCount": restarts,
    }


def pod(
    status: Obj | None = None,
    *,
    name: str = "web-1",
    phase: str = "Running",
    spec: Obj | None = None,
    main: Obj | None = None,
    labels: Obj | None = None,
    conditions: list[Obj] | None = None,
    **more: Any,
) -> Obj:
    """A pod of one container `app`; without a status it is well."""
    well = status is None and phase == "Running"
    said: Obj = {"phase": phase, **more}
    if status is not None or well:
        said["containerStatuses"] = [status or container(RUNNING, ready=True)]
    said["conditions"] = conditions or [condition("Ready", "True" if well else "False")]
    wanted = {"name": "app", "image": "registry.example.com/web:2", **(main or {})}
    return obj(
        "Pod",
        name,
        metadata={"labels": labels or {"app": "web"}},
        spec={"nodeName": "node-a", "containers": [wanted], **(spec or {})},
        status=said,
    )


def pending(message: str = "", **more: Any) -> Obj:
    """A pod without a node; `message` is the scheduler's."""
    told = condition("PodScheduled", "False", "Unschedulable", message)
    made = pod(phase="Pending", conditions=[told], **more)
    made["spec"].pop("nodeName")
    return made


def event(about: Obj, reason: str, message: str, *, count: int = 1, seconds: float = 20) -> Obj:
    meta = about["metadata"]
    return {
        "kind": "Event",
        "type": "Warning",
        "reason": reason,
        "message": message,
        "involvedObject": {
            "kind": about["kind"],
            "name": meta["name"],
            "namespace": meta.get("namespace", ""),
        },
        "count": count,
        "lastTimestamp": ago(seconds),
    }


def crash(code: int = 1, **more: Any) -> Obj:
    """A pod in a crash loop."""
    state = container(waiting("CrashLoopBackOff"), ended(code), restarts=5)
    return pod(state, **more)


def logs(
    *lines: str, previous: bool = True, name: str = "web-1", of: str = "app"
) -> dict[LogKey, str]:
    return {("shop", name, of, previous): "\n".join(lines)}


def judged(*objects: Obj, logs: Any = None, about: str = "", **more: Any) -> Report:
    """The report, whose every line of evidence is in the data."""
    snapshot = Snapshot.of(objects, namespace="shop", logs=logs, taken_at=NOON, **more)
    report = triage(snapshot, about)
    assert proof.unproven(report, snapshot) == []
    return report


def service(
    name: str = "web", *, selector: Obj | None = None, port: int | str | None = None, **spec: Any
) -> Obj:
    ports = [{"port": 80, "targetPort": 8080 if port is None else port}]
    return obj(
        "Service", name, spec={"selector": selector or {"app": "web"}, "ports": ports, **spec}
    )


def deployment(
    name: str = "web",
    *,
    replicas: int = 1,
    ready: int = 1,
    conditions: tuple[Obj, ...] | list[Obj] = (),
    **spec: Any,
) -> Obj:
    template = {"metadata": {"labels": {"app": name}}}
    return obj(
        "Deployment",
        name,
        spec={"replicas": replicas, "template": template, **spec},
        status={"replicas": ready, "readyReplicas": ready, "conditions": list(conditions)},
    )


def ill(*objects: Obj, **more: Any) -> list[str]:
    """The keys of the causes that hurt."""
    return [it.key for it in judged(*objects, **more).roots if it.severity > Severity.INFO]
