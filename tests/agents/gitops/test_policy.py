"""Schemas of Kubernetes, versions of its APIs, and the operator's own rules before a commit."""

from __future__ import annotations

from typing import Any

import pytest

from agents.gitops import apis
from agents.gitops.checks import VALIDATORS, check_files, errors
from agents.gitops.issues import Issue
from agents.gitops.policy import Policy
from agents.gitops.workspace import Workspace
from agents.runtime.tool import ToolFailure
from tests.agents.gitops.support import DEPLOYMENT, Desk, push_by_hand

CRON_JOB = """\
apiVersion: {version}
kind: CronJob
metadata: {{name: x, namespace: y}}
spec:
  schedule: "@daily"
  jobTemplate: {{spec: {{template: {{spec: {{containers: [{{name: a, image: 'a:1'}}]}}}}}}}}
"""
UNPINNED = DEPLOYMENT.replace("web:1.4.2", "web:latest")


def check(text: str, path: str = "apps/web.yaml", **policy: Any) -> list[Issue]:
    return check_files({path: text}, policy=Policy(**policy))


def rules(text: str, **policy: Any) -> list[tuple[str, str, int | None]]:
    return [(issue.severity, issue.rule, issue.line) for issue in check(text, **policy)]


# --- schemas --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("replicas: 2", "replica: 2", 7, "spec.replica: there is no such field"),
        ("replicas: 2", "paused: maybe", 7, "valid boolean"),
        ("          image:", "          imagePullPolice: Always\n          image:", 18, "no such"),
        (
            "          image:",
            "          ports: [{containerPort: 80, protocol: 6}]\n          image:",
            18,
            "valid string",
        ),
    ],
)
def test_what_the_schema_of_kubernetes_does_not_know_is_refused(
    old: str, new: str, line: int, said: str
) -> None:
    (issue,) = check(DEPLOYMENT.replace(old, new, 1))
    assert (issue.severity, issue.rule, issue.line) == ("error", "schemas.field", line)
    assert said in issue.message


