"""Kustomize in Python gives what kubectl's own gives."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from agents.sandbox.argo import kustomize
from agents.sandbox.argo.documents import RenderError
from tests.agents.sandbox.manifests import deployment, service

BASE = {
    "resources": ["web.yaml", "service.yaml"],
    "labels": [{"pairs": {"team": "shop"}, "includeSelectors": True}],
}
CASES: dict[str, dict[str, Any]] = {
    "namespace, prefix and image": {
        "namespace": "prod",
        "namePrefix": "p-",
        "nameSuffix": "-s",
        "images": [{"name": "registry.example.com/web", "newTag": "2.0"}],
        "replicas": [{"name": "web", "count": 5}],
    },
    "image by digest and new name": {
        "images": [
            {
                "name": "registry.example.com/web",
                "newName": "other.example.com/web",
                "digest": "sha256:" + "0" * 64,
            }
        ],
    },
    "generators with hashes and references": {
        "configMapGenerator": [
            {"name": "settings", "literals": ["A=1", "B=<two>"]},
            {"name": "plain", "literals": ["A=1"], "options": {"disableNameSuffixHash": True}},
        ],
        "secretGenerator": [{"name": "key", "literals": ["TOKEN=x"]}],
        "patches": [
            {
                "target": {"kind": "Deployment"},
                "patch": "- op: add\n  path: /spec/template/spec/containers/0/envFrom\n"
                "  value: [{configMapRef: {name: settings}}, {secretRef: {name: key}}]\n",
            }
        ],
    },
    "a strategic patch": {
        "patches": [
            {
                "patch": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"
                "spec: {template: {spec: {containers: [{name: web, resources:"
                " {limits: {cpu: 500m}}}, {name: side, image: side:1}]}}}\n"
            }
        ],
        "commonAnnotations": {"note": "yes please"},
    },
    "a patch that deletes": {
        "patches": [
            {"patch": "$patch: delete\napiVersion: v1\nkind: Service\nmetadata: {name: web}\n"}
        ],
    },
}


def tree(overlay: dict[str, Any]) -> dict[str, bytes]:
    body = deployment("web", "x")
    other = service("web", "x")
    for each in (body, other):
        del each["metadata"]["namespace"]
    files = {
        "base/kustomization.yaml": BASE,
        "base/web.yaml": body,
        "base/service.yaml": other,
        "over/kustomization.yaml": {"resources": ["../base"], **overlay},
    }
    return {name: yaml.safe_dump(content).encode() for name, content in files.items()}


def ordered(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(objects, key=lambda each: (each["kind"], each["metadata"]["name"]))


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is the reference")
@pytest.mark.parametrize("case", CASES)
def test_an_overlay_is_what_kubectl_makes_of_it(tmp_path: Path, case: str) -> None:
    files = tree(CASES[case])
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    command = ["kubectl", "kustomize", str(tmp_path / "over")]
    theirs = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603
    assert ordered(kustomize.build(files, "over")) == ordered(list(yaml.safe_load_all(theirs)))


@pytest.mark.parametrize(
    ("overlay", "said"),
    [
        ({"helmCharts": []}, "does not know helmCharts"),
        ({"resources": ["../nowhere"]}, "no such file or directory"),
        ({"resources": ["../../outside"]}, "lies outside the repository"),
        ({"resources": ["https://example.com/x"]}, "does not fetch remote bases"),
        ({"patches": [{"target": {"kind": "Job"}, "patch": "[]"}]}, "unable to find patch target"),
    ],
)
def test_what_cannot_be_built_says_why(overlay: dict[str, Any], said: str) -> None:
    with pytest.raises(RenderError, match=said):
        kustomize.build(tree(overlay), "over")
