"""The resources the cluster serves: names, scope and subresources of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from agents.sandbox.objects import Object

_ALL_VERBS = (
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One resource. `group` is "" for the core group; `subresources` without the object itself."""

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    namespaced: bool = True
    short: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    verbs: tuple[str, ...] = _ALL_VERBS
    custom: bool = False  # a CRD: no strategic merge, no schema of ours
    schema: Object = field(default_factory=dict, hash=False, compare=False)

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def key(self) -> tuple[str, str]:
        """What the store files its objects under: versions of one resource share them."""
        return (self.group, self.plural)


def _kind(row: str, group_version: str) -> Kind:
    """A row of the table: plural kind scope short-names categories subresources, "-" for none."""
    plural, kind, scope, short, categories, subresources = row.split()
    group, _, version = group_version.rpartition("/")
    return Kind(
        group=group,
        version=version,
        kind=kind,
        plural=plural,
        singular=kind.lower(),
        namespaced=scope == "ns",
        short=_words(short),
        categories=_words(categories),
        subresources=_words(subresources),
        verbs=("get", "list") if group == "metrics.k8s.io" else _ALL_VERBS,
        custom=group in ("argoproj.io", "bitnami.com"),
    )


def _words(text: str) -> tuple[str, ...]:
    return () if text == "-" else tuple(text.split(","))


_TABLE = {
    "v1": """
        bindings Binding ns - - -
        configmaps ConfigMap ns cm - -
        endpoints Endpoints ns ep - -
        events Event ns ev - -
        limitranges LimitRange ns limits - -
        namespaces Namespace - ns - status,finalize
        nodes Node - no - status
        persistentvolumeclaims PersistentVolumeClaim ns pvc - status
        persistentvolumes PersistentVolume - pv - status
        pods Pod ns po all status,log,eviction,exec,attach,portforward,resize,binding
        podtemplates PodTemplate ns - - -
        replicationcontrollers ReplicationController ns rc all status,scale
        resourcequotas ResourceQuota ns quota - status
        secrets Secret ns - - -
        serviceaccounts ServiceAccount ns sa - token
        services Service ns svc all status
    """,
    "apps/v1": """
        controllerrevisions ControllerRevision ns - - -
        daemonsets DaemonSet ns ds all status
        deployments Deployment ns deploy all status,scale
        replicasets ReplicaSet ns rs all status,scale
        statefulsets StatefulSet ns sts all status,scale
    """,
    "batch/v1": """
        cronjobs CronJob ns cj all status
        jobs Job ns - all status
    """,
    "autoscaling/v2": "horizontalpodautoscalers HorizontalPodAutoscaler ns hpa all status",
    "networking.k8s.io/v1": """
        ingressclasses IngressClass - - - -
        ingresses Ingress ns ing - status
        networkpolicies NetworkPolicy ns netpol - -
    """,
    "discovery.k8s.io/v1": "endpointslices EndpointSlice ns - - -",
    "policy/v1": "poddisruptionbudgets PodDisruptionBudget ns pdb - status",
    "rbac.authorization.k8s.io/v1": """
        clusterrolebindings ClusterRoleBinding - - - -
        clusterroles ClusterRole - - - -
        rolebindings RoleBinding ns - - -
        roles Role ns - - -
    """,
    "storage.k8s.io/v1": "storageclasses StorageClass - sc - -",
    "scheduling.k8s.io/v1": "priorityclasses PriorityClass - pc - -",
    "coordination.k8s.io/v1": "leases Lease ns - - -",
    "events.k8s.io/v1": "events Event ns ev - -",
    "apiextensions.k8s.io/v1": (
        "customresourcedefinitions CustomResourceDefinition - crd,crds api-extensions status"
    ),
    "metrics.k8s.io/v1beta1": """
        nodes NodeMetrics - - - -
        pods PodMetrics ns - - -
    """,
    "argoproj.io/v1alpha1": """
        applications Application ns app,apps - -
        applicationsets ApplicationSet ns appset,appsets - status
        appprojects AppProject ns appproj,appprojs - -
    """,
    "bitnami.com/v1alpha1": "sealedsecrets SealedSecret ns - - status",
}


@cache
def _all() -> tuple[Kind, ...]:
    """The table, read once: a kind is one value, compared by identity."""
    return tuple(
        _kind(row, group_version)
        for group_version, rows in _TABLE.items()
        for row in rows.strip().splitlines()
    )


