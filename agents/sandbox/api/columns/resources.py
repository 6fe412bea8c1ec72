"""Everything that is neither a pod nor a workload."""

from __future__ import annotations

from typing import Any

from agents.sandbox import clock
from agents.sandbox.api.columns.column import (
    Cells,
    Column,
    age_of,
    columns,
    listed,
    pairs,
    selector,
)
from agents.sandbox.objects import (
    Object,
    annotations_of,
    at,
    labels_of,
    name_of,
    spec_of,
    status_of,
)

_ROLE = "node-role.kubernetes.io/"


def _ports(service: Object) -> str:
    return listed(
        f"{each['port']}{':' + str(each['nodePort']) if each.get('nodePort') else ''}"
        f"/{each.get('protocol', 'TCP')}"
        for each in spec_of(service).get("ports") or ()
    )


def _service(obj: Object) -> list[Any]:
    spec = spec_of(obj)
    external = listed(spec.get("externalIPs") or (), "")
    if spec.get("type") == "LoadBalancer":
        found = at(status_of(obj), "loadBalancer", "ingress", default=[])
        external = external or listed((each.get("ip", "") for each in found), "<pending>")
    if spec.get("type") == "ExternalName":
        external = spec.get("externalName", "")
    return [
        name_of(obj),
        spec.get("type", "ClusterIP"),
        spec.get("clusterIP") or "<none>",
        external or "<none>",
        _ports(obj),
        age_of(obj),
        pairs(spec.get("selector")),
    ]


def _endpoints(obj: Object) -> list[Any]:
    found = [
        f"{address['ip']}:{port['port']}"
        for subset in obj.get("subsets") or ()
        for address in subset.get("addresses") or ()
        for port in subset.get("ports") or ()
    ]
    shown = listed(found[:3]) + (f" + {len(found) - 3} more..." if len(found) > 3 else "")  # noqa: PLR2004 - as printed
    return [name_of(obj), shown, age_of(obj)]


def _slice(obj: Object) -> list[Any]:
    return [
        name_of(obj),
        obj.get("addressType", ""),
        listed((each.get("port") for each in obj.get("ports") or ()), "<unset>"),
        listed(
            (address for each in obj.get("endpoints") or () for address in each["addresses"]),
            "<unset>",
        ),
        age_of(obj),
    ]


def _node(obj: Object) -> list[Any]:
    status, info = status_of(obj), at(obj, "status", "nodeInfo", default={})
    ready: Object = next((c for c in status.get("conditions") or () if c["type"] == "Ready"), {})
    state = "Ready" if ready.get("status") == "True" else "NotReady"
    if spec_of(obj).get("unschedulable"):
        state += ",SchedulingDisabled"
    addresses = {each["type"]: each["address"] for each in status.get("addresses") or ()}
    roles = [key.removeprefix(_ROLE) for key in labels_of(obj) if key.startswith(_ROLE)]
    return [
        name_of(obj),
        state,
        listed(sorted(roles)),
        age_of(obj),
        info.get("kubeletVersion", ""),
        addresses.get("InternalIP", "<none>"),
        addresses.get("ExternalIP", "<none>"),
        info.get("osImage", ""),
        info.get("kernelVersion", ""),
        info.get("containerRuntimeVersion", ""),
    ]


def _namespace(obj: Object) -> list[Any]:
    return [name_of(obj), status_of(obj).get("phase", ""), age_of(obj)]


def _config_map(obj: Object) -> list[Any]:
    return [
        name_of(obj),
        len(obj.get("data") or {}) + len(obj.get("binaryData") or {}),
        age_of(obj),
    ]


def _secret(obj: Object) -> list[Any]:
    return [name_of(obj), obj.get("type", ""), len(obj.get("data") or {}), age_of(obj)]


def _event(obj: Object) -> list[Any]:
    about = obj.get("involvedObject") or obj.get("regarding") or {}
    source = obj.get("source") or obj.get("deprecatedSource") or {}
    first = obj.get("firstTimestamp") or obj.get("deprecatedFirstTimestamp")
    last = obj.get("lastTimestamp") or obj.get("deprecatedLastTimestamp")
    return [
        clock.age(last),
        obj.get("type", ""),
        obj.get("reason", ""),
        f"{str(about.get('kind', '')).lower()}/{about.get('name', '')}",
        obj.get("message") or obj.get("note") or "",
        about.get("fieldPath", ""),
        ", ".join(filter(None, (source.get("component"), source.get("host")))),
        clock.age(first),
        obj.get("count") or obj.get("deprecatedCount") or 1,
        name_of(obj),
    ]


def _claim(obj: Object) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    return [
        name_of(obj),
        status.get("phase", ""),
        spec.get("volumeName", ""),
        at(status, "capacity", "storage", default=""),
        _modes(status.get("accessModes")),
        spec.get("storageClassName", ""),
        "<unset>",
        age_of(obj),
        spec.get("volumeMode", ""),
    ]


def _modes(modes: list[str] | None) -> str:
    known = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX"}
    return ",".join(known.get(mode, mode) for mode in modes or ())


