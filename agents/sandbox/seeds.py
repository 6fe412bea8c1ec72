"""What a fresh cluster has in it, as one that somebody set up has."""

from __future__ import annotations

from collections.abc import Iterator

from agents.sandbox import kinds, quantity
from agents.sandbox.cluster import Cluster
from agents.sandbox.kinds import Kind
from agents.sandbox.objects import Object, name_of, namespace_of

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease", "argocd")
_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
_READ = ["get", "list", "watch"]
_WRITE = ["create", "delete", "deletecollection", "patch", "update"]
_CORE_READ = [
    "bindings",
    "configmaps",
    "endpoints",
    "events",
    "limitranges",
    "namespaces",
    "persistentvolumeclaims",
    "pods",
    "pods/log",
    "pods/status",
    "replicationcontrollers",
    "replicationcontrollers/scale",
    "resourcequotas",
    "serviceaccounts",
    "services",
    "services/status",
]
_APPS = [
    "controllerrevisions",
    "daemonsets",
    "daemonsets/status",
    "deployments",
    "deployments/scale",
    "deployments/status",
    "replicasets",
    "replicasets/scale",
    "replicasets/status",
    "statefulsets",
    "statefulsets/scale",
    "statefulsets/status",
]
_NETWORK = ["ingresses", "ingresses/status", "networkpolicies"]


def plant(cluster: Cluster) -> None:
    """Create what is missing of the seed."""
    for kind, obj in _objects(cluster):
        if cluster.store.find(kind, namespace_of(obj), name_of(obj)) is None:
            cluster.registry.create(kind, obj)


def put(cluster: Cluster, obj: Object) -> Object:
    """Create or replace any object, its status included; nothing is validated. KeyError for a kind
    the cluster does not serve.
    """
    kind = cluster.kinds.of(obj)
    if kind is None:
        raise KeyError(f"{obj.get('apiVersion')} {obj.get('kind')}")
    metadata = dict(obj["metadata"])
    if kind.namespaced:
        metadata.setdefault("namespace", "default")
    obj = {**obj, "metadata": metadata}
    if cluster.store.find(kind, namespace_of(obj), name_of(obj)) is None:
        return cluster.store.create(kind, obj)
    return cluster.store.update(kind, obj)


def _objects(cluster: Cluster) -> Iterator[tuple[Kind, Object]]:
    for name in (*NAMESPACES, *cluster.options.namespaces):
        yield kinds.NAMESPACE, _named("v1", "Namespace", name)
    yield kinds.STORAGE_CLASS, _storage_class()
    yield from _rights()
    yield from _definitions()
    yield kinds.NODE, node(cluster, "sandbox-control-plane", 0)
    for i in range(1, cluster.options.nodes + 1):
        yield kinds.NODE, node(cluster, f"sandbox-worker{'' if i == 1 else i}", i)
    yield kinds.SERVICE, _api_service()
    yield from _dns()
    yield kinds.SERVICE, _sealing_service()
    yield kinds.PROJECT, _project()


def _named(api_version: str, kind: str, name: str, namespace: str = "", **rest: object) -> Object:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **rest}


def node(cluster: Cluster, name: str, number: int) -> Object:
    """A node; number 0 is the control plane, which takes no ordinary pods."""
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
    }
    spec: Object = {"podCIDR": f"10.244.{number}.0/24", "podCIDRs": [f"10.244.{number}.0/24"]}
    if not number:
        labels[_CONTROL_PLANE] = ""
        spec["taints"] = [{"key": _CONTROL_PLANE, "effect": "NoSchedule"}]
    obj = _named("v1", "Node", name, spec=spec)
    obj["metadata"]["labels"] = labels
    obj["metadata"]["annotations"] = {
        "sandbox.aura.dev/cpu": cluster.options.node_cpu,
        "sandbox.aura.dev/memory": quantity.of(
            "memory", quantity.amount(cluster.options.node_memory)
        ),
        "sandbox.aura.dev/address": f"10.0.0.{10 + number}",
    }
    return obj


def _storage_class() -> Object:
    obj = _named("storage.k8s.io/v1", "StorageClass", "standard")
    obj["metadata"]["annotations"] = {"storageclass.kubernetes.io/is-default-class": "true"}
    return obj | {
        "provisioner": "rancher.io/local-path",
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
    }


def _api_service() -> Object:
    ports = [{"name": "https", "port": 443, "targetPort": 6443, "protocol": "TCP"}]
    spec = {"type": "ClusterIP", "clusterIP": "10.96.0.1", "ports": ports}
    return _named("v1", "Service", "kubernetes", "default", spec=spec)


