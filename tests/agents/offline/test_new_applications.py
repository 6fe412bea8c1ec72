"""A new application goes where the repository keeps them, in the style of a neighbour."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.agents.offline.consistency import assert_consistent
from tests.agents.offline.conversation import Conversation, converse
from tests.agents.offline.repositories import (
    LAYOUTS,
    container,
    demo,
    find,
    flat,
    kustomized,
    overlays,
    plain,
)

NGINX = "Deploy nginx 1.27 with 3 replicas"


def deployed(files: dict[str, str], title: str, **how: Any) -> Conversation:
    talk = converse(files, title, **how)
    assert talk.end == "resolve", talk.calls[-1]
    assert_consistent(talk.files)
    return talk


@pytest.mark.parametrize("layout", [*LAYOUTS, "empty", "demo"])
@pytest.mark.parametrize(
    "title",
    [
        NGINX,
        "Deploy nginx 1.27 at www.example.com in namespace web",
        "Deploy ghcr.io/acme/shop:1.0 as shop",
        "Deploy shop with image ghcr.io/acme/shop:1.0 on port 8080 with MODE=fast and 1Gi memory",
        "Deploy a 3-node Redis cluster",
        "Deploy postgres 16 to production",
    ],
)
def test_every_layout_stays_consistent(layout: str, title: str) -> None:
    files = {"empty": dict, "demo": demo}.get(layout) or LAYOUTS[layout]
    talk = deployed(files(), title)
    assert talk.changed


def test_an_empty_repository_gets_an_apps_folder_with_a_list() -> None:
    files = deployed({}, NGINX).files
    assert sorted(files) == [
        "apps/kustomization.yaml",
        "apps/nginx/deployment.yaml",
        "apps/nginx/kustomization.yaml",
        "apps/nginx/service.yaml",
    ]
    assert yaml.safe_load(files["apps/kustomization.yaml"])["resources"] == ["nginx"]


def test_with_overlays_it_gets_a_base_and_the_overlays_of_its_neighbour() -> None:
    talk = deployed(overlays(), NGINX)
    assert sorted(p for p in talk.changed if "nginx" in p) == [
        "apps/nginx/base/deployment.yaml",
        "apps/nginx/base/kustomization.yaml",
        "apps/nginx/base/service.yaml",
        "apps/nginx/overlays/dev/kustomization.yaml",
        "apps/nginx/overlays/production/kustomization.yaml",
    ]
    dev = yaml.safe_load(talk.files["apps/nginx/overlays/dev/kustomization.yaml"])
    assert dev["namespace"] == "shop-dev"
    assert talk.diff("clusters/dev/kustomization.yaml") == ["+- ../../apps/nginx/overlays/dev"]
    assert "dev in namespace shop-dev; production in namespace shop" in talk.plan["summary"]


def test_for_one_environment_it_gets_that_overlay_alone() -> None:
    talk = deployed(overlays(), f"{NGINX} to prod in namespace edge")
    assert "apps/nginx/overlays/dev/kustomization.yaml" not in talk.files
    production = yaml.safe_load(talk.files["apps/nginx/overlays/production/kustomization.yaml"])
    assert production["namespace"] == "edge"
    assert "clusters/dev/kustomization.yaml" not in talk.changed


def test_file_names_labels_and_namespace_follow_the_neighbour() -> None:
    talk = deployed(kustomized(), NGINX)
    assert "apps/nginx/nginx-deployment.yaml" in talk.changed  # as apps/api/api-deployment.yaml
    new = find(talk.changed, "Deployment", "nginx")
    assert new["metadata"]["labels"] == {"app": "nginx", "team": "shop"}
    assert new["spec"]["selector"]["matchLabels"] == {"app": "nginx"}
    assert "namespace" not in new["metadata"]
    own = yaml.safe_load(talk.files["apps/nginx/kustomization.yaml"])
    assert own["namespace"] == "shop"


def test_a_sorted_list_stays_sorted() -> None:
    talk = deployed(kustomized(), "Deploy nginx 1.27")
    listed = yaml.safe_load(talk.files["apps/kustomization.yaml"])["resources"]
    assert listed == ["api", "nginx", "web"]
    assert talk.diff("apps/kustomization.yaml") == ["+- nginx"]


def test_lists_are_indented_as_those_of_the_neighbour() -> None:
    assert "\n      containers:\n      - name: nginx\n" in deployment_of(deployed(plain(), NGINX))
    assert "\n      containers:\n        - name: nginx\n" in deployment_of(deployed(demo(), NGINX))


def deployment_of(talk: Conversation) -> str:
    return next(t for p, t in talk.changed.items() if t and "kind: Deployment" in t)


def test_plain_folders_get_no_kustomization() -> None:
    talk = deployed(plain(), NGINX)
    assert sorted(talk.changed) == ["k8s/nginx/deployment.yaml", "k8s/nginx/service.yaml"]


def test_flat_files_hold_all_objects_of_an_application() -> None:
    talk = deployed(flat(), NGINX)
    assert list(talk.changed) == ["manifests/nginx.yaml"]
    text = talk.files["manifests/nginx.yaml"]
    assert text.startswith("---\n")
    assert [d["kind"] for d in yaml.safe_load_all(text) if d] == ["Deployment", "Service"]


@pytest.mark.parametrize(
    ("sentence", "path"),
    [
        ("Applications live in `workloads/<name>/`.", "workloads/nginx/deployment.yaml"),
        ("Each service goes into `deploy/{name}.yaml`", "deploy/nginx.yaml"),
        ("Apps are kept under `platform/<app>/base`.", "platform/nginx/base/deployment.yaml"),
        ("Applications live in `../<name>/`.", "apps/nginx/deployment.yaml"),
        ("Applications live in `/etc/<name>/`.", "apps/nginx/deployment.yaml"),
    ],
)
def test_agents_md_says_where_applications_live(sentence: str, path: str) -> None:
    talk = deployed({"AGENTS.md": f"# Rules\n{sentence}\n"}, NGINX)
    assert path in talk.changed


def test_agents_md_says_which_namespace_is_the_default() -> None:
    files = {"AGENTS.md": "The default namespace is `shop`.\n"}
    new = find(deployed(files, NGINX).changed, "Deployment", "nginx")
    assert new["metadata"]["namespace"] == "shop"
    told = find(deployed(files, f"{NGINX} in namespace web").changed, "Deployment", "nginx")
    assert told["metadata"]["namespace"] == "web"


def test_a_namespace_that_a_kustomization_puts_on_everything_wins_and_is_asked_about() -> None:
    files = kustomized()
    for app in ("web", "api"):
        path = f"apps/{app}/kustomization.yaml"
        files[path] = files[path].replace("namespace: shop\n", "")
    files["apps/kustomization.yaml"] += "namespace: all-in-one\n"
    talk = deployed(files, f"{NGINX} in namespace web", answers=["yes"])
    assert "puts every application into all-in-one" in talk.questions[0]
    assert "namespace all-in-one" in talk.plan["summary"]


def test_a_version_nobody_told_is_pinned_and_said_in_summary_and_risks() -> None:
    talk = deployed(demo(), "Deploy redis")
    assert container(talk.changed, "redis")["image"] == "redis:7.4.2"
    assert "No version was told: redis:7.4.2 is taken" in talk.plan["summary"]
    assert any("No version was told" in risk for risk in talk.plan["risks"])


def test_the_newest_version_cannot_be_looked_up_and_the_plan_says_so() -> None:
    talk = deployed(demo(), "Deploy the latest version of nginx")
    assert "The newest version cannot be looked up" in talk.plan["summary"]


def test_several_replicas_of_a_store_are_no_cluster_and_the_plan_says_so() -> None:
    risks = deployed(demo(), "Deploy a 3-node Redis cluster with Sentinel").plan["risks"]
    assert "The 3 replicas know nothing of each other: they form no cluster." in risks
    assert any("clustering (Sentinel" in risk for risk in risks)


def test_an_image_that_needs_a_credential_reads_it_from_a_secret_that_is_not_written() -> None:
    talk = deployed(demo(), "Deploy postgres 16")
    env = container(talk.changed, "postgres")["env"]
    reference = {"secretKeyRef": {"name": "postgres-credentials", "key": "password"}}
    assert env == [{"name": "POSTGRES_PASSWORD", "valueFrom": reference}]
    assert any("add it as a sealed secret" in risk for risk in talk.plan["risks"])
    assert "Secret" not in {
        d["kind"] for _, d in [("", find(talk.changed, "Deployment", "postgres"))]
    }


def test_another_port_than_the_image_listens_on_is_the_ports_of_the_service() -> None:
    talk = deployed(demo(), "Deploy nginx 1.27 on port 8080")
    assert container(talk.changed, "nginx")["ports"][0]["containerPort"] == 80
    assert find(talk.changed, "Service", "nginx")["spec"]["ports"][0]["port"] == 8080


def test_without_a_port_there_is_no_service_and_the_plan_says_so() -> None:
    talk = deployed(demo(), "Deploy shop with image ghcr.io/acme/shop:1.0")
    assert not any("service.yaml" in path for path in talk.changed)
    assert any("no Service" in risk for risk in talk.plan["risks"])


def test_told_limits_pull_the_default_requests_down() -> None:
    talk = deployed(demo(), "Deploy nginx 1.27 with a memory limit of 32Mi")
    resources = container(talk.changed, "nginx")["resources"]
    assert resources["requests"]["memory"] == resources["limits"]["memory"] == "32Mi"


def test_non_root_only_where_the_image_runs_so() -> None:
    redis = find(deployed({}, "Deploy redis 7").changed, "Deployment", "redis")
    nginx = find(deployed({}, NGINX).changed, "Deployment", "nginx")
    assert redis["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"] is True
    assert "securityContext" not in nginx["spec"]["template"]["spec"]


def test_values_that_yaml_would_take_for_something_else_are_quoted() -> None:
    title = "Deploy shop with image ghcr.io/acme/shop:1.0, set A_ON=on B_NUM=0123 C_TIME=12:30"
    env = container(deployed({}, title).changed, "shop")["env"]
    assert {e["name"]: e["value"] for e in env} == {
        "A_ON": "on",
        "B_NUM": "0123",
        "C_TIME": "12:30",
    }
