"""A simulated cluster that all tests of the Kubernetes agent share, and calls of its tools."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from agents.kubernetes.ticket_tools import cluster_tools
from agents.kubernetes.tools import kubernetes_tools
from agents.runtime.tool import CallContext, Inspection, ToolResult
from tests.agents.kubernetes.real import RealCluster
from tests.agents.sandbox.running import Running, sandbox

TOOLS = {tool.name: tool for tool in (*kubernetes_tools(), *cluster_tools())}


@pytest.fixture(scope="session")
def running(request: pytest.FixtureRequest) -> Iterator[Running | RealCluster]:
    """The sandbox, or with `--real-cluster` that context."""
    context = request.config.getoption("--real-cluster")
    if context:
        yield RealCluster(context)
        return
    with sandbox() as made:
        yield made


@pytest.fixture(autouse=True)
def _only_what_a_real_cluster_can(request: pytest.FixtureRequest) -> None:
    """Whoever forgets `-m real_cluster` does nothing to the cluster but what is meant for it."""
    real = request.config.getoption("--real-cluster")
    if real and "real_cluster" not in request.keywords:
        pytest.skip("needs the sandbox: it is not marked real_cluster")


class Desk:
    """Calls tools as the door does, without its questions: inspect, then run."""

    def __init__(self, running: Running | RealCluster) -> None:
        self.running = running
        self.context = CallContext(call_id=uuid4().hex, trace_id="tr_test")

    def run(self, tool: str, **arguments: Any) -> ToolResult:
        found = TOOLS[tool]
        answer = found.run(found.parameters.model_validate(arguments), self.context)
        assert isinstance(answer, ToolResult)
        json.dumps(answer.data)  # goes into the log and out of the gateway
        return answer

    def inspect(self, tool: str, **arguments: Any) -> Inspection:
        found = TOOLS[tool]
        assert found.inspect is not None
        seen = found.inspect(found.parameters.model_validate(arguments), self.context)
        json.dumps(dict(seen.preconditions))
        return seen

    def change(self, tool: str, **arguments: Any) -> ToolResult:
        """With what was seen as its preconditions, as after an approval."""
        seen = self.inspect(tool, **arguments)
        self.context = replace(self.context, preconditions=seen.preconditions)
        return self.run(tool, **arguments)

    def probe(self, tool: str, **arguments: Any) -> ToolResult | None:
        found = TOOLS[tool]
        assert found.probe is not None
        return found.probe(found.parameters.model_validate(arguments), self.context)


@pytest.fixture
def configure(settings: Any) -> Callable[..., None]:
    """Change settings of ours."""

    def to(**changes: Any) -> None:
        settings.AURA = settings.AURA.model_copy(update=changes)

    return to


@pytest.fixture
def register(configure: Callable[..., None], tmp_path: Path) -> Callable[[Mapping[str, Any]], None]:
    """Put an inventory in place."""

    def these(said: Mapping[str, Any]) -> None:
        file = tmp_path / "inventory.json"
        file.write_text(json.dumps(said))
        configure(infra_config=file)

    return these


@pytest.fixture
def desk(running: Running | RealCluster, configure: Callable[..., None]) -> Desk:
    context = running.context if isinstance(running, RealCluster) else ""
    configure(kubeconfig=str(running.kubeconfig), infra_config=None, k8s_context=context)
    return Desk(running)


@pytest.fixture
def namespace(running: Running | RealCluster) -> Iterator[str]:
    """A namespace of the test's own."""
    if isinstance(running, RealCluster):
        with running.namespace() as own:
            yield own
        return
    name = f"ns-{uuid4().hex[:10]}"
    running.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
