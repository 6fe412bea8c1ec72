"""The application that is broken: a web server that asks an API, in the shapes people write."""

from __future__ import annotations

from typing import Any, Final

from agents.kubernetes.kinds import Object

WEB: Final = "checkout"
API: Final = "orders"
PORT: Final = 8080


def workload(name: str = WEB, **spec: Any) -> Object:
    """A Deployment of two pods with probes, requests and limits; `spec` goes into its pods."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [container(name)], **spec},
            },
        },
    }


def container(name: str = WEB, **more: Any) -> Object:
    """Its container."""
    probe = {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 5}
    return {
        "name": "app",
        "image": f"registry.example.com/shop/{name}:1.4.2",
        "ports": [{"name": "http", "containerPort": PORT}],
        "readinessProbe": probe,
        "livenessProbe": {**probe, "initialDelaySeconds": 10},
        "resources": {
            "requests": {"cpu": "100m", "memory": "128Mi"},
            "limits": {"memory": "256Mi"},
        },
        **more,
    }


def service(name: str = WEB) -> Object:
    """A Service in front of it."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [service_port("http")]},
    }


def service_port(target: int | str) -> Object:
    """Its port, and where it leads to."""
    return {"name": "http", "port": 80, "targetPort": target}


def config_map(name: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def claim(name: str, fault: str = "", **spec: Any) -> Object:
    """A claim of a gigabyte, with a fault of the sandbox on it."""
    annotations = {"annotations": {"sandbox.aura.dev/fault": fault}} if fault else {}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, **annotations},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
            **spec,
        },
    }


def job(name: str, exit_code: int) -> Object:
    """A Job of one pod that is not tried again."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {
            "backoffLimit": 0,
            "template": {
                "metadata": {"annotations": {"sandbox.aura.dev/exit-code": str(exit_code)}},
                "spec": {
                    "restartPolicy": "Never",
                    "containers": [{"name": "app", "image": "registry.example.com/shop/jobs:2.0"}],
                },
            },
        },
    }


def ingress(name: str, backend: str, tls: str = "") -> Object:
    """An Ingress to the port `http` of a Service."""
    path = {
        "path": "/",
        "pathType": "Prefix",
        "backend": {"service": {"name": backend, "port": {"name": "http"}}},
    }
    secured = [{"hosts": ["shop.example.com"], "secretName": tls}] if tls else []
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name},
        "spec": {
            "rules": [{"host": "shop.example.com", "http": {"paths": [path]}}],
            **({"tls": secured} if secured else {}),
        },
    }
