"""Kinds of objects by the names people give them, and where the API serves each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

Object = dict[str, Any]  # one object of the API, as JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """`group` is "" for the core group."""

    kind: str
    plural: str
    group: str = ""
    version: str = "v1"
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, *, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The path of a collection (of all namespaces without one), an object or its part."""
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"
        within = f"/namespaces/{_quoted(namespace)}" if self.namespaced and namespace else ""
        path = f"{root}{within}/{self.plural}"
        for part in (name, subresource):
            path += f"/{_quoted(part)}" if part else ""
        return path


def _quoted(part: str) -> str:
    if part in (".", ".."):
        raise ValueError(f"{part!r} is no name")
    return quote(part, safe="")


def _core(kind: str, plural: str, *, namespaced: bool = True) -> Kind:
    return Kind(kind=kind, plural=plural, namespaced=namespaced)


def _of(
    group: str, kind: str, plural: str, *, namespaced: bool = True, version: str = "v1"
) -> Kind:
    return Kind(kind=kind, plural=plural, group=group, version=version, namespaced=namespaced)


_RBAC = "rbac.authorization.k8s.io"

POD: Final = _core("Pod", "pods")
SERVICE: Final = _core("Service", "services")
ENDPOINTS: Final = _core("Endpoints", "endpoints")
EVENT: Final = _core("Event", "events")
NODE: Final = _core("Node", "nodes", namespaced=False)
NAMESPACE: Final = _core("Namespace", "namespaces", namespaced=False)
CLAIM: Final = _core("PersistentVolumeClaim", "persistentvolumeclaims")
CONFIG_MAP: Final = _core("ConfigMap", "configmaps")
QUOTA: Final = _core("ResourceQuota", "resourcequotas")
DEPLOYMENT: Final = _of("apps", "Deployment", "deployments")
REPLICA_SET: Final = _of("apps", "ReplicaSet", "replicasets")
STATEFUL_SET: Final = _of("apps", "StatefulSet", "statefulsets")
DAEMON_SET: Final = _of("apps", "DaemonSet", "daemonsets")
JOB: Final = _of("batch", "Job", "jobs")
CRON_JOB: Final = _of("batch", "CronJob", "cronjobs")
INGRESS: Final = _of("networking.k8s.io", "Ingress", "ingresses")
AUTOSCALER: Final = _of(
    "autoscaling", "HorizontalPodAutoscaler", "horizontalpodautoscalers", version="v2"
)
POD_METRICS: Final = _of("metrics.k8s.io", "PodMetrics", "pods", version="v1beta1")
NODE_METRICS: Final = _of(
    "metrics.k8s.io", "NodeMetrics", "nodes", version="v1beta1", namespaced=False
)

# Short names as kubectl has them; plural and kind are names too.
_SHORT: Final[dict[str, Kind]] = {
    "po": POD,
    "svc": SERVICE,
    "ep": ENDPOINTS,
    "ev": EVENT,
    "no": NODE,
    "ns": NAMESPACE,
    "pvc": CLAIM,
    "quota": QUOTA,
    "deploy": DEPLOYMENT,
    "rs": REPLICA_SET,
    "sts": STATEFUL_SET,
    "ds": DAEMON_SET,
    "job": JOB,
    "cj": CRON_JOB,
    "ing": INGRESS,
    "hpa": AUTOSCALER,
    "cm": CONFIG_MAP,
    "secret": _core("Secret", "secrets"),
    "sa": _core("ServiceAccount", "serviceaccounts"),
    "limits": _core("LimitRange", "limitranges"),
    "pv": _core("PersistentVolume", "persistentvolumes", namespaced=False),
    "rc": _core("ReplicationController", "replicationcontrollers"),
    "netpol": _of("networking.k8s.io", "NetworkPolicy", "networkpolicies"),
    "ingressclass": _of("networking.k8s.io", "IngressClass", "ingressclasses", namespaced=False),
    "pdb": _of("policy", "PodDisruptionBudget", "poddisruptionbudgets"),
    "role": _of(_RBAC, "Role", "roles"),
    "rolebinding": _of(_RBAC, "RoleBinding", "rolebindings"),
    "clusterrole": _of(_RBAC, "ClusterRole", "clusterroles", namespaced=False),
    "clusterrolebinding": _of(_RBAC, "ClusterRoleBinding", "clusterrolebindings", namespaced=False),
    "sc": _of("storage.k8s.io", "StorageClass", "storageclasses", namespaced=False),
    "pc": _of("scheduling.k8s.io", "PriorityClass", "priorityclasses", namespaced=False),
    "lease": _of("coordination.k8s.io", "Lease", "leases"),
    "endpointslice": _of("discovery.k8s.io", "EndpointSlice", "endpointslices"),
    "controllerrevision": _of("apps", "ControllerRevision", "controllerrevisions"),
    "crd": _of(
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        namespaced=False,
    ),
    "app": _of("argoproj.io", "Application", "applications", version="v1alpha1"),
    "appproj": _of("argoproj.io", "AppProject", "appprojects", version="v1alpha1"),
    "sealedsecret": _of("bitnami.com", "SealedSecret", "sealedsecrets", version="v1alpha1"),
}

_NAMES: Final[dict[str, Kind]] = {
    name: kind
    for short, kind in _SHORT.items()
    for name in (short, kind.plural, kind.kind.lower(), f"{kind.plural}.{kind.group}")
}


def named(name: str) -> Kind | None:
    """The kind that `pods`, `po`, `Pod`, `deployments.apps` or `deployments.v1.apps` means."""
    plural, _, rest = name.lower().partition(".")
    version, _, group = rest.partition(".")
    found = _NAMES.get(name.lower()) or _NAMES.get(f"{plural}.{group}")
    return found if found is None or not group or version == found.version else None
