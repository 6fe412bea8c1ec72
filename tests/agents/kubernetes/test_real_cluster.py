"""What tests marked `real_cluster` run on: it knows a kubeconfig, and keeps to its namespaces."""

from __future__ import annotations

import pytest

from tests.agents.kubernetes.objects import deployment
from tests.agents.kubernetes.real import RealCluster
from tests.agents.sandbox.running import Running


@pytest.fixture
def other(running: Running) -> RealCluster:
    return RealCluster("aura-sandbox", str(running.kubeconfig))


def test_objects_are_written_into_our_own_namespaces_alone(
    other: RealCluster, running: Running
) -> None:
    with other.namespace() as own:
        other.put(deployment("web", own))
        assert other.ready("web", own)["spec"]["replicas"] == 1
        other.put(deployment("web", own, replicas=2))
        assert other.ready("web", own)["spec"]["replicas"] == 2
        for elsewhere in ("default", "kube-system"):
            with pytest.raises(AssertionError, match="outside our namespaces"):
                other.put(deployment("web", elsewhere))
    running.until(lambda: own not in {n["metadata"]["name"] for n in running.list("Namespace")})
