"""Storage that pods claim, config maps, and namespaces with their quotas."""

from __future__ import annotations

from typing import Any

from agents.kubernetes import listing, quantities
from agents.kubernetes.client import Cluster
from agents.kubernetes.kinds import CLAIM, CONFIG_MAP, NAMESPACE, QUOTA, Object
from agents.kubernetes.reading import age_of, at, name_of, namespace_of, part, text
from agents.kubernetes.targets import AnyNamespaceArguments, ContextArguments
from agents.kubernetes.words import listed
from agents.runtime.tool import ToolResult


def get_pvcs(arguments: AnyNamespaceArguments, cluster: Cluster, namespace: str) -> ToolResult:
    """`{pvcs: […], count, message?}`"""
    del arguments
    found = cluster.list(CLAIM, namespace)
    return listing.answer(
        "pvcs",
        found,
        claim_row,
        columns={
            **({} if namespace else {"NAMESPACE": "namespace"}),
            "NAME": "name",
            "STATUS": "status",
            "VOLUME": "volume",
            "CAPACITY": "capacity",
            "ACCESS MODES": lambda row: listed(row["access_modes"]),
            "STORAGECLASS": "storage_class",
            "AGE": "age",
        },
        empty="" if found.items else listing.nothing(cluster, CLAIM, namespace),
        troubled=lambda it: text(it, "status", "phase") != "Bound",
    )


def claim_row(claim: Object) -> listing.Row:
    return {
        "name": name_of(claim),
        "namespace": namespace_of(claim),
        "status": text(claim, "status", "phase"),
        "volume": text(claim, "spec", "volumeName"),
        "capacity": text(claim, "status", "capacity", "storage"),
        "requested": text(claim, "spec", "resources", "requests", "storage"),
        "access_modes": [str(mode) for mode in at(claim, "spec", "accessModes") or []],
        "storage_class": text(claim, "spec", "storageClassName"),
        "age": age_of(claim),
    }


def get_configmaps(
    arguments: AnyNamespaceArguments, cluster: Cluster, namespace: str
) -> ToolResult:
    """`{configmaps: [{name, namespace, keys, age}], count, message?}`; values are not shown."""
    del arguments
    found = cluster.list(CONFIG_MAP, namespace)
    return listing.answer(
        "configmaps",
        found,
        _configmap_row,
        columns={
            **({} if namespace else {"NAMESPACE": "namespace"}),
            "NAME": "name",
            "KEYS": lambda row: listed(row["keys"]),
            "AGE": "age",
        },
        empty="" if found.items else listing.nothing(cluster, CONFIG_MAP, namespace),
    )


def _configmap_row(found: Object) -> listing.Row:
    return {
        "name": name_of(found),
        "namespace": namespace_of(found),
        "keys": sorted({*part(found, "data"), *part(found, "binaryData")}),
        "age": age_of(found),
    }


def get_namespaces(arguments: ContextArguments, cluster: Cluster, namespace: str) -> ToolResult:
    """`{namespaces: [{name, status, age}], count}`"""
    del arguments, namespace
    return listing.answer(
        "namespaces",
        cluster.list(NAMESPACE, ""),
        _namespace_row,
        columns={"NAME": "name", "STATUS": "status", "AGE": "age"},
        empty="no namespaces",
        troubled=lambda it: text(it, "status", "phase") != "Active",
    )


def _namespace_row(found: Object) -> listing.Row:
    return {
        "name": name_of(found),
        "status": text(found, "status", "phase"),
        "age": age_of(found),
    }


def get_resource_quotas(
    arguments: AnyNamespaceArguments, cluster: Cluster, namespace: str
) -> ToolResult:
    """`{quotas: [{name, namespace, resources: [{resource, used, hard, share?}], age}], count}`"""
    del arguments
    found = cluster.list(QUOTA, namespace)
    return listing.answer(
        "quotas",
        found,
        quota_row,
        columns={
            **({} if namespace else {"NAMESPACE": "namespace"}),
            "NAME": "name",
            "USED": lambda row: listed(map(_use, row["resources"])),
            "AGE": "age",
        },
        empty="" if found.items else listing.nothing(cluster, QUOTA, namespace),
        troubled=_exhausted,
    )


def quota_row(quota: Object) -> listing.Row:
    used = part(quota, "status", "used")
    return {
        "name": name_of(quota),
        "namespace": namespace_of(quota),
        "resources": [
            _limit(key, str(used.get(key, "0")), str(hard))
            for key, hard in sorted(part(quota, "status", "hard").items())
        ],
        "age": age_of(quota),
    }


def _limit(resource: str, used: str, hard: str) -> dict[str, Any]:
    row: dict[str, Any] = {"resource": resource, "used": used, "hard": hard}
    most, taken = quantities.value(hard), quantities.value(used)
    if most and taken is not None:
        row["share"] = round(float(taken / most), 3)
    return row


def _use(limit: dict[str, Any]) -> str:
    return f"{limit['resource']} {limit['used']}/{limit['hard']}"


def _exhausted(quota: Object) -> bool:
    return any(limit.get("share", 0) >= 1 for limit in quota_row(quota)["resources"])
