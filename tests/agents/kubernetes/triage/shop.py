"""A small shop in a sandbox: workloads with probes, services, an ingress, all of them well."""

from __future__ import annotations

import base64
from typing import Any

from agents.sandbox import certificates
from tests.agents.sandbox.manifests import deployment, service
from tests.agents.sandbox.running import FAULT, Running

PORT = 8080
PROBES: dict[str, Any] = {
    "ports": [{"containerPort": PORT}],
    "readinessProbe": {"httpGet": {"path": "/ready", "port": PORT}, "periodSeconds": 1},
    "livenessProbe": {"httpGet": {"path": "/live", "port": PORT}, "periodSeconds": 1},
}


def namespace(cluster: Running, name: str) -> None:
    cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


def checkout(where: str, *, fault: str = "", **container: Any) -> dict[str, Any]:
    body = deployment("checkout", where, replicas=2, **{**PROBES, **container})
    if fault:
        body["metadata"]["annotations"] = {FAULT: fault}
    return body


def open_shop(cluster: Running, name: str, *, fault: str = "") -> None:
    """A namespace with a deployment and its service; `fault` is there from the start."""
    namespace(cluster, name)
    cluster.put(service("checkout", name, port=PORT))
    cluster.put(checkout(name, fault=fault))


def tls_secret(where: str, name: str = "shop-tls") -> dict[str, Any]:
    made = certificates.pair("shop.example.com", days=365)
    data = {"tls.crt": _encoded(made.certificate), "tls.key": _encoded(made.key)}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": name, "namespace": where},
        "data": data,
    }


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def ingress(where: str) -> dict[str, Any]:
    backend = {"service": {"name": "checkout", "port": {"number": PORT}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "shop", "namespace": where},
        "spec": {
            "tls": [{"hosts": ["shop.example.com"], "secretName": "shop-tls"}],
            "rules": [{"host": "shop.example.com", "http": {"paths": [path]}}],
        },
    }


def claim(where: str, *, fault: str = "", storage_class: str | None = None) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
    }
    if storage_class:
        spec["storageClassName"] = storage_class
    annotations = {FAULT: fault} if fault else {}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": where, "annotations": annotations},
        "spec": spec,
    }
