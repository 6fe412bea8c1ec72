"""Objects for the cluster of the tests."""

from __future__ import annotations

from typing import Any

from tests.agents.sandbox.running import Running

UNMANAGED = {"sandbox.aura.dev/unmanaged": "true"}


def deployment(name: str, namespace: str, *, replicas: int = 1, **spec: Any) -> dict[str, Any]:
    labels = {"app": name}
    container = {"name": "web", "image": "nginx:1.27"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            **spec,
        },
    }


def pod(name: str, namespace: str, **more: Any) -> dict[str, Any]:
    """A pod that runs well, unless `status`, `spec` or `metadata` say otherwise."""
    metadata = {"name": name, "namespace": namespace, "labels": {"app": "web"}}
    ready = {
        "name": "web",
        "ready": True,
        "restartCount": 0,
        "state": {"running": {"startedAt": "2026-11-22T10:00:00Z"}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**metadata, "annotations": UNMANAGED, **more.get("metadata", {})},
        "spec": {
            "nodeName": "sandbox-worker",
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "web", "image": "nginx:1.27"}],
            **more.get("spec", {}),
        },
        "status": {
            "phase": "Running",
            "podIP": "10.0.0.1",
            "containerStatuses": [ready],
            "conditions": [{"type": "Ready", "status": "True"}],
            **more.get("status", {}),
        },
    }


def crashing(name: str, namespace: str) -> dict[str, Any]:
    ended = {"exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-11-22T10:00:00Z"}
    status = {
        "name": "web",
        "ready": False,
        "restartCount": 7,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}},
        "lastState": {"terminated": ended},
    }
    return pod(name, namespace, status={"containerStatuses": [status], "conditions": []})


def deploy(running: Running, name: str, namespace: str, **spec: Any) -> dict[str, Any]:
    """A deployment that has rolled out."""
    running.put(deployment(name, namespace, **spec))
    return running.ready(name, namespace)
