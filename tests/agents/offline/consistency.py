"""What must hold for a repository after every change."""

from __future__ import annotations

import posixpath
from typing import Any

from agents.gitops.checks import check_files, errors
from tests.agents.offline.repositories import objects


def assert_consistent(files: dict[str, str]) -> None:
    """Everything parses, selectors match labels, kustomizations list all that is there."""
    found = objects(files)
    problems = errors(check_files(files, exists=files.__contains__, read=files.get))
    assert problems == []
    for path, item in found:
        if item["kind"] == "Deployment" and "selector" in item.get("spec", {}):
            labels = item["spec"]["template"]["metadata"]["labels"].items()
            assert item["spec"]["selector"]["matchLabels"].items() <= labels, path
            _assert_services_match(found, path, item)
        if item["kind"] == "Kustomization":
            _assert_lists_what_exists(files, path, item)
    for path, text in files.items():
        assert text.endswith("\n"), path


def _assert_services_match(
    found: list[tuple[str, dict[str, Any]]], path: str, item: dict[str, Any]
) -> None:
    """A Service of the same name selects the pods, and its ports are those of the container."""
    labels = item["spec"]["template"]["metadata"]["labels"].items()
    ports = [p for c in item["spec"]["template"]["spec"]["containers"] for p in c.get("ports", [])]
    known = {p["containerPort"] for p in ports} | {p.get("name") for p in ports}
    for place, service in found:
        same = service.get("metadata", {}).get("name") == item["metadata"]["name"]
        if (
            service["kind"] == "Service"
            and same
            and posixpath.dirname(place) == posixpath.dirname(path)
        ):
            assert service["spec"]["selector"].items() <= labels
            assert {p.get("targetPort", p["port"]) for p in service["spec"]["ports"]} <= known


def _assert_lists_what_exists(files: dict[str, str], path: str, item: dict[str, Any]) -> None:
    folder = posixpath.dirname(path)
    listed = item.get("resources") or []
    assert len(listed) == len(set(listed))
    targets = {posixpath.normpath(posixpath.join(folder, line)) for line in listed}
    for target in targets:
        inside = any(p.startswith(f"{target}/") and "kustomization" in p for p in files)
        assert target in files or inside, f"{path} lists {target}"
    patches = {posixpath.join(folder, p["path"]) for p in item.get("patches", []) if "path" in p}
    beside = {
        p for p in files if posixpath.dirname(p) == folder and p.endswith(".yaml") and p != path
    }
    assert beside <= targets | patches, f"{path} does not list {beside - targets - patches}"
    assert patches <= set(files)
