"""/version, /api, /apis and the resource lists."""

from __future__ import annotations

import platform

from agents.sandbox.api.access import REVIEWS
from agents.sandbox.cluster import Cluster
from agents.sandbox.kinds import Kind
from agents.sandbox.objects import Object

_SUBRESOURCES: dict[str, tuple[str, tuple[str, ...]]] = {
    # subresource -> its kind, its verbs
    "status": ("", ("get", "patch", "update")),
    "scale": ("Scale", ("get", "patch", "update")),
    "log": ("Pod", ("get",)),
    "eviction": ("Eviction", ("create",)),
    "exec": ("PodExecOptions", ("create", "get")),
    "attach": ("PodAttachOptions", ("create", "get")),
    "portforward": ("PodPortForwardOptions", ("create", "get")),
    "resize": ("Pod", ("get", "patch", "update")),
    "binding": ("Binding", ("create",)),
    "finalize": ("Namespace", ("update",)),
    "token": ("TokenRequest", ("create",)),
}
_FOREIGN = {
    "scale": ("autoscaling", "v1"),
    "eviction": ("policy", "v1"),
    "token": ("authentication.k8s.io", "v1"),
}


def version(cluster: Cluster) -> Object:
    major, minor = cluster.options.version.split(".")[:2]
    return {
        "major": major,
        "minor": minor,
        "gitVersion": f"v{major}.{minor}.0",
        "gitCommit": "0" * 40,
        "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z",
        "goVersion": "go1.24.2",
        "compiler": "gc",
        "platform": f"linux/{'arm64' if platform.machine() == 'aarch64' else 'amd64'}",
    }


def api_versions(host: str) -> Object:
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": host}],
    }


def groups(cluster: Cluster) -> list[Object]:
    versions = cluster.kinds.groups() | {group: ["v1"] for group in REVIEWS}
    return [_group(name, found) for name, found in versions.items()]


def _group(name: str, versions: list[str]) -> Object:
    listed = [{"groupVersion": f"{name}/{each}", "version": each} for each in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def group_list(cluster: Cluster) -> Object:
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups(cluster)}


def group(cluster: Cluster, name: str) -> Object | None:
    found = next((each for each in groups(cluster) if each["name"] == name), None)
    return found and {"kind": "APIGroup", "apiVersion": "v1", **found}


def resources(cluster: Cluster, group: str, version: str) -> Object | None:
    """The APIResourceList of a group version; None where there is none."""
    listed = [each for kind in cluster.kinds.in_version(group, version) for each in _rows(kind)]
    if version == "v1":
        listed += [
            {"name": plural, "singularName": "", "namespaced": False, "kind": kind}
            | {"verbs": ["create"]}
            for plural, kind in REVIEWS.get(group, {}).items()
        ]
    if not listed:
        return None
    group_version = f"{group}/{version}" if group else version
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version,
        "resources": listed,
    }


def _rows(kind: Kind) -> list[Object]:
    row: Object = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": ["create"] if kind.kind == "Binding" else list(kind.verbs),
    }
    if kind.short:
        row["shortNames"] = list(kind.short)
    if kind.categories:
        row["categories"] = list(kind.categories)
    return [row, *(_subresource(kind, sub) for sub in kind.subresources)]


def _subresource(kind: Kind, sub: str) -> Object:
    name, verbs = _SUBRESOURCES[sub]
    row: Object = {
        "name": f"{kind.plural}/{sub}",
        "singularName": "",
        "namespaced": kind.namespaced,
        "kind": name or kind.kind,
        "verbs": list(verbs),
    }
    if sub in _FOREIGN:
        row["group"], row["version"] = _FOREIGN[sub]
    return row
