"""Pods: the STATUS column is a small story of its own."""

from __future__ import annotations

from typing import Any

from agents.sandbox import clock
from agents.sandbox.api.columns.column import age_of, columns
from agents.sandbox.objects import Object, at, is_deleting, name_of, spec_of, status_of


def reason(pod: Object) -> str:
    """What `kubectl get pods` shows as the status."""
    status = status_of(pod)
    phase = status.get("reason") or status.get("phase") or "Unknown"
    text = _init_reason(pod) or _container_reason(status, phase)
    if is_deleting(pod):
        return "Unknown" if status.get("reason") == "NodeLost" else "Terminating"
    return str(text)


def _init_reason(pod: Object) -> str:
    total = len(spec_of(pod).get("initContainers") or ())
    for i, each in enumerate(status_of(pod).get("initContainerStatuses") or ()):
        state = each.get("state") or {}
        if "terminated" in state and state["terminated"].get("exitCode") == 0:
            continue
        if "terminated" in state:
            return f"Init:{state['terminated'].get('reason') or 'Error'}"
        waiting = at(state, "waiting", "reason")
        if waiting and waiting != "PodInitializing":
            return f"Init:{waiting}"
        return f"Init:{i}/{total}"
    return ""


def _container_reason(status: Object, text: str) -> str:
    running = False
    for each in reversed(status.get("containerStatuses") or ()):
        state = each.get("state") or {}
        if at(state, "waiting", "reason"):
            text = state["waiting"]["reason"]
        elif "terminated" in state:
            ended = state["terminated"]
            text = ended.get("reason") or f"ExitCode:{ended.get('exitCode')}"
        elif each.get("ready") and "running" in state:
            running = True
    return "Running" if text == "Completed" and running else text


def _restarts(pod: Object) -> str:
    statuses = status_of(pod).get("containerStatuses") or ()
    count = sum(each.get("restartCount", 0) for each in statuses)
    ends = [at(each, "lastState", "terminated", "finishedAt") for each in statuses]
    last = max((end for end in ends if end), default=None)
    return f"{count} ({clock.age(last)} ago)" if count and last else str(count)


def _cells(pod: Object) -> list[Any]:
    status, spec = status_of(pod), spec_of(pod)
    statuses = status.get("containerStatuses") or ()
    ready = sum(bool(each.get("ready")) for each in statuses)
    return [
        name_of(pod),
        f"{ready}/{len(spec.get('containers') or ())}",
        reason(pod),
        _restarts(pod),
        age_of(pod),
        status.get("podIP") or "<none>",
        spec.get("nodeName") or "<none>",
        status.get("nominatedNodeName") or "<none>",
        "<none>",
    ]


TABLES = {
    "Pod": (
        columns("Name Ready Status Restarts Age | IP Node Nominated_Node Readiness_Gates"),
        _cells,
    )
}
