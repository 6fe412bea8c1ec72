"""Health of resources as Argo CD assesses it, and of an application from theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from agents.sandbox.objects import Object, at, is_deleting, meta, spec_of, status_of

Health = tuple[str, str]  # status, message

HEALTHY: Health = ("Healthy", "")
_ORDER = ("Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown")


def worst(found: Iterable[str]) -> str:
    """The health of an application whose resources have these."""
    return max(found, key=_ORDER.index, default="Healthy")


def of(obj: Object) -> Health | None:
    """None for kinds that have no health."""
    if is_deleting(obj):
        return ("Progressing", "Pending deletion")
    check = _CHECKS.get(str(obj.get("kind")))
    return check(obj) if check else None


def _condition(obj: Object, kind: str) -> Object:
    conditions: list[Object] = status_of(obj).get("conditions") or []
    return next((each for each in conditions if each.get("type") == kind), {})


def _deployment(obj: Object) -> Health:
    status, wanted = status_of(obj), int(spec_of(obj).get("replicas", 1))
    if spec_of(obj).get("paused"):
        return ("Suspended", "Deployment is paused")
    if meta(obj).get("generation", 0) > status.get("observedGeneration", 0):
        return (
            "Progressing",
            (
                "Waiting for rollout to finish: observed deployment generation less"
                " than desired generation"
            ),
        )
    progress = _condition(obj, "Progressing")
    if progress.get("reason") == "ProgressDeadlineExceeded":
        name = meta(obj)["name"]
        return ("Degraded", f'Deployment "{name}" exceeded its progress deadline')
    updated, total = status.get("updatedReplicas", 0), status.get("replicas", 0)
    available = status.get("availableReplicas", 0)
    if updated < wanted:
        said = f"{updated} out of {wanted} new replicas have been updated..."
    elif total > updated:
        said = f"{total - updated} old replicas are pending termination..."
    elif available < updated:
        said = f"{available} of {updated} updated replicas are available..."
    else:
        return HEALTHY
    return ("Progressing", f"Waiting for rollout to finish: {said}")


def _replica_set(obj: Object) -> Health:
    status, wanted = status_of(obj), int(spec_of(obj).get("replicas", 1))
    failure = _condition(obj, "ReplicaFailure")
    if failure.get("status") == "True":
        return ("Degraded", str(failure.get("message", "")))
    available = status.get("availableReplicas", 0)
    if available < wanted:
        said = f"{available} out of {wanted} new replicas are available..."
        return ("Progressing", f"Waiting for rollout to finish: {said}")
    return HEALTHY


def _stateful_set(obj: Object) -> Health:
    status, wanted = status_of(obj), int(spec_of(obj).get("replicas", 1))
    if meta(obj).get("generation", 0) > status.get("observedGeneration", 0):
        return ("Progressing", "Waiting for statefulset spec update to be observed...")
    ready = status.get("readyReplicas", 0)
    if ready < wanted:
        return ("Progressing", f"Waiting for {wanted - ready} pods to be ready...")
    if status.get("updateRevision") != status.get("currentRevision"):
        done = status.get("updatedReplicas", 0)
        said = f"waiting for statefulset rolling update to complete {done} pods at revision"
        return ("Progressing", f"{said} {status.get('updateRevision')}...")
    return HEALTHY


def _daemon_set(obj: Object) -> Health:
    status = status_of(obj)
    wanted = status.get("desiredNumberScheduled", 0)
    updated = status.get("updatedNumberScheduled", 0)
    if meta(obj).get("generation", 0) > status.get("observedGeneration", 0):
        return (
            "Progressing",
            (
                "Waiting for rollout to finish: observed daemon set generation less"
                " than desired generation"
            ),
        )
    if updated < wanted:
        return (
            "Progressing",
            (
                f"Waiting for daemon set rollout to finish: {updated} out of"
                f" {wanted} new pods have been updated..."
            ),
        )
    if status.get("numberAvailable", 0) < wanted:
        return (
            "Progressing",
            (
                f"Waiting for daemon set rollout to finish:"
                f" {status.get('numberAvailable', 0)} of {wanted} updated pods are available..."
            ),
        )
    return HEALTHY


def _pod(obj: Object) -> Health:
    status = status_of(obj)
    bad = (
        "ErrImagePull",
        "ImagePullBackOff",
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "InvalidImageName",
        "CreateContainerError",
        "RunContainerError",
    )
    for each in status.get("containerStatuses") or ():
        waiting = at(each, "state", "waiting", default={})
        if spec_of(obj).get("restartPolicy", "Always") == "Always" and waiting.get("reason") in bad:
            return ("Degraded", str(waiting.get("message", "")))
    match status.get("phase"):
        case "Pending":
            return ("Progressing", str(status.get("message", "")))
        case "Succeeded":
            return HEALTHY
        case "Failed":
            ended = at(status, "containerStatuses", 0, "state", "terminated", default={})
            return ("Degraded", f"container failed with exit code {ended.get('exitCode', 1)}")
        case "Running":
            ready = _condition(obj, "Ready").get("status") == "True"
            return HEALTHY if ready else ("Progressing", "")
        case _:
            return ("Unknown", "")


def _job(obj: Object) -> Health:
    for kind, health in (
        ("Failed", "Degraded"),
        ("Complete", "Healthy"),
        ("Suspended", "Suspended"),
    ):
        found = _condition(obj, kind)
        if found.get("status") == "True":
            return (health, str(found.get("message", "")))
    return ("Progressing", "")


def _claim(obj: Object) -> Health:
    match status_of(obj).get("phase"):
        case "Bound":
            return HEALTHY
        case "Lost":
            return ("Degraded", "")
        case _:
            return ("Progressing", "")


def _service(obj: Object) -> Health:
    if spec_of(obj).get("type") == "LoadBalancer":
        found = at(status_of(obj), "loadBalancer", "ingress", default=[])
        return HEALTHY if found else ("Progressing", "")
    return HEALTHY


def _ingress(obj: Object) -> Health:
    del obj  # the sandbox has no ingress controller that would give it an address
    return HEALTHY


def _autoscaler(obj: Object) -> Health:
    for each in status_of(obj).get("conditions") or ():
        if each.get("reason") in ("FailedGetScale", "FailedUpdateScale", "InvalidSelector"):
            return ("Degraded", str(each.get("message", "")))
    return HEALTHY


def _sealed(obj: Object) -> Health:
    found = _condition(obj, "Synced")
    if found.get("status") == "False":
        return ("Degraded", str(found.get("message", "")))
    return HEALTHY if found else ("Progressing", "")


def _application(obj: Object) -> Health:
    found = at(obj, "status", "health", default={})
    return (str(found.get("status") or "Progressing"), str(found.get("message") or ""))


_CHECKS: dict[str, Callable[[Object], Health]] = {
    "Deployment": _deployment,
    "ReplicaSet": _replica_set,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "Pod": _pod,
    "Job": _job,
    "PersistentVolumeClaim": _claim,
    "Service": _service,
    "Ingress": _ingress,
    "HorizontalPodAutoscaler": _autoscaler,
    "SealedSecret": _sealed,
    "Application": _application,
}
