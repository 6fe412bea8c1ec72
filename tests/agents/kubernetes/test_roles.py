"""The roles of deploy/kubernetes are enough for the tools, and for no more."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from agents.runtime.tool import ToolFailure
from agents.sandbox.options import User
from tests.agents.kubernetes.conftest import TOOLS
from tests.agents.kubernetes.objects import deploy
from tests.agents.kubernetes.servers import kubeconfig

ROLES = Path(__file__).parents[3] / "deploy/kubernetes"
ACCOUNT = User(
    name="system:serviceaccount:aura:aura",
    groups=("system:serviceaccounts", "system:serviceaccounts:aura", "system:authenticated"),
)


@pytest.fixture
def account(desk, running, configure, tmp_path):
    """Calls are those of the service account, which has the reader's role."""
    token = f"token-{uuid4().hex}"
    running.cluster.options.tokens[token] = ACCOUNT
    running.apply((ROLES / "reader.yaml").read_text())
    configure(kubeconfig=kubeconfig(tmp_path / "kubeconfig", running.url, token=token))
    yield desk
    del running.cluster.options.tokens[token]


def grant(running, role: str, namespace: str) -> None:
    running.apply((ROLES / "operator.yaml").read_text())
    running.put(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": role, "namespace": namespace},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": role,
            },
            "subjects": [{"kind": "ServiceAccount", "name": "aura", "namespace": "aura"}],
        }
    )


def test_the_reader_looks_everywhere(account, running, namespace):
    deploy(running, "web", namespace)
    running.put(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web", "namespace": namespace},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
        }
    )
    pod = running.list("Pod", namespace)[0]["metadata"]["name"]
    said = {
        "namespace": namespace,
        "pod_name": pod,
        "deployment": "web",
        "service_name": "web",
        "name": "web",
        "resource": "deployments",
        "pod": pod,
    }
    looks = [tool for tool in TOOLS.values() if tool.inspect is None]

    for tool in looks:
        fields = tool.parameters.model_fields
        arguments = {key: value for key, value in said.items() if key in fields}
        result = account.run(tool.name, **arguments)
        assert "cannot be shown" not in result.content, tool.name
        assert "not shown" not in result.content, tool.name


def test_the_reader_changes_nothing_and_sees_no_secrets(account, running, namespace):
    deploy(running, "web", namespace)

    with pytest.raises(ToolFailure, match="RBAC forbids it"):
        account.inspect("scale_deployment", namespace=namespace, deployment="web", replicas=0)
    with pytest.raises(ToolFailure, match="may not list secrets"):
        account.run("kubectl_get", resource="secrets", namespace=namespace)


def test_the_operator_changes_what_it_is_bound_to(account, running, namespace):
    deploy(running, "web", namespace)
    grant(running, "aura-operator", namespace)

    scaled = account.change(
        "scale_deployment", namespace=namespace, deployment="web", replicas=2, wait_seconds=1
    )
    restarted = account.change("restart_deployment", namespace=namespace, deployment="web")
    deploy(running, "other", namespace)
    pod = next(
        it["metadata"]["name"]
        for it in running.list("Pod", namespace)
        if it["metadata"]["name"].startswith("other-")
    )
    deleted = account.change("delete_pod", namespace=namespace, pod=pod, grace_period_seconds=0)

    assert scaled.data["replicas"] == 2
    assert restarted.data["verify_status"] == "ok"
    assert deleted.data["verify_status"] == "ok"
    with pytest.raises(ToolFailure, match="RBAC forbids it"):
        account.inspect("delete_pod", namespace="kube-system", pod=_coredns(running))


def _coredns(running):
    return running.list("Pod", "kube-system")[0]["metadata"]["name"]


def test_the_runner_runs_jobs(account, running, namespace):
    grant(running, "aura-runner", namespace)

    result = account.run(
        "kubectl_run_job", namespace=namespace, name="hi", image="busybox:1.36", command=["true"]
    )

    assert result.data["status"] == "Complete"
