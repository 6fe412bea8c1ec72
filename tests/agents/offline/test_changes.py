"""Changes to an application that exists, in every layout: only the lines that change, change."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.agents.offline.consistency import assert_consistent
from tests.agents.offline.conversation import Conversation, converse
from tests.agents.offline.repositories import (
    LAYOUTS,
    container,
    deployment,
    find,
    flat,
    kustomization,
    kustomized,
    overlays,
    plain,
    service,
)

BASES = {
    "overlays": "apps/web/base/deployment.yaml",
    "kustomized": "apps/web/deployment.yaml",
    "plain": "k8s/web/deployment.yaml",
    "flat": "manifests/web.yaml",
}
COMMENT = "  # two are enough at night"
IMAGE_COMMENT = "  # bumped by hand"


def changed(files: dict[str, str], title: str, **how: Any) -> Conversation:
    """A conversation that ends well and leaves the repository consistent."""
    talk = converse(files, title, **how)
    assert talk.end == "resolve", talk.calls[-1]
    assert_consistent(talk.files)
    return talk


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("title", "diff"),
    [
        ("Set LOG_LEVEL=debug on web", ["-          value: info", "+          value: debug"]),
        (
            "Set NEW_FLAG=on and A_VERY=\"a b\" on web",
            [
                "+        - name: NEW_FLAG",
                '+          value: "on"',
                "+        - name: A_VERY",
                '+          value: "a b"',
            ],
        ),
        (
            "Set the memory limit of web to 1Gi",
            ["-            memory: 256Mi", "+            memory: 1Gi"],
        ),
        (
            "Set the cpu limit of web to 500m",
            ["+            cpu: 500m"],
        ),
        (
            "Set the cpu request of web to 250m",
            [
                "-          requests: {cpu: 100m, memory: 128Mi}",
                "+          requests: {cpu: 250m, memory: 128Mi}",
            ],
        ),
        (
            "Remove the env var LOG_LEVEL from web",
            ["-        - name: LOG_LEVEL", "-          value: info"],
        ),
    ],
)  # fmt: skip
def test_a_configuration_changes_only_its_lines(layout: str, title: str, diff: list[str]) -> None:
    talk = changed(LAYOUTS[layout](), title)
    assert list(talk.changed) == [BASES[layout]]
    assert talk.diff(BASES[layout]) == diff


@pytest.mark.parametrize("layout", ["kustomized", "plain", "flat"])
def test_scaling_changes_one_number_and_keeps_the_comment(layout: str) -> None:
    talk = changed(LAYOUTS[layout](), "Scale web from 2 to 5")
    assert list(talk.changed) == [BASES[layout]]
    assert talk.diff(BASES[layout]) == [f"-  replicas: 2{COMMENT}", f"+  replicas: 5{COMMENT}"]
    assert talk.of("git_commit") == [{"message": "Scale web to 5"}]


@pytest.mark.parametrize("layout", ["kustomized", "plain", "flat"])
@pytest.mark.parametrize(
    ("title", "image"),
    [
        ("Update web to 1.3.0", "ghcr.io/acme/web:1.3.0"),
        ("Upgrade the image of web to ghcr.io/acme/web2:9", "ghcr.io/acme/web2:9"),
        ("Roll back web to v0.9", "ghcr.io/acme/web:v0.9"),
    ],
)
def test_an_update_changes_one_line_and_keeps_quotes(layout: str, title: str, image: str) -> None:
    talk = changed(LAYOUTS[layout](), title)
    assert talk.diff(BASES[layout]) == [
        f'-        image: "ghcr.io/acme/web:1.0.0"{IMAGE_COMMENT}',
        f'+        image: "{image}"{IMAGE_COMMENT}',
    ]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_port_is_changed_wherever_it_is_referred_to(layout: str) -> None:
    talk = changed(LAYOUTS[layout](), "Change the port of web to 9090")
    web = container(talk.files, "web")
    assert web["ports"] == [{"containerPort": 9090}]
    assert web["readinessProbe"]["httpGet"]["port"] == 9090
    assert find(talk.files, "Service", "web")["spec"]["ports"] == [{"port": 80, "targetPort": 9090}]


@pytest.mark.parametrize("layout", ["overlays", "kustomized", "flat"])
def test_a_host_makes_an_ingress_to_the_service(layout: str) -> None:
    talk = changed(LAYOUTS[layout](), "Expose web at web.example.com")
    spec = find(talk.changed, "Ingress", "web")["spec"]
    assert spec["rules"][0]["host"] == "web.example.com"
    backend = spec["rules"][0]["http"]["paths"][0]["backend"]
    assert backend == {"service": {"name": "web", "port": {"number": 80}}}


def test_another_host_replaces_the_one_of_the_ingress() -> None:
    talk = changed(plain(), "Expose web at web.example.com")
    assert talk.diff("k8s/web/ingress.yaml") == [
        "-  - host: web.example.org",
        "+  - host: web.example.com",
    ]


def test_several_changes_go_into_one_plan() -> None:
    talk = changed(plain(), "Update web to 1.3.0 and scale it to 4 replicas, set LOG_LEVEL=warn")
    assert container(talk.files, "web")["image"] == "ghcr.io/acme/web:1.3.0"
    assert find(talk.files, "Deployment", "web")["spec"]["replicas"] == 4
    assert container(talk.files, "web")["env"][0] == {"name": "LOG_LEVEL", "value": "warn"}
    assert len(talk.of("submit_plan")) == 1


@pytest.mark.parametrize("title", ["Scale web up by 3", "Add 3 more replicas to web"])
def test_a_relative_number_is_added_to_what_runs(title: str) -> None:
    talk = changed(plain(), title)
    assert find(talk.files, "Deployment", "web")["spec"]["replicas"] == 5


@pytest.mark.parametrize(
    "title",
    [
        "Scale web to 2",
        "Update web to 1.0.0",
        "Set LOG_LEVEL=info on web",
        "Change the port of web to 8080",
        "Expose web at web.example.org",
        "Set the memory limit of web to 256Mi",
        "Deploy web",
    ],
)
def test_what_is_there_already_is_said_and_not_planned(title: str) -> None:
    talk = converse(plain(), title)
    assert talk.of("submit_plan") == []
    assert talk.changed == {}
    assert talk.summary.startswith("Nothing to change: web")


# --- overlays -------------------------------------------------------------------------------------

PRODUCTION = "apps/web/overlays/production/kustomization.yaml"


def test_a_replicas_transformer_is_changed_where_it_governs() -> None:
    talk = changed(overlays(), "Scale web to 6 in production")
    assert list(talk.changed) == [PRODUCTION]
    assert talk.diff(PRODUCTION) == ["-  count: 4", "+  count: 6"]


def test_an_images_transformer_is_changed_where_it_governs() -> None:
    talk = changed(overlays(), "Update web to 1.3 in prod")
    comment = "  # released by the release train"
    assert talk.diff(PRODUCTION) == [f'-  newTag: "1.2.0"{comment}', f'+  newTag: "1.3"{comment}']


def test_a_new_repository_becomes_a_new_name_in_the_transformer() -> None:
    talk = changed(overlays(), "Set the image of web to ghcr.io/acme/next:2.0 in production")
    images = find_kustomization(talk, PRODUCTION)["images"]
    new = {"name": "ghcr.io/acme/web", "newTag": "2.0", "newName": "ghcr.io/acme/next"}
    assert images == [new]


def find_kustomization(talk: Conversation, path: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(talk.files[path])
    return found


@pytest.mark.parametrize("title", ["Scale web to 6", "Update web to 1.3.0"])
def test_where_environments_differ_the_person_is_asked_which(title: str) -> None:
    talk = converse(overlays(), title)
    assert talk.of("ask_question")[0]["options"] == ["dev", "production", "all"]


def test_the_answer_all_changes_every_place() -> None:
    talk = changed(overlays(), "Scale web to 6", answers=["all"])
    assert sorted(talk.changed) == ["apps/web/base/deployment.yaml", PRODUCTION]


def test_an_environment_that_is_not_there_is_asked_about() -> None:
    talk = changed(overlays(), "Scale web to 6 in staging", answers=["production"])
    assert "staging is not among: dev, production." in talk.questions[0]
    assert list(talk.changed) == [PRODUCTION]


def test_a_variable_for_one_environment_becomes_a_patch_of_it() -> None:
    talk = changed(overlays(), "Set LOG_LEVEL=debug on web in dev")
    patch = "apps/web/overlays/dev/web-patch.yaml"
    assert sorted(talk.changed) == ["apps/web/overlays/dev/kustomization.yaml", patch]
    env = container({patch: talk.files[patch]}, "web")["env"]
    assert env == [{"name": "LOG_LEVEL", "value": "debug"}]


def test_a_second_override_goes_into_the_same_patch() -> None:
    first = changed(overlays(), "Set LOG_LEVEL=debug on web in dev")
    second = changed(first.files, "Set LOG_LEVEL=trace and A_FLAG=1 on web in dev")
    third = changed(second.files, "Set the memory limit of web to 1Gi in dev")
    patch = "apps/web/overlays/dev/web-patch.yaml"
    assert list(second.changed) == list(third.changed) == [patch]
    web = container({patch: third.files[patch]}, "web")
    assert {e["name"]: e["value"] for e in web["env"]} == {"LOG_LEVEL": "trace", "A_FLAG": "1"}
    assert web["resources"] == {"limits": {"memory": "1Gi"}}


def test_a_base_that_another_environment_uses_is_overridden_and_not_changed() -> None:
    files = overlays()
    qa = "apps/web/overlays/qa/kustomization.yaml"
    files[qa] = kustomization("../../base")
    talk = changed(files, "Scale web to 3 and update it to 1.1.0 in qa")
    assert list(talk.changed) == [qa]
    new = find_kustomization(talk, qa)
    assert new["replicas"] == [{"name": "web", "count": 3}]
    assert new["images"] == [{"name": "ghcr.io/acme/web", "newTag": "1.1.0"}]


def test_an_inline_patch_on_the_value_is_left_to_a_person() -> None:
    files = overlays()
    files[PRODUCTION] = kustomization(
        "../../base",
        more="patches:\n- target: {kind: Deployment, name: web}\n  patch: |-\n"
        "    - {op: replace, path: /spec/replicas, value: 9}\n",
    )
    talk = converse(files, "Scale web to 6 in production")
    assert talk.end == "give_up"
    assert "inline or JSON patch" in talk.reason


def test_a_patch_file_that_sets_the_value_is_where_it_is_changed() -> None:
    files = overlays()
    files[PRODUCTION] = kustomization("../../base", more="patches:\n- path: size.yaml\n")
    size = "apps/web/overlays/production/size.yaml"
    files[size] = (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 8\n"
    )
    talk = converse(files, "Scale web to 6 in production")
    assert talk.diff(size) == ["-  replicas: 8", "+  replicas: 6"]


def test_a_transformer_of_the_list_above_governs_too() -> None:
    files = kustomized()
    files["apps/kustomization.yaml"] += "images:\n- name: ghcr.io/acme/web\n  newTag: 1.0.1\n"
    talk = changed(files, "Update web to 1.0.2")
    assert talk.diff("apps/kustomization.yaml") == ["-  newTag: 1.0.1", "+  newTag: 1.0.2"]


# --- ConfigMaps -----------------------------------------------------------------------------------

CONFIGMAP = (
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\ndata:\n  LOG_FORMAT: text # or json\n"
)


def with_configmap() -> dict[str, str]:
    files = plain()
    files["k8s/web/configmap.yaml"] = CONFIGMAP
    old = files["k8s/web/deployment.yaml"]
    used = "        envFrom:\n        - configMapRef: {name: web}\n        resources:"
    files["k8s/web/deployment.yaml"] = old.replace("        resources:", used)
    return files


def test_a_key_of_a_configmap_is_changed_in_it() -> None:
    talk = changed(with_configmap(), "Set LOG_FORMAT=json on web")
    assert talk.diff("k8s/web/configmap.yaml") == [
        "-  LOG_FORMAT: text # or json",
        "+  LOG_FORMAT: json # or json",
    ]
    assert "Pods read a changed ConfigMap only when they restart." in talk.plan["risks"]


def test_a_new_key_goes_into_the_configmap_when_the_ticket_says_so() -> None:
    talk = changed(with_configmap(), "Set CACHE_SIZE=12 in the ConfigMap of web")
    assert talk.diff("k8s/web/configmap.yaml") == ['+  CACHE_SIZE: "12"']


def test_a_literal_of_a_generator_is_changed_in_it() -> None:
    files = kustomized()
    files["apps/web/kustomization.yaml"] += (
        "configMapGenerator:\n- name: web\n  literals:\n  - MODE=slow\n"
    )
    talk = changed(files, "Set MODE=fast in the configmap of web")
    assert talk.diff("apps/web/kustomization.yaml") == ["-  - MODE=slow", "+  - MODE=fast"]


def test_a_value_from_a_secret_is_not_overwritten() -> None:
    files = plain()
    old = files["k8s/web/deployment.yaml"]
    files["k8s/web/deployment.yaml"] = old.replace("DB_PASSWORD", "DB_URL")
    talk = converse(files, "Set DB_URL=db.example.com on web", answers=["leave it out"])
    assert "read from a Secret" in talk.questions[0]
    assert talk.changed == {}


# --- what cannot be told --------------------------------------------------------------------------


def test_a_request_above_its_limit_is_asked_about() -> None:
    talk = converse(plain(), "Set the memory request of web to 1Gi")
    assert "request 1Gi would be above the limit 256Mi" in talk.questions[0]


def test_a_second_container_is_asked_about_unless_one_is_called_like_the_application() -> None:
    files = plain()
    path = "k8s/web/deployment.yaml"
    sidecar = "      containers:\n      - name: proxy\n        image: envoy:1\n"
    files[path] = files[path].replace("      containers:\n", sidecar)
    talk = changed(files, "Update web to 1.3.0")
    assert '+        image: "ghcr.io/acme/web:1.3.0"  # bumped by hand' in talk.diff(path)

    files[path] = files[path].replace("      - name: web\n", "      - name: main\n")
    talk = converse(files, "Update web to 1.3.0", answers=["main"])
    assert talk.of("ask_question")[0]["options"] == ["proxy", "main"]
    assert talk.end == "resolve"


def test_an_application_in_another_namespace_is_not_taken_for_the_one_that_is_meant() -> None:
    talk = converse(kustomized(), "Scale web in namespace payments to 3", answers=["yes"])
    assert "web is in shop, the ticket says payments." in talk.questions[0]
    assert list(talk.changed) == ["apps/web/deployment.yaml"]


def test_an_unknown_application_is_asked_about_with_those_that_exist() -> None:
    talk = changed(kustomized(), "Scale shop to 3", answers=["web"])
    assert "no application called shop; there are: api, web." in talk.questions[0]
    assert list(talk.changed) == ["apps/web/deployment.yaml"]


def test_a_helm_release_is_left_to_a_person() -> None:
    files = {"apps/web/release.yaml": "kind: HelmRelease\nmetadata: {name: web}\n"}
    files["apps/web/kustomization.yaml"] = kustomization("release.yaml")
    files["apps/web/service.yaml"] = service("web")
    talk = converse(files, "Scale web to 3")
    assert talk.end == "give_up"
    assert "HelmRelease" in talk.reason


def test_a_daemonset_has_no_replicas() -> None:
    files = plain()
    files["k8s/web/deployment.yaml"] = deployment("web").replace("Deployment", "DaemonSet")
    assert "one pod on every node" in converse(files, "Scale web to 3").reason


def test_a_file_of_several_documents_keeps_the_others() -> None:
    talk = changed(flat(), "Scale api to 1")
    assert list(talk.changed) == ["manifests/api.yaml"]
    assert len(talk.diff("manifests/api.yaml")) == 2


def test_windows_line_ends_stay() -> None:
    files = plain()
    path = "k8s/web/deployment.yaml"
    files[path] = files[path].replace("\n", "\r\n")
    talk = converse(files, "Set LOG_LEVEL=debug and NEW_ONE=1 on web")
    assert talk.files[path].count("\n") == talk.files[path].count("\r\n")
