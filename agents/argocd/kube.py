"""Argo CD without its server: the Application objects are read and written in Kubernetes.

A sync is a wish written into `.operation`; the controller takes it up. One that is running is never
overwritten: the object is replaced with the version that was read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final

from agents.argocd.desk import CALL, ArgoAway, ArgoFailed
from agents.argocd.operations import call_ids
from agents.argocd.state import Application, Object
from agents.argocd.windows import Window, of_project
from agents.kubernetes.failures import ClusterError
from agents.kubernetes.kinds import named

if TYPE_CHECKING:
    from agents.kubernetes.client import Cluster

REFRESH: Final = "argocd.argoproj.io/refresh"
CONFLICT: Final = 409
TRIES: Final = 3


class Kube:
    """`namespace`: where Argo CD keeps its applications."""

    def __init__(self, cluster: Cluster, *, namespace: str) -> None:
        kind = named("app")
        assert kind is not None  # noqa: S101 - ours
        self._kind = kind
        self._cluster = cluster
        self._namespace = namespace

    def applications(self) -> list[Application]:
        with _told():
            items = self._cluster.list(self._kind, self._namespace).items
        return [Application.of(each) for each in items]

    def get(self, name: str, *, refresh: bool = False) -> Application:
        if refresh:
            patch = {"metadata": {"annotations": {REFRESH: "normal"}}}
            with _told():
                self._cluster.patch(self._kind, name, self._namespace, patch)
        return Application.of(self.object(name))

    def manifests(self, name: str, revision: str) -> list[Object]:
        raise ArgoFailed(
            f"the manifests of {name} at {revision[:7]} are rendered by Argo CD's server, which"
            " AURA_ARGOCD_SERVER does not name"
        )

    def windows(self, app: Application) -> list[Window]:
        where = f"/apis/argoproj.io/v1alpha1/namespaces/{self._namespace}/appprojects"
        with _told():
            return of_project(self._cluster.read(f"{where}/{app.project or 'default'}"), app)

    def sync(
        self,
        name: str,
        *,
        revision: str = "",
        prune: bool = False,
        dry_run: bool = False,
        call_id: str,
    ) -> None:
        wish = {"prune": prune, "dryRun": dry_run, "revision": revision}
        said = {key: value for key, value in wish.items() if value or key == "prune"}
        self._operate(name, said, call_id=call_id)

    def rollback(self, name: str, *, to: int, call_id: str) -> None:
        obj = self.object(name)
        entries = (obj.get("status") or {}).get("history") or []
        entry = next((each for each in entries if each.get("id") == to), None)
        if entry is None:
            raise ArgoFailed(f"the history of {name} has no entry {to}; see argo_app_history")
        wish = {"revision": entry.get("revision", ""), "source": entry.get("source")}
        self._operate(name, {k: v for k, v in wish.items() if v}, call_id=call_id)

    def retarget(self, name: str, *, old: str, new: str) -> None:
        obj = self.object(name)
        if Application.of(obj).target_revision != old:
            raise ArgoFailed(f"{name} does not follow {old or 'HEAD'} any more")
        patch = {
            "metadata": {"resourceVersion": obj["metadata"]["resourceVersion"]},
            "spec": {"source": {"targetRevision": new or None}},
        }
        try:
            with _told():
                self._cluster.patch(self._kind, name, self._namespace, patch)
        except _Changed:
            raise ArgoAway(f"{name} was changed meanwhile; try again") from None

    def create(self, obj: Object) -> None:
        with _told():
            self._cluster.request("POST", self._kind.path(namespace=self._namespace), body=obj)

    def delete(self, name: str, *, namespace: str) -> None:
        """The namespace too where this account may; else it stays, empty."""
        with _told():
            path = self._kind.path(namespace=self._namespace, name=name)
            self._cluster.request("DELETE", path)
        if namespace:
            with suppress(ClusterError):
                self._cluster.request("DELETE", f"/api/v1/namespaces/{namespace}")

    def ill(self, name: str) -> list[str]:
        del name  # the tree of an application is the server's; its health says it later
        return []

    def begun_by(self, name: str) -> frozenset[str]:
        return call_ids(self.object(name))

    def _operate(self, name: str, wish: dict[str, Any], *, call_id: str) -> None:
        for left in range(TRIES - 1, -1, -1):
            obj = deepcopy(dict(self.object(name)))
            if obj.get("operation"):
                raise ArgoFailed(f"an operation of {name} runs; wait for it with argo_app_wait")
            (obj.get("status") or {}).pop("operationState", None)
            obj["operation"] = {
                "initiatedBy": {"username": "aura"},
                "info": [{"name": CALL, "value": call_id}],
                "sync": wish,
            }
            try:
                with _told():
                    path = self._kind.path(namespace=self._namespace, name=name)
                    self._cluster.request("PUT", path, body=obj)
            except _Changed:
                if not left:
                    raise ArgoAway(f"{name} changes all the time; try again") from None
            else:
                return

    def object(self, name: str) -> Object:
        with _told():
            return self._cluster.get(self._kind, name, self._namespace)


class _Changed(Exception):
    """Somebody else wrote the object meanwhile."""


@contextmanager
def _told() -> Iterator[None]:
    """Turns what the cluster says into what a tool says."""
    try:
        yield
    except ClusterError as error:
        if error.status == CONFLICT:
            raise _Changed from None
        raise (ArgoAway if error.transient else ArgoFailed)(error.diagnosis) from None