def _volume(obj: Object) -> list[Any]:
    spec, claim = spec_of(obj), spec_of(obj).get("claimRef") or {}
    return [
        name_of(obj),
        at(spec, "capacity", "storage", default=""),
        _modes(spec.get("accessModes")),
        spec.get("persistentVolumeReclaimPolicy", ""),
        status_of(obj).get("phase", ""),
        f"{claim['namespace']}/{claim['name']}" if claim else "",
        spec.get("storageClassName", ""),
        "<unset>",
        "",
        age_of(obj),
    ]


def _storage_class(obj: Object) -> list[Any]:
    default = annotations_of(obj).get("storageclass.kubernetes.io/is-default-class") == "true"
    return [
        name_of(obj) + (" (default)" if default else ""),
        obj.get("provisioner", ""),
        obj.get("reclaimPolicy", ""),
        obj.get("volumeBindingMode", ""),
        "true" if obj.get("allowVolumeExpansion") else "false",
        age_of(obj),
    ]


def _ingress(obj: Object) -> list[Any]:
    spec = spec_of(obj)
    found = at(status_of(obj), "loadBalancer", "ingress", default=[])
    return [
        name_of(obj),
        spec.get("ingressClassName") or "<none>",
        listed((rule.get("host") or "*" for rule in spec.get("rules") or ()), "*"),
        listed((each.get("ip", "") for each in found), ""),
        "80, 443" if spec.get("tls") else "80",
        age_of(obj),
    ]


def _network_policy(obj: Object) -> list[Any]:
    return [name_of(obj), selector(spec_of(obj).get("podSelector")), age_of(obj)]


def _budget(obj: Object) -> list[Any]:
    spec = spec_of(obj)
    return [
        name_of(obj),
        str(spec.get("minAvailable", "N/A")),
        str(spec.get("maxUnavailable", "N/A")),
        status_of(obj).get("disruptionsAllowed", 0),
        age_of(obj),
    ]


def _quota(obj: Object) -> list[Any]:
    hard = at(status_of(obj), "hard", default=at(spec_of(obj), "hard", default={}))
    used = at(status_of(obj), "used", default={})
    parts = {name: f"{name}: {used.get(name, 0)}/{limit}" for name, limit in hard.items()}
    requests = [text for name, text in parts.items() if not name.startswith("limits.")]
    limits = [text for name, text in parts.items() if name.startswith("limits.")]
    return [name_of(obj), ", ".join(requests), ", ".join(limits), age_of(obj)]


def _service_account(obj: Object) -> list[Any]:
    return [name_of(obj), len(obj.get("secrets") or ()), age_of(obj)]


def _application(obj: Object) -> list[Any]:
    status = status_of(obj)
    return [
        name_of(obj),
        at(status, "sync", "status", default=""),
        at(status, "health", "status", default=""),
        at(status, "sync", "revision", default=""),
        at(spec_of(obj), "project", default=""),
    ]


TABLES: dict[str, tuple[tuple[Column, ...], Cells]] = {
    "Service": (columns("Name Type Cluster-IP External-IP Port(s) Age | Selector"), _service),
    "Endpoints": (columns("Name Endpoints Age"), _endpoints),
    "EndpointSlice": (columns("Name AddressType Ports Endpoints Age"), _slice),
    "Node": (
        columns(
            "Name Status Roles Age Version | Internal-IP External-IP OS-Image Kernel-Version"
            " Container-Runtime"
        ),
        _node,
    ),
    "Namespace": (columns("Name Status Age"), _namespace),
    "ConfigMap": (columns("Name Data Age"), _config_map),
    "Secret": (columns("Name Type Data:integer Age"), _secret),
    "Event": (
        columns(
            "Last_Seen Type Reason Object Message | Subobject Source First_Seen Count:integer Name"
        ),
        _event,
    ),
    "PersistentVolumeClaim": (
        columns(
            "Name Status Volume Capacity Access_Modes StorageClass VolumeAttributesClass Age"
            " | VolumeMode"
        ),
        _claim,
    ),
    "PersistentVolume": (
        columns(
            "Name Capacity Access_Modes Reclaim_Policy Status Claim StorageClass"
            " VolumeAttributesClass Reason Age"
        ),
        _volume,
    ),
    "StorageClass": (
        columns("Name Provisioner ReclaimPolicy VolumeBindingMode AllowVolumeExpansion Age"),
        _storage_class,
    ),
    "Ingress": (columns("Name Class Hosts Address Ports Age"), _ingress),
    "NetworkPolicy": (columns("Name Pod-Selector Age"), _network_policy),
    "PodDisruptionBudget": (
        columns("Name Min_Available Max_Unavailable Allowed_Disruptions:integer Age"),
        _budget,
    ),
    "ResourceQuota": (columns("Name Request Limit Age"), _quota),
    "ServiceAccount": (columns("Name Secrets:integer Age"), _service_account),
    "Application": (columns("Name Sync_Status Health_Status | Revision Project"), _application),
}
