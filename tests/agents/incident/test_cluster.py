"""The layer of a cluster, read from a simulated one over real HTTP."""

from __future__ import annotations

import json

import pytest

from tests.agents.incident.bundling import bundled, unpacked
from tests.agents.sandbox.running import sandbox

pytestmark = pytest.mark.django_db

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web-1", "namespace": "shop"},
    "spec": {"containers": [{"name": "web", "image": "web:1"}]},
}


def test_a_bundle_of_a_registered_cluster_has_its_eight_files(settings, tmp_path):
    with sandbox() as cluster:
        cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        cluster.put(POD)
        file = tmp_path / "inventory.json"
        said = {"k8s_clusters": {"demo": {"name": "demo", "context": "aura-sandbox"}}}
        file.write_text(json.dumps(said))
        settings.AURA = settings.AURA.model_copy(
            update={"kubeconfig": str(cluster.kubeconfig), "infra_config": file}
        )
        result = bundled(k8s_context="demo", k8s_namespace="shop", layers=["kubernetes"])
    files = unpacked(result["bundle_path"])
    wrong = {line.split(":")[0] for line in result.get("errors", [])}
    assert wrong == set(), result["errors"]
    assert "web-1" in files["kubernetes/pods.txt"]
    assert "web-1" in files["kubernetes/pods_all.txt"]