class Kinds:
    """The registry; a CustomResourceDefinition adds to it."""

    def __init__(self) -> None:
        self._by_path: dict[tuple[str, str, str], Kind] = {}
        self._by_kind: dict[tuple[str, str], Kind] = {}
        for kind in _all():
            self.add(kind)

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._by_path.values())

    def add(self, kind: Kind) -> None:
        self._by_path[kind.group, kind.version, kind.plural] = kind
        self._by_kind[kind.api_version, kind.kind] = kind

    def remove(self, kind: Kind) -> None:
        self._by_path.pop((kind.group, kind.version, kind.plural), None)
        self._by_kind.pop((kind.api_version, kind.kind), None)

    def at(self, group: str, version: str, plural: str) -> Kind | None:
        return self._by_path.get((group, version, plural))

    def named(self, api_version: str, kind: str) -> Kind | None:
        return self._by_kind.get((api_version, kind))

    def of(self, obj: Object) -> Kind | None:
        return self.named(str(obj.get("apiVersion") or ""), str(obj.get("kind") or ""))

    def groups(self) -> dict[str, list[str]]:
        """Group -> its versions, in the order of the table, without the core group."""
        found: dict[str, list[str]] = {}
        for kind in self:
            versions = found.setdefault(kind.group, []) if kind.group else []
            if kind.version not in versions:
                versions.append(kind.version)
        return found

    def in_version(self, group: str, version: str) -> list[Kind]:
        return [kind for kind in self if (kind.group, kind.version) == (group, version)]


BUILT_IN = Kinds()


def built_in(api_version: str, kind: str) -> Kind:
    """A kind of the table, for code that names its own; KeyError for others."""
    found = BUILT_IN.named(api_version, kind)
    if found is None:
        raise KeyError(f"{api_version} {kind}")
    return found


POD = built_in("v1", "Pod")
NODE = built_in("v1", "Node")
EVENT = built_in("v1", "Event")
SERVICE = built_in("v1", "Service")
NAMESPACE = built_in("v1", "Namespace")
ENDPOINTS = built_in("v1", "Endpoints")
CONFIG_MAP = built_in("v1", "ConfigMap")
SECRET = built_in("v1", "Secret")
SERVICE_ACCOUNT = built_in("v1", "ServiceAccount")
CLAIM = built_in("v1", "PersistentVolumeClaim")
VOLUME = built_in("v1", "PersistentVolume")
QUOTA = built_in("v1", "ResourceQuota")
LIMIT_RANGE = built_in("v1", "LimitRange")
DEPLOYMENT = built_in("apps/v1", "Deployment")
REPLICA_SET = built_in("apps/v1", "ReplicaSet")
STATEFUL_SET = built_in("apps/v1", "StatefulSet")
DAEMON_SET = built_in("apps/v1", "DaemonSet")
REVISION = built_in("apps/v1", "ControllerRevision")
JOB = built_in("batch/v1", "Job")
CRON_JOB = built_in("batch/v1", "CronJob")
HPA = built_in("autoscaling/v2", "HorizontalPodAutoscaler")
INGRESS = built_in("networking.k8s.io/v1", "Ingress")
NETWORK_POLICY = built_in("networking.k8s.io/v1", "NetworkPolicy")
ENDPOINT_SLICE = built_in("discovery.k8s.io/v1", "EndpointSlice")
PDB = built_in("policy/v1", "PodDisruptionBudget")
STORAGE_CLASS = built_in("storage.k8s.io/v1", "StorageClass")
ROLE = built_in("rbac.authorization.k8s.io/v1", "Role")
CLUSTER_ROLE = built_in("rbac.authorization.k8s.io/v1", "ClusterRole")
ROLE_BINDING = built_in("rbac.authorization.k8s.io/v1", "RoleBinding")
CLUSTER_ROLE_BINDING = built_in("rbac.authorization.k8s.io/v1", "ClusterRoleBinding")
CRD = built_in("apiextensions.k8s.io/v1", "CustomResourceDefinition")
NEW_EVENT = built_in("events.k8s.io/v1", "Event")
POD_METRICS = built_in("metrics.k8s.io/v1beta1", "PodMetrics")
NODE_METRICS = built_in("metrics.k8s.io/v1beta1", "NodeMetrics")
APPLICATION = built_in("argoproj.io/v1alpha1", "Application")
PROJECT = built_in("argoproj.io/v1alpha1", "AppProject")
SEALED_SECRET = built_in("bitnami.com/v1alpha1", "SealedSecret")
