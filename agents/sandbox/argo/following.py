"""Makes the applications of a repository that the sandbox is told to follow."""

from __future__ import annotations

import posixpath

from agents.sandbox import kinds
from agents.sandbox.argo import kustomize
from agents.sandbox.argo.fetching import Fetcher
from agents.sandbox.argo.repository import Files
from agents.sandbox.argo.spec import IN_CLUSTER
from agents.sandbox.cluster import Cluster
from agents.sandbox.objects import Object
from agents.sandbox.options import Follow

_NAMESPACE = "argocd"
_ENDINGS = (".yaml", ".yml")


def follow(cluster: Cluster, fetcher: Fetcher, wanted: Follow) -> None:
    """Create the applications once the repository has been read."""

    def then() -> None:
        snapshot = fetcher.known(wanted.url, wanted.revision)
        if snapshot is None or snapshot.files is None:
            return
        for path in paths(snapshot.files, wanted.path):
            app = application(wanted, path)
            name = app["metadata"]["name"]
            if cluster.store.find(kinds.APPLICATION, _NAMESPACE, name) is None:
                cluster.registry.create(kinds.APPLICATION, app)

    fetcher.look(wanted.url, wanted.revision, then)


def paths(files: Files, given: str) -> list[str]:
    """The directories that are applications: the given one, else those on top that are deployed."""
    if given:
        return [given]
    directories = {posixpath.dirname(name) for name in files if name.endswith(_ENDINGS)}
    directories -= {d for d in directories if d.startswith(".")}
    overlays = {
        d for d in directories if any(f"{d}/{n}".lstrip("/") in files for n in kustomize.FILE_NAMES)
    }
    used = {each for each in directories if _is_part(each, overlays)}
    return sorted(d or "." for d in directories - used)


def _is_part(directory: str, overlays: set[str]) -> bool:
    """Bases, components and what lies beneath a kustomization are parts of something else."""
    words = set(directory.split("/"))
    if words & {"base", "bases", "components"}:
        return True
    return any(directory != each and directory.startswith(f"{each}/") for each in overlays)


def application(wanted: Follow, path: str) -> Object:
    name = path.replace("/", "-").replace("_", "-").lower().strip(".-") or "app"
    name = name.removeprefix("apps-")
    policy: Object = {"syncOptions": ["CreateNamespace=true"]}
    if wanted.auto_sync:
        policy["automated"] = {"prune": True, "selfHeal": True}
    spec = {
        "project": "default",
        "source": {"repoURL": wanted.url, "path": path, "targetRevision": wanted.revision},
        "destination": {"server": IN_CLUSTER, "namespace": wanted.namespace},
        "syncPolicy": policy,
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": _NAMESPACE},
        "spec": spec,
    }