def _dns() -> Iterator[tuple[Kind, Object]]:
    labels = {"k8s-app": "kube-dns"}
    container = {
        "name": "coredns",
        "image": "registry.k8s.io/coredns/coredns:v1.12.0",
        "ports": [{"name": "dns", "containerPort": 53, "protocol": "UDP"}],
        "resources": {"requests": {"cpu": "100m", "memory": "70Mi"}},
    }
    spec = {
        "replicas": 2,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    }
    yield kinds.DEPLOYMENT, _named("apps/v1", "Deployment", "coredns", "kube-system", spec=spec)
    ports = [{"name": "dns", "port": 53, "targetPort": 53, "protocol": "UDP"}]
    service = {"clusterIP": "10.96.0.10", "selector": labels, "ports": ports}
    yield kinds.SERVICE, _named("v1", "Service", "kube-dns", "kube-system", spec=service)


def _sealing_service() -> Object:
    spec = {"ports": [{"name": "http", "port": 8080, "targetPort": 8080}]}
    return _named("v1", "Service", "sealed-secrets-controller", "kube-system", spec=spec)


def _project() -> Object:
    anything = [{"group": "*", "kind": "*"}]
    spec = {
        "sourceRepos": ["*"],
        "destinations": [{"server": "*", "namespace": "*"}],
        "clusterResourceWhitelist": anything,
    }
    return _named("argoproj.io/v1alpha1", "AppProject", "default", "argocd", spec=spec)


def _rights() -> Iterator[tuple[Kind, Object]]:
    everything = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
    yield kinds.CLUSTER_ROLE, _role("cluster-admin", [everything])
    reading = [
        _rule("", _CORE_READ, _READ),
        _rule("apps", _APPS, _READ),
        _rule("batch", ["cronjobs", "cronjobs/status", "jobs", "jobs/status"], _READ),
        _rule("autoscaling", ["horizontalpodautoscalers"], _READ),
        _rule("networking.k8s.io", _NETWORK, _READ),
        _rule("discovery.k8s.io", ["endpointslices"], _READ),
        _rule("policy", ["poddisruptionbudgets"], _READ),
        _rule("metrics.k8s.io", ["pods", "nodes"], ["get", "list"]),
        _rule("events.k8s.io", ["events"], _READ),
    ]
    yield kinds.CLUSTER_ROLE, _role("view", reading)
    core = [name for name in _CORE_READ if name not in ("namespaces", "resourcequotas", "events")]
    writing = [
        _rule("", [*core, "secrets", "pods/eviction"], _READ + _WRITE),
        _rule("apps", _APPS, _READ + _WRITE),
        _rule("batch", ["cronjobs", "jobs"], _READ + _WRITE),
        _rule("autoscaling", ["horizontalpodautoscalers"], _READ + _WRITE),
        _rule("networking.k8s.io", _NETWORK, _READ + _WRITE),
        _rule("policy", ["poddisruptionbudgets"], _READ + _WRITE),
    ]
    yield kinds.CLUSTER_ROLE, _role("edit", reading + writing)
    nodes = [
        _rule("", ["nodes", "persistentvolumes"], _READ),
        _rule("storage.k8s.io", ["storageclasses"], _READ),
        _rule("argoproj.io", ["applications", "appprojects"], _READ),
    ]
    yield kinds.CLUSTER_ROLE, _role("sandbox:cluster-reader", nodes)
    for name, role, group in (
        ("cluster-admin", "cluster-admin", "system:masters"),
        ("sandbox:viewers", "view", "sandbox:viewers"),
        ("sandbox:viewers-cluster", "sandbox:cluster-reader", "sandbox:viewers"),
        ("sandbox:editors", "edit", "sandbox:editors"),
        ("sandbox:editors-cluster", "sandbox:cluster-reader", "sandbox:editors"),
    ):
        yield kinds.CLUSTER_ROLE_BINDING, _binding(name, role, group)


def _rule(group: str, resources: list[str], verbs: list[str]) -> Object:
    return {"apiGroups": [group], "resources": resources, "verbs": verbs}


def _role(name: str, rules: list[Object]) -> Object:
    return _named("rbac.authorization.k8s.io/v1", "ClusterRole", name, rules=rules)


def _binding(name: str, role: str, group: str) -> Object:
    api = "rbac.authorization.k8s.io"
    return _named(
        f"{api}/v1",
        "ClusterRoleBinding",
        name,
        subjects=[{"apiGroup": api, "kind": "Group", "name": group}],
        roleRef={"apiGroup": api, "kind": "ClusterRole", "name": role},
    )


def _definitions() -> Iterator[tuple[Kind, Object]]:
    """The definitions of the custom kinds that are served from the start."""
    for kind in kinds.BUILT_IN:
        if not kind.custom:
            continue
        version = {"name": kind.version, "served": True, "storage": True}
        spec = {
            "group": kind.group,
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "names": {
                "plural": kind.plural,
                "singular": kind.singular,
                "kind": kind.kind,
                "listKind": f"{kind.kind}List",
                "shortNames": list(kind.short),
            },
            "versions": [version],
        }
        name = f"{kind.plural}.{kind.group}"
        yield (
            kinds.CRD,
            _named("apiextensions.k8s.io/v1", "CustomResourceDefinition", name, spec=spec),
        )
