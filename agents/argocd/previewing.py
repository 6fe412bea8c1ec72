"""A ticket's branch in the cluster before it is merged, and everything as it was afterwards.

Beginning and ending may be repeated, by anybody: both look how things are first.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from agents.argocd.desk import ArgoAway, ArgoFailed, Desk
from agents.argocd.state import Application, Object
from agents.argocd.watched import BRANCHES, PREVIEW, Watched

SHORT: Final = 8  # characters of a ticket's id in names
MOST_CHARS: Final = 63
TICKET: Final = "aura.dev/ticket"  # label
FINALIZER: Final = "resources-finalizer.argocd.argoproj.io"
KUSTOMIZE: Final = "Kustomize"
CLUSTER_WIDE: Final = frozenset(
    {
        "APIService",
        "CSIDriver",
        "CertificateSigningRequest",
        "CustomResourceDefinition",
        "FlowSchema",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "NodePool",
        "PersistentVolume",
        "PriorityLevelConfiguration",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
    }
)


class Mode(StrEnum):
    """How a branch is tried: in the application's place, or as an application of its own."""

    NONE = "none"
    TARGET_REVISION = "target-revision"
    APPLICATION = "application"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """`app` follows `branch` for a while: the application itself, which followed `revision` before,
    or one of its own that lives in `namespace`.
    """

    mode: Mode
    app: str
    branch: str
    revision: str = ""
    namespace: str = ""


def planned(watched: Watched, mode: Mode, *, app: str, ticket_id: str, branch: str) -> Preview:
    """The preview of an application that there could be. Raises `ArgoFailed` with why not,
    `ArgoAway` where there may be later."""
    obj = watched.desk.object(app)
    found = Application.of(obj)
    if (obj.get("spec") or {}).get("sources"):
        raise ArgoFailed(f"{app} has several sources, of which no branch can be tried")
    if mode is Mode.APPLICATION:
        name = f"{PREVIEW}{ticket_id[:SHORT]}"
        own = f"{name}-{app}"[:MOST_CHARS].rstrip("-.")
        return Preview(mode=mode, app=own, branch=branch, namespace=name)
    if found.made_by:
        raise ArgoFailed(
            f"{app} is itself made by {found.made_by}, which would set its targetRevision back;"
            " AURA_ARGOCD_PREVIEW=application does not need it"
        )
    if found.target_revision.startswith(BRANCHES):
        raise ArgoAway(f"{app} follows {found.target_revision} for now, the branch of a ticket")
    return Preview(mode=mode, app=app, branch=branch, revision=found.target_revision)


def begin(desk: Desk, preview: Preview, *, of: str, sha: str, ticket_id: str) -> None:
    """Let the application, or one of its own made like `of`, follow the branch."""
    if is_there(desk, preview):
        return
    if preview.mode is Mode.TARGET_REVISION:
        desk.retarget(preview.app, old=preview.revision, new=preview.branch)
        return
    model = desk.object(of)
    moved = Application.of(model).source_type == KUSTOMIZE
    _refuse_shared(desk.manifests(of, sha), of, moved=moved)
    desk.create(_application(model, preview, ticket_id, moved=moved))


def is_there(desk: Desk, preview: Preview) -> bool:
    """Whether the application follows the branch."""
    found = _find(desk, preview.app)
    return found is not None and found.target_revision == preview.branch


def end(desk: Desk, preview: Preview) -> str:
    """Put everything back. What was found and done, in words; empty: it is under way, look again.

    Raises `ArgoFailed` and `ArgoAway`.
    """
    found = _find(desk, preview.app)
    if preview.mode is Mode.APPLICATION:
        if found is None:
            return f"{preview.app} is deleted"
        desk.delete(preview.app, namespace=preview.namespace)
        return ""
    if found is None:
        return f"{preview.app} is gone"
    if found.target_revision != preview.branch:
        return f"{preview.app} follows {found.target_revision or 'HEAD'}"
    desk.retarget(preview.app, old=preview.branch, new=preview.revision)
    return f"{preview.app} follows {preview.revision or 'HEAD'} again"


def _find(desk: Desk, name: str) -> Application | None:
    """Asked of the list: of one that is not there Argo CD says only that it may not be seen."""
    return next((app for app in desk.applications() if app.name == name), None)


def _refuse_shared(manifests: Any, of: str, *, moved: bool) -> None:
    """Objects that would not be the preview's own but the ones that are deployed already."""
    for obj in manifests:
        kind, namespace = str(obj.get("kind")), (obj.get("metadata") or {}).get("namespace")
        if _is_cluster_wide(kind):
            raise ArgoFailed(
                f"a preview of {of} would change the {kind} that is there already: it belongs to"
                " no namespace. Merge without a preview, or ask a person"
            )
        if namespace and not moved:
            raise ArgoFailed(
                f"the manifests of {of} name the namespace {namespace}, so a preview would change"
                " what runs there. Kustomize can move them; plain files must leave it out"
            )


def _is_cluster_wide(kind: str) -> bool:
    """As far as the kind tells: those of others are called ClusterIssuer, GatewayClass and so."""
    return kind in CLUSTER_WIDE or kind.startswith("Cluster") or kind.endswith("Class")


def _application(model: Object, preview: Preview, ticket_id: str, *, moved: bool) -> Object:
    """Like the model, for the branch and in a namespace of its own."""
    spec: Mapping[str, Any] = deepcopy(dict(model["spec"]))
    source = {**spec["source"], "targetRevision": preview.branch}
    if moved:
        source["kustomize"] = {**(source.get("kustomize") or {}), "namespace": preview.namespace}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {
            "name": preview.app,
            "namespace": (model.get("metadata") or {}).get("namespace", "argocd"),
            "labels": {TICKET: ticket_id},
            "finalizers": [FINALIZER],
        },
        "spec": {
            "project": spec.get("project", "default"),
            "source": source,
            "destination": {**spec["destination"], "namespace": preview.namespace},
            "syncPolicy": {
                "automated": {"prune": True, "selfHeal": True},
                "syncOptions": ["CreateNamespace=true"],
            },
        },
    }
