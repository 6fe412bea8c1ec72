"""What is reported of an application: its resources, images and problems."""

from __future__ import annotations

from agents.sandbox import clock
from agents.sandbox.argo.resources import Pair, wave_of
from agents.sandbox.argo.spec import operation_source
from agents.sandbox.objects import Object, at, pod_template


def unloadable(problem: str) -> str:
    return (
        "Failed to load target state: failed to generate manifest for source 1 of 1: rpc error:"
        f" code = Unknown desc = {problem}"
    )


def started(app: Object) -> str:
    by = at(app, "operation", "initiatedBy", default={})
    _, revision = operation_source(app)
    who = "Automated sync" if by.get("automated") else f"{by.get('username') or 'Unknown user'}"
    return f"{who} initiated sync to {revision}"


def resource(pair: Pair) -> Object:
    group, kind, namespace, name = pair.id
    body: Object = {"version": pair.version, "kind": kind, "name": name}
    if group:
        body["group"] = group
    if namespace:
        body["namespace"] = namespace
    body["status"] = "Synced" if pair.synced else "OutOfSync"
    found = pair.health()
    if found is not None:
        body["health"] = {"status": found[0]} | ({"message": found[1]} if found[1] else {})
    if pair.needs_prune:
        body["requiresPruning"] = True
    if wave_of(pair.any):
        body["syncWave"] = wave_of(pair.any)
    return body


def images(pairs: list[Pair]) -> list[str]:
    templates = [pod_template(pair.live) for pair in pairs if pair.live]
    containers = [c for t in templates for c in at(t, "spec", "containers", default=[])]
    return sorted({str(each.get("image", "")) for each in containers})


def set_problem(status: Object, kind: str, problem: str) -> None:
    """The condition that says why Git and the cluster cannot be compared; "" takes it away."""
    mine = ("ComparisonError", "InvalidSpecError")
    old = [each for each in status.get("conditions") or [] if each["type"] in mine]
    kept = [each for each in status.get("conditions") or [] if each["type"] not in mine]
    if problem:
        same = [each for each in old if each["message"] == problem and each["type"] == kind]
        new = {"type": kind, "message": problem, "lastTransitionTime": clock.stamp()}
        kept += same or [new]
    status["conditions"] = kept
    if not kept:
        del status["conditions"]