METRICS = """\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: a, namespace: b}
spec:
  maxReplicas: 3
  scaleTargetRef: {kind: Deployment, name: web}
  metrics:
    - type: Pods
      pods: {metric: {name: x}, target: {type: AverageValue, averageValue: 10}}
"""
QUANTITIES = (
    DEPLOYMENT
    + """\
          resources: {limits: {cpu: 1.5, memory: 1Gi}, requests: {cpu: 1}}
"""
)
DEFINED = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: a}
spec: {anything: 1}
"""


@pytest.mark.parametrize(
    "text",
    [
        QUANTITIES,
        METRICS,
        DEFINED,
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: b, uid: }\n",
        "apiVersion: v1\nkind: Event\nmetadata: {name: a, namespace: b}\ninvolvedObject: {}\n",
        "apiVersion: example.com/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {x: 1}\n",
    ],
    ids=["quantities", "metrics", "definition", "null", "event", "foreign"],
)
def test_what_kubernetes_takes_is_fine(text: str) -> None:
    assert errors(check(text)) == []


def test_a_kind_that_kubernetes_has_not_is_refused() -> None:
    text = "apiVersion: apps/v1\nkind: Deploymint\nmetadata: {name: a, namespace: b}\n"
    assert rules(text) == [("error", "schemas.kind", 2)]


def test_a_missing_field_is_named() -> None:
    text = CRON_JOB.format(version="batch/v1").replace('  schedule: "@daily"\n', "")
    (issue,) = check(text)
    assert "spec.schedule: is required" in issue.message


# --- versions of APIs -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        ((1, 20), []),
        ((1, 24), [("warning", "kubernetes.deprecated", 1)]),
        ((1, 25), [("error", "policy.removed", 1)]),
        (apis.NEWEST, [("error", "policy.removed", 1)]),
    ],
)
def test_a_version_is_deprecated_and_then_gone(
    release: apis.Release, expected: list[tuple[str, str, int]]
) -> None:
    found = rules(CRON_JOB.format(version="batch/v1beta1"), release=release)
    assert [each for each in found if each[1] != "kubernetes.version"] == expected


def test_what_to_use_instead_is_said() -> None:
    text = CRON_JOB.format(version="batch/v1beta1")
    assert "gone since Kubernetes 1.25; use batch/v1" in errors(check(text))[0].message


def test_deprecated_versions_can_be_refused() -> None:
    text = CRON_JOB.format(version="batch/v1beta1")
    found = errors(check(text, release=(1, 24), refuse=frozenset({"deprecated"})))
    assert [issue.rule for issue in found] == ["policy.deprecated"]


# --- the operator's rules -------------------------------------------------------------------------


def test_an_image_that_is_not_pinned_is_refused_where_the_operator_says_so() -> None:
    assert rules(UNPINNED) == [("warning", "kubernetes.image", 18)]
    assert rules(UNPINNED, refuse=frozenset({"image"})) == [("error", "policy.image", 18)]


@pytest.mark.parametrize(
    ("path", "text", "line"),
    [
        ("a/kustomization.yaml", "images:\n- name: web\n  newTag: latest\n", 3),
        ("web/values.yaml", "image:\n  repository: web\n  tag: latest\n", 3),
        ("web/values-prod.yaml", "api:\n  image: registry.example/api:latest\n", 2),
    ],
)
def test_a_tag_that_kustomize_or_helm_puts_in_is_an_image_too(
    path: str, text: str, line: int
) -> None:
    (issue,) = check(text, path, refuse=frozenset({"image"}))
    assert (issue.severity, issue.rule, issue.line) == ("error", "policy.image", line)


def test_values_without_a_tag_take_the_version_of_the_chart() -> None:
    assert check("image:\n  repository: web\n", "web/values.yaml") == []


def test_a_container_without_a_memory_limit_is_told_of() -> None:
    limited = DEPLOYMENT + "          resources: {limits: {memory: 1Gi}}\n"
    assert rules(DEPLOYMENT, limits=True) == [("warning", "kubernetes.limits", 17)]
    assert rules(limited, limits=True) == []
    refused = rules(DEPLOYMENT, limits=True, refuse=frozenset({"limits"}))
    assert refused == [("error", "policy.limits", 17)]


def test_forbidden_kinds_are_refused_whatever_their_case() -> None:
    text = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: a}\n"
    assert rules(text, forbidden=frozenset({"clusterrole"})) == [("error", "policy.kind", 2)]


def test_only_the_namespaces_of_the_operator_are_allowed() -> None:
    house = frozenset({"stage", "test"})
    (issue,) = check(DEPLOYMENT, namespaces=house)
    assert (issue.rule, issue.line) == ("policy.namespace", 5)
    assert "namespace shop is not among those allowed (stage, test)" in issue.message
    (issue,) = check("namespace: shop\n", "a/kustomization.yaml", namespaces=house)
    assert (issue.severity, issue.rule, issue.line) == ("error", "policy.namespace", 1)


def test_every_rule_has_a_validator_that_is_listed() -> None:
    found = check(UNPINNED.replace("replicas", "replica"), refuse=frozenset({"image"}))
    assert {issue.validator for issue in found} == {"schemas", "policy"} & set(VALIDATORS)


# --- in a repository ------------------------------------------------------------------------------


@pytest.fixture
def strict(workspace: Workspace) -> Desk:
    policy = Policy(refuse=frozenset({"image"}), forbidden=frozenset({"clusterrole"}))
    return Desk(
        Workspace(repo_url=workspace.repo_url, root=workspace.root, timeout_s=20, policy=policy),
        "T1",
    )


def test_a_commit_with_an_unpinned_image_is_refused(strict: Desk) -> None:
    strict.call("git_write_file", path="apps/web.yaml", content=UNPINNED)
    strict.call("git_stage", files=["."])
    with pytest.raises(ToolFailure, match="web:latest is not pinned"):
        strict.call("git_commit", message="use the newest")
    told = strict.call("validate_files", files=["."])
    assert told.data["valid"] is False
    assert told.data["validatorResults"]["policy"]["valid"] is False


def test_what_was_there_before_does_not_stop_another_change(
    strict: Desk, origin: Any, tmp_path: Any
) -> None:
    push_by_hand(origin, tmp_path / "hand", "apps/web.yaml", UNPINNED)
    changed = UNPINNED.replace("replicas: 2", "replicas: 3")
    strict.call("git_write_file", path="apps/web.yaml", content=changed)
    told = strict.call("validate_files", files=["."])
    assert told.data["valid"] is True
    assert [issue["severity"] for issue in told.data["issues"]] == ["warning"]
    strict.call("git_stage", files=["."])
    strict.call("git_commit", message="scale")
    strict.call("git_push")


def test_what_was_there_before_may_not_be_made_worse(
    strict: Desk, origin: Any, tmp_path: Any
) -> None:
    push_by_hand(origin, tmp_path / "hand", "apps/web.yaml", UNPINNED)
    second = "        - name: side\n          image: side:latest\n"
    strict.call("git_write_file", path="apps/web.yaml", content=UNPINNED + second)
    strict.call("git_stage", files=["."])
    with pytest.raises(ToolFailure, match="side:latest is not pinned"):
        strict.call("git_commit", message="add a side car")
