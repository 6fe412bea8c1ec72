"""What no preview is made of: objects of all namespaces are the ones that are deployed already."""

from __future__ import annotations

from typing import Any, cast

import pytest

from agents.argocd import previewing
from agents.argocd.desk import ArgoFailed, Desk
from agents.argocd.previewing import Mode, Preview

WANTED = Preview(
    mode=Mode.APPLICATION, app="aura-preview-1-shop", branch="aura/1", namespace="aura-preview-1"
)


class Only:
    """A desk of one application that is made of one object."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self.created: list[dict[str, Any]] = []

    def applications(self) -> list[Any]:
        return []

    def object(self, name: str) -> dict[str, Any]:
        spec = {"source": {"repoURL": "x", "path": "apps"}, "destination": {"namespace": "shop"}}
        return {"metadata": {"name": name}, "spec": spec}

    def manifests(self, name: str, revision: str) -> list[dict[str, Any]]:
        del name, revision
        return [{"kind": self._kind, "metadata": {"name": "one"}}]

    def create(self, obj: dict[str, Any]) -> None:
        self.created.append(obj)


def begun(kind: str) -> Only:
    desk = Only(kind)
    previewing.begin(cast(Desk, desk), WANTED, of="shop", sha="a" * 40, ticket_id="1")
    return desk


@pytest.mark.parametrize(
    "kind",
    [
        "ClusterIssuer",
        "ClusterPolicy",
        "ClusterRole",
        "GatewayClass",
        "Namespace",
        "NodePool",
        "ValidatingAdmissionPolicy",
    ],
)
def test_what_belongs_to_no_namespace_is_not_tried(kind: str) -> None:
    with pytest.raises(ArgoFailed, match=f"would change the {kind} that is there already"):
        begun(kind)


def test_what_belongs_to_one_is_tried() -> None:
    assert [obj["metadata"]["name"] for obj in begun("ConfigMap").created] == [WANTED.app]
