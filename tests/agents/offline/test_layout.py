"""Where applications live is told from the paths alone."""

from __future__ import annotations

import pytest

from agents.offline.layout import Kind, survey
from agents.offline.wanted import wanted
from tests.agents.offline.repositories import LAYOUTS, demo


@pytest.mark.parametrize(
    ("layout", "kind", "names"),
    [
        ("overlays", Kind.OVERLAYS, ["web"]),
        ("kustomized", Kind.KUSTOMIZE, ["api", "web"]),
        ("plain", Kind.FOLDER, ["api", "web"]),
        ("flat", Kind.FLAT, ["api", "web"]),
    ],
)
def test_a_layout_is_recognised(layout: str, kind: Kind, names: list[str]) -> None:
    repository = survey(LAYOUTS[layout](), {})
    assert sorted(repository.applications) == names
    assert {app.kind for app in repository.applications.values()} == {kind}


def test_overlays_are_found() -> None:
    web = survey(LAYOUTS["overlays"](), {}).applications["web"]
    assert web.overlays == {
        "dev": "apps/web/overlays/dev",
        "production": "apps/web/overlays/production",
    }
    assert web.base == "apps/web/base"


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        ".github/workflows/ci.yaml",
        "charts/web/templates/deployment.yaml",
        "clusters/prod/apps.yaml",
        "apps/kustomization.yaml",
        "mkdocs.yml",
        "docs/deployment.yaml",
    ],
)
def test_other_files_are_no_applications(path: str) -> None:
    assert survey([path], {}).applications == {}


def test_flat_files_of_one_application_belong_together() -> None:
    paths = [
        "k8s/web-deployment.yaml",
        "k8s/web-service.yaml",
        "k8s/api.yaml",
        "k8s/namespace.yaml",
    ]
    repository = survey(paths, {})
    assert {n: len(a.files) for n, a in repository.applications.items()} == {"web": 2, "api": 1}


def test_what_is_read_first_is_the_guide_then_the_application_then_its_neighbours() -> None:
    repository = survey(demo(), {})
    assert wanted(repository, "hello") == (
        "AGENTS.md",
        *(f"apps/hello/{name}.yaml" for name in ("deployment", "kustomization", "service")),
        "apps/kustomization.yaml",
    )


def test_a_large_repository_is_not_read_whole() -> None:
    paths = [f"apps/app-{n}/{f}.yaml" for n in range(500) for f in ("deployment", "kustomization")]
    assert len(wanted(survey(paths, {}), "app-7")) <= 60
