"""What can be told to be wrong with Kubernetes objects from their text. Values in, issues out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from agents.gitops import containers
from agents.gitops.issues import Issue
from agents.gitops.manifests import POD_TEMPLATES, Manifest
from agents.gitops.names import LABEL, SUBDOMAIN, is_port
from agents.gitops.strictyaml import Path

_SELECTING = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet")
_NAMESPACED = frozenset(POD_TEMPLATES) | {
    *("Service", "ConfigMap", "Secret", "Ingress", "ServiceAccount", "Role", "RoleBinding"),
    *("PersistentVolumeClaim", "NetworkPolicy", "HorizontalPodAutoscaler", "Lease"),
    *("PodDisruptionBudget", "ResourceQuota", "LimitRange", "Endpoints", "EndpointSlice"),
}
_LABEL_NAMED = frozenset({"Namespace", "Service"})
_FREELY_NAMED = frozenset({"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"})
# Their newest version is an alpha, so saying so helps nobody.
_ALPHA_ONLY = frozenset({"argoproj.io", "bitnami.com"})


def check_manifest(manifest: Manifest) -> list[Issue]:
    """What is wrong with one object taken alone."""
    return [issue for rule in _RULES for issue in rule(manifest)]


# --- the object itself ----------------------------------------------------------------------------


def _identity(m: Manifest) -> Iterator[Issue]:
    for key in ("apiVersion", "kind"):
        if not m.text(key):
            yield m.issue("error", "shape", f"{key} is missing", key)
    if "metadata" not in m.value and "." in m.group and not m.group.endswith(".k8s.io"):
        yield m.issue("warning", "shape", "metadata is missing", "kind")
    elif not m.name and not m.text("metadata", "generateName"):
        yield m.issue("error", "shape", "metadata.name is missing or not text", "metadata")
    elif m.name and not _name_fits(m):
        yield m.issue(
            "error",
            "name",
            "the name must be lower-case letters, digits, '-' and '.', and begin and end with a"
            " letter or digit",
            "metadata",
            "name",
        )


def _name_fits(m: Manifest) -> bool:
    if m.builtin in _FREELY_NAMED:
        return m.name not in (".", "..") and not any(c in m.name for c in "/%")
    pattern = LABEL if m.builtin in _LABEL_NAMED else SUBDOMAIN
    return pattern.fullmatch(m.name) is not None


def _namespace(m: Manifest) -> Iterator[Issue]:
    given = m.get("metadata", "namespace")
    if given is not None and not (isinstance(given, str) and LABEL.fullmatch(given)):
        yield m.issue("error", "name", "metadata.namespace is no name", "metadata", "namespace")
    if m.builtin in _NAMESPACED and given is None and not m.managed:
        yield m.issue(
            "warning", "namespace", "no namespace; it lands wherever it is applied", "metadata"
        )


def _version(m: Manifest) -> Iterator[Issue]:
    version = m.text("apiVersion").rpartition("/")[2]
    if re.match(r"v\d+(?:alpha|beta)", version) and m.group not in _ALPHA_ONLY:
        yield m.issue("warning", "version", f"{version} is not a stable version", "apiVersion")


def _text_maps(m: Manifest) -> Iterator[Issue]:
    """Labels and annotations hold text alone; YAML makes numbers and booleans of bare words."""
    places: list[Path] = [("metadata", "labels"), ("metadata", "annotations")]
    if m.template:
        places += [(*m.template, *place) for place in places]
    for place in places:
        for key, value in m.mapping(*place).items():
            if not isinstance(key, str) or not isinstance(value, str):
                yield m.issue(
                    "error", "text", f"{place[-1]}.{key} must be text: quote it", *place, str(key)
                )


def _replicas(m: Manifest) -> Iterator[Issue]:
    replicas = m.get("spec", "replicas")
    if m.template is not None and replicas is not None and not _is_count(replicas):
        yield m.issue(
            "error",
            "replicas",
            "spec.replicas must be a whole number, 0 or more",
            "spec",
            "replicas",
        )


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _selector(m: Manifest) -> Iterator[Issue]:
    if m.builtin not in _SELECTING:
        return
    if not m.mapping("spec", "selector"):
        yield m.issue("error", "selector", "spec.selector is missing", "spec")
        return
    labels = m.mapping("spec", "template", "metadata", "labels")
    for key, value in m.mapping("spec", "selector", "matchLabels").items():
        if labels.get(key) != value:
            yield m.issue(
                "error",
                "selector",
                f"the selector wants {key}={value}, the pod template has"
                f" {labels.get(key, 'no such label')}",
                "spec",
                "selector",
                "matchLabels",
                key,
            )


def _service_ports(m: Manifest) -> Iterator[Issue]:
    if m.builtin != "Service":
        return
    for i, entry in enumerate(m.items("spec", "ports")):
        if isinstance(entry, dict) and not is_port(entry.get("port")):
            yield m.issue(
                "error", "port", "a port is a number from 1 to 65535", "spec", "ports", i, "port"
            )


_RULES: tuple[Callable[[Manifest], Iterator[Issue]], ...] = (
    _identity,
    _namespace,
    _version,
    _text_maps,
    _replicas,
    _selector,
    _service_ports,
    containers.check,
)


# --- objects together -----------------------------------------------------------------------------


def check_together(all_manifests: Sequence[Manifest]) -> Iterator[Issue]:
    """Services whose selector fits no pod, although the pods they mean can be seen.

    The pods meant are those of the same name in the same directory and namespace; for pods that
    merely share the file it is a doubt.
    """
    workloads = [m for m in all_manifests if m.template is not None]
    for service in (m for m in all_manifests if m.builtin == "Service"):
        selector = service.mapping("spec", "selector")
        near = [m for m in workloads if _is_near(service, m)]
        if not selector or not near or any(_selects(selector, m) for m in workloads):
            continue
        meant = next((m for m in near if m.name == service.name), None)
        wanted = ", ".join(f"{key}={value}" for key, value in selector.items())
        shown = meant or near[0]
        yield service.issue(
            "error" if meant else "warning",
            "selector",
            f"the selector {wanted} fits no pod of {shown.kind} {shown.name}",
            "spec",
            "selector",
        )


def _is_near(service: Manifest, workload: Manifest) -> bool:
    if service.get("metadata", "namespace") != workload.get("metadata", "namespace"):
        return False
    beside = service.file.rpartition("/")[0] == workload.file.rpartition("/")[0]
    return service.file == workload.file or (beside and service.name == workload.name)


def _selects(selector: Mapping[Any, Any], workload: Manifest) -> bool:
    labels = workload.mapping(*(workload.template or ()), "metadata", "labels")
    return all(labels.get(key) == value for key, value in selector.items())
