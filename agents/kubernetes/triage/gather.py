"""Reads a snapshot of a namespace through our client: the only part that waits for a network."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from django.utils.timezone import now

from agents.kubernetes.client import Cluster
from agents.kubernetes.failures import FORBIDDEN, NOT_FOUND, ClusterError
from agents.kubernetes.kinds import DEPLOYMENT, POD, POD_METRICS, Kind, Object, named
from agents.kubernetes.reading import parts, text
from agents.kubernetes.triage.ailing import wanted_logs
from agents.kubernetes.triage.happened import place
from agents.kubernetes.triage.logclasses import of_errors
from agents.kubernetes.triage.snapshot import LogKey, Snapshot, log_lines

AT_ONCE: Final = 8  # requests
LINES: Final = 200  # of one log
MOST_BYTES: Final = 64 << 10  # of one log
_NAMESPACED: Final = (
    "pods",
    "events",
    "services",
    "deployments",
    "replicasets",
    "statefulsets",
    "daemonsets",
    "jobs",
    "cronjobs",
    "persistentvolumeclaims",
    "resourcequotas",
    "ingresses",
    "networkpolicies",
    "poddisruptionbudgets",
    "horizontalpodautoscalers",
)
_WIDE: Final = (
    "nodes",
    "namespaces",
    "storageclasses",
    "ingressclasses",
    "persistentvolumes",
    "applications",
)
# Without these there is no judgement; that others are refused is not worth telling.
_NEEDED: Final = frozenset({"Pod", "Event", "Deployment", "ReplicaSet", "Service", "Node"})
_SYSTEM: Final = "kube-system"
_COMPONENTS: Final = "component in (etcd,kube-apiserver,kube-controller-manager,kube-scheduler)"
_DNS: Final = "k8s-app in (kube-dns,coredns)"
_TLS: Final = "type=kubernetes.io/tls"


def gather(cluster: Cluster, namespace: str, *, about: str = "") -> Snapshot:
    """Everything the rules want to know of a namespace. A kind that is refused is left out.

    Logs are read of containers in trouble, and of those of `about`. Raises `ClusterError` where the
    cluster or its pods cannot be read at all.
    """
    reader = _Reader(cluster, namespace)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        reader.read(pool)
        bare = reader.snapshot()
        logs = dict(pool.map(reader.log, wanted_logs(bare, about)))
        reader.look_closer(bare, logs)
    return reader.snapshot({key: log for key, log in logs.items() if log})


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A list to read: of a namespace, or of the cluster without one."""

    kind: Kind
    namespace: str = ""
    fields: str = ""
    labels: str = ""

    @property
    def whole(self) -> bool:
        """Whether all objects are asked for, so that others are not there."""
        return not self.fields and not self.labels


class _Reader:
    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster, self.namespace = cluster, namespace
        self.objects: list[Object] = []
        self.kinds: set[str] = set()
        self.absent: list[str] = []
        self.missing: list[str] = []

    def read(self, pool: ThreadPoolExecutor) -> None:
        """Every kind; without the pods of the namespace nothing can be said."""
        wanted = [_Wanted(_kind(it), self.namespace) for it in _NAMESPACED]
        wanted += [_Wanted(_kind(it)) for it in _WIDE]
        wanted.append(_Wanted(POD_METRICS, self.namespace))
        wanted.append(_Wanted(_kind("secrets"), self.namespace, fields=_TLS))
        wanted.append(_Wanted(POD, _SYSTEM, labels=_COMPONENTS))
        for each, found in zip(wanted, pool.map(self._list, wanted), strict=True):
            if isinstance(found, ClusterError):
                self._failed(each, found)
            else:
                self.objects += self._chosen(each.kind, found)
                self.kinds |= {each.kind.kind} if each.whole else set()

    def _list(self, wanted: _Wanted) -> list[Object] | ClusterError:
        asked = {"fields": wanted.fields, "labels": wanted.labels}
        try:
            return self.cluster.list(wanted.kind, wanted.namespace, **asked).items
        except ClusterError as error:
            return error

    def _failed(self, wanted: _Wanted, error: ClusterError) -> None:
        if not error.status or (wanted.kind is POD and wanted.whole):
            raise error
        if wanted.kind.kind in _NEEDED and wanted.whole:
            self.missing.append(f"{wanted.kind.plural} could not be read: {error.diagnosis}")

    def _chosen(self, kind: Kind, items: list[Object]) -> list[Object]:
        """Applications are those that deploy into the namespace."""
        if kind.kind != "Application":
            return items
        return [it for it in items if _destination(it) == self.namespace]

    def look_closer(self, bare: Snapshot, logs: Mapping[LogKey, str]) -> None:
        """At single things that matter only now: TLS secrets of ingresses, the cluster's DNS."""
        for ingress in bare.all("Ingress"):
            for row in parts(ingress, "spec", "tls"):
                self._secret(bare, text(row, "secretName"))
        if any(of_errors(log_lines(log))[0] == "network/dns-failure" for log in logs.values()):
            for kind in (POD, DEPLOYMENT):
                found = self._list(_Wanted(kind, _SYSTEM, labels=_DNS))
                self.objects += found if isinstance(found, list) else []

    def _secret(self, bare: Snapshot, name: str) -> None:
        if not name or bare.find("Secret", name):
            return
        try:
            found = self.cluster.find(_kind("secrets"), name, self.namespace)
        except ClusterError:
            return  # whoever may not read it cannot say that it is not there
        if found is None:
            self.absent.append(place("Secret", self.namespace, name))

    def log(self, key: LogKey) -> tuple[LogKey, str]:
        """The end of one log; "" where there is none."""
        namespace, pod, container, previous = key
        query = (
            ("container", container),
            ("tailLines", str(LINES)),
            ("limitBytes", str(MOST_BYTES)),
            ("previous", str(previous).lower()),
        )
        path = _kind("pods").path(namespace=namespace, name=pod, subresource="log")
        try:
            return key, self.cluster.text(path, query)
        except ClusterError as error:
            if error.status not in (400, NOT_FOUND):
                self._refused_log(key, error)
            return key, ""

    def _refused_log(self, key: LogKey, error: ClusterError) -> None:
        namespace, pod, container, previous = key
        before = " --previous" if previous else ""
        command = f"kubectl -n {namespace} logs {pod} -c {container}{before}"
        why = "refused by RBAC" if error.status == FORBIDDEN else error.diagnosis
        self.missing.append(f"the log of {pod}/{container}: {why}. Run: {command}")

    def snapshot(self, logs: dict[LogKey, str] | None = None) -> Snapshot:
        return Snapshot.of(
            self.objects,
            namespace=self.namespace,
            logs=logs,
            kinds=self.kinds,
            absent=self.absent,
            missing=self.missing,
            taken_at=now(),
        )


def _destination(application: Object) -> str:
    return text(application, "spec", "destination", "namespace")


def _kind(name: str) -> Kind:
    found = named(name)
    assert found is not None  # noqa: S101 - the names above are those of our kinds
    return found
