"""The tool against a sandbox: what it answers, and what it says when it may not read everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from agents.kubernetes.tools import kubernetes_tools
from agents.kubernetes.triage.tool import TriageArguments
from agents.runtime.tool import CallContext, ToolFailure, ToolResult
from agents.triage import report
from tests.agents.kubernetes.triage import shop
from tests.agents.sandbox.running import Running

Look = Callable[..., ToolResult]


@pytest.fixture
def look(running: Running, configure: Callable[..., None]) -> Look:
    """Calls the tool, as the door does after its questions."""
    configure(kubeconfig=str(running.kubeconfig), infra_config=None, k8s_context="")
    tool = next(it for it in kubernetes_tools() if it.name == "triage_namespace")

    def call(**said: Any) -> ToolResult:
        context = CallContext(call_id="1", trace_id="tr_test")
        answer = tool.run(tool.parameters.model_validate(said), context)
        assert isinstance(answer, ToolResult)
        return answer

    return call


@pytest.fixture
def broken(running: Running, namespace: str) -> str:
    """A namespace whose deployment crashes, and has shown so."""
    shop.open_shop(running, namespace, fault="crash-loop:missing-env")

    def crashed() -> bool:
        statuses = [it["status"]["containerStatuses"][0] for it in running.list("Pod", namespace)]
        return any(it["restartCount"] for it in statuses)

    running.until(crashed)
    return namespace


def test_the_answer_as_text_and_as_data(look: Look, broken: str) -> None:
    answer = look(namespace=broken, workload="checkout")
    assert answer.content.startswith(f"deployment/{broken}/checkout: Setting missing.")
    assert answer.data is not None
    (root,) = report.read(answer.data).roots
    assert root.cause == "application/missing-environment"


def test_a_workload_alone_is_looked_for_in_every_namespace(
    look: Look, running: Running, namespace: str
) -> None:
    shop.namespace(running, f"{namespace}-b")
    running.put(shop.checkout(namespace) | {"metadata": _named(namespace, f"only-{namespace}")})
    answer = look(workload=f"only-{namespace}")
    assert f"in {namespace}" in answer.content or f"/{namespace}/" in answer.content
    running.put(shop.checkout(namespace) | {"metadata": _named(namespace, f"two-{namespace}")})
    other = f"{namespace}-b"
    running.put(shop.checkout(other) | {"metadata": _named(other, f"two-{namespace}")})
    with pytest.raises(ToolFailure, match="Several namespaces have a"):
        look(workload=f"two-{namespace}")
    with pytest.raises(ToolFailure, match="No namespace has a workload named 'nobody'"):
        look(workload="nobody")


def _named(where: str, name: str) -> dict[str, Any]:
    return {"name": name, "namespace": where, "labels": {"app": name}}


@pytest.mark.parametrize(
    "said", [{}, {"namespace": "all"}, {"workload": "a b"}, {"workload": "../x"}]
)
def test_a_call_must_say_where_to_look(said: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        TriageArguments.model_validate(said)


def test_what_may_not_be_read_is_told_with_what_to_run(
    look: Look, running: Running, broken: str
) -> None:
    _may_read_pods_alone(running, broken)
    answer = look(namespace=broken, context="aura-sandbox-nobody")
    assert f"deployment/{broken}/checkout" in answer.content
    assert "Not enough data" in answer.content
    assert f"Run: kubectl -n {broken} logs" in answer.content
    assert "events could not be read" in answer.content


def _may_read_pods_alone(running: Running, where: str) -> None:
    group = "rbac.authorization.k8s.io"
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]
    role = {"apiVersion": f"{group}/v1", "kind": "Role", "rules": rules}
    running.put({**role, "metadata": {"name": "pods", "namespace": where}})
    running.put(
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "pods", "namespace": where},
            "roleRef": {"apiGroup": group, "kind": "Role", "name": "pods"},
            "subjects": [{"kind": "User", "name": "nobody", "apiGroup": group}],
        }
    )


def test_a_cluster_that_may_not_be_read_at_all_is_a_failure(look: Look, namespace: str) -> None:
    with pytest.raises(ToolFailure, match="RBAC forbids it"):
        look(namespace=namespace, context="aura-sandbox-nobody")
