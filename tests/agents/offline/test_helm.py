"""Applications that are Helm charts: the change goes into the values that Argo CD reads."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.agents.offline.conversation import Conversation, converse
from tests.agents.offline.repositories import deployment

VALUES = """\
# the defaults of the chart
replicaCount: 1   # one is enough for a laptop

image:
  repository: ghcr.io/acme/web
  tag: "1.0.0"  # bumped by hand
  pullPolicy: IfNotPresent

resources: {}
env:
  LOG_LEVEL: info
autoscaling:
  enabled: false
"""
PROD = """\
image:
  tag: '1.2.0'
replicaCount: 4
"""


def application(name: str, *files: str, path: str = "charts/web", more: str = "") -> str:
    listed = "".join(f"\n        - {file}" for file in files)
    return f"""\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: {name}
  namespace: argocd
spec:
  source:
    repoURL: https://git.example/shop.git
    path: {path}
    helm:
      releaseName: web{more}
      valueFiles:{listed or " []"}
"""


def one(**more: str) -> dict[str, str]:
    """A chart and one Argo CD application that names a values file."""
    return {
        "charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 0.1.0\nappVersion: 1.0.0\n",
        "charts/web/values.yaml": VALUES,
        "charts/web/values-live.yaml": "# what runs\nreplicaCount: 2 # both zones\n",
        "charts/web/templates/deployment.yaml": "replicas: {{ .Values.replicaCount }}\n",
        "charts/web/charts/redis/Chart.yaml": "name: redis\n",
        "charts/web/charts/redis/values.yaml": "image: redis:7\n",
        "argocd/web.yaml": application("web", "values.yaml", "values-live.yaml"),
        **more,
    }


def two() -> dict[str, str]:
    """The same chart in two environments; the values of production lie outside the chart."""
    return {
        **one(),
        "argocd/web.yaml": "",
        "argocd/web-dev.yaml": application("web-dev", "values-dev.yaml"),
        "argocd/web-prod.yaml": application("web-prod", "../../environments/prod/web.yaml"),
        "charts/web/values-dev.yaml": "env:\n  LOG_LEVEL: debug\n",
        "environments/prod/web.yaml": PROD,
    }


def changed(files: dict[str, str], title: str, **how: Any) -> Conversation:
    talk = converse(files, title, **how)
    assert talk.end == "resolve", talk.calls[-1]
    for path in talk.changed:
        yaml.safe_load(talk.files[path])
    return talk


def test_the_number_of_replicas_goes_into_the_file_that_argo_cd_names() -> None:
    talk = changed(one(), "Scale web to 3 replicas")
    assert list(talk.changed) == ["charts/web/values-live.yaml"]
    assert talk.diff("charts/web/values-live.yaml") == [
        "-replicaCount: 2 # both zones",
        "+replicaCount: 3 # both zones",
    ]


def test_what_only_the_defaults_say_is_overridden_in_the_named_file() -> None:
    talk = changed(one(), "Update web to version 1.3.0")
    assert talk.diff("charts/web/values-live.yaml") == ["+image:", "+  tag: 1.3.0"]
    assert list(talk.changed) == ["charts/web/values-live.yaml"]


def test_without_an_argo_cd_application_the_defaults_change_and_that_is_a_risk() -> None:
    files = one()
    del files["argocd/web.yaml"]
    talk = changed(files, "Update web to version 1.3.0")
    assert talk.diff("charts/web/values.yaml") == [
        '-  tag: "1.0.0"  # bumped by hand',
        '+  tag: "1.3.0"  # bumped by hand',
    ]
    assert any("its defaults change" in risk for risk in talk.plan["risks"])


def test_one_environment_is_changed_in_its_own_file() -> None:
    talk = changed(two(), "Update web to version 1.3.0 in production")
    assert talk.diff("environments/prod/web.yaml") == ["-  tag: '1.2.0'", "+  tag: '1.3.0'"]
    assert list(talk.changed) == ["environments/prod/web.yaml"]


def test_an_environment_without_a_value_of_its_own_gets_one() -> None:
    talk = changed(two(), "Scale web to 2 replicas in dev")
    assert talk.diff("charts/web/values-dev.yaml") == ["+replicaCount: 2"]
    assert list(talk.changed) == ["charts/web/values-dev.yaml"]


def test_which_environment_is_asked_where_the_files_differ() -> None:
    talk = converse(two(), "Scale web to 5 replicas", answers=["prod"])
    assert "dev, prod" in talk.questions[0]
    assert talk.diff("environments/prod/web.yaml") == ["-replicaCount: 4", "+replicaCount: 5"]


@pytest.mark.parametrize(
    ("title", "diff"),
    [
        ("Set LOG_LEVEL=debug on web", ["-  LOG_LEVEL: info", "+  LOG_LEVEL: debug"]),
        ("Set NEW_FLAG=on on web", ['+  NEW_FLAG: "on"']),
        (
            "Set the memory limit of web to 1Gi",
            ["-resources: {}", "+resources:", "+  limits:", "+    memory: 1Gi"],
        ),
        (
            "Use image ghcr.io/acme/shop:2.0 for web",
            [
                "-  repository: ghcr.io/acme/web",
                '-  tag: "1.0.0"  # bumped by hand',
                "+  repository: ghcr.io/acme/shop",
                '+  tag: "2.0"  # bumped by hand',
            ],
        ),
    ],
)
def test_only_the_lines_of_the_change_differ(title: str, diff: list[str]) -> None:
    files = one()
    del files["argocd/web.yaml"]
    assert changed(files, title).diff("charts/web/values.yaml") == diff


def test_variables_in_a_list_are_changed_where_the_list_stands() -> None:
    listed = VALUES.replace("env:\n  LOG_LEVEL: info", "env:\n- name: LOG_LEVEL\n  value: info")
    files = one(**{"charts/web/values.yaml": listed, "argocd/web.yaml": ""})
    talk = changed(files, "Set LOG_LEVEL=debug on web")
    assert talk.diff("charts/web/values.yaml") == ["-  value: info", "+  value: debug"]


def test_a_list_of_the_defaults_is_changed_there_because_another_would_replace_it() -> None:
    listed = VALUES.replace("env:\n  LOG_LEVEL: info", "env:\n- name: LOG_LEVEL\n  value: info")
    talk = changed(one(**{"charts/web/values.yaml": listed}), "Set NEW_FLAG=yes on web")
    assert list(talk.changed) == ["charts/web/values.yaml"]
    assert talk.diff("charts/web/values.yaml") == ["+- name: NEW_FLAG", '+  value: "yes"']
    files = two() | {"charts/web/values.yaml": listed, "charts/web/values-dev.yaml": "a: 1\n"}
    talk = converse(files, "Set NEW_FLAG=yes on web in dev")
    assert "would replace the one of all" in talk.reason


def test_a_component_of_the_chart_is_asked_for_or_named() -> None:
    values = "api:\n  image: ghcr.io/acme/api:1.0\nworker:\n  image: ghcr.io/acme/worker:1.0\n"
    files = one(**{"charts/web/values.yaml": values, "argocd/web.yaml": ""})
    talk = converse(files, "Update web to version 2.0", answers=["worker"])
    assert "api, worker" in talk.questions[0]
    assert talk.diff("charts/web/values.yaml") == [
        "-  image: ghcr.io/acme/worker:1.0",
        "+  image: ghcr.io/acme/worker:2.0",
    ]


def test_what_the_application_sets_itself_is_left_to_a_person() -> None:
    more = "\n      parameters: [{name: image.tag, value: 1.1.0}]"
    files = one(**{"argocd/web.yaml": application("web", "values-live.yaml", more=more)})
    talk = converse(files, "Update web to version 1.3.0")
    assert talk.end == "give_up"
    assert "argocd/web.yaml sets image.tag itself" in talk.reason


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("Remove web", "Helm chart"),
        ("Expose web at web.example.org", "hosts have no usual name"),
        ("Set the memory request of web to 2Gi and its memory limit to 1Gi", ""),
    ],
)
def test_what_rules_cannot_do_to_a_chart_changes_nothing(title: str, said: str) -> None:
    talk = converse(one(), title)
    assert talk.changed == {}
    assert said in (talk.reason if talk.end else talk.questions[0])


def test_values_that_name_no_image_are_left_to_a_person() -> None:
    talk = converse(one(**{"charts/web/values.yaml": "a: 1\n"}), "Scale web to 3 replicas")
    assert talk.end == "give_up"
    assert "no image by a usual name" in talk.reason


def test_a_chart_is_no_model_for_new_applications() -> None:
    files = {**one(), "apps/api/deployment.yaml": deployment("api")}
    talk = changed(files, "Deploy nginx 1.27 with 2 replicas on port 80")
    assert {path.rpartition("/")[0] for path in talk.changed} == {"apps/nginx"}


def test_the_plan_says_that_it_reaches_every_environment() -> None:
    files = two()
    files["environments/prod/web.yaml"] = "image: {pullPolicy: Always}\n"
    talk = changed(files, "Scale web to 3 replicas")
    assert list(talk.changed) == ["charts/web/values.yaml"]
    assert any("every environment: dev, prod" in risk for risk in talk.plan["risks"])
