"""A plain kubectl, where the machine has one."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.agents.sandbox.manifests import deployment
from tests.agents.sandbox.running import Running, sandbox

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="there is no kubectl")

Kubectl = Callable[..., str]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Running]:
    with sandbox(tls=True) as running:
        yield running


@pytest.fixture
def kubectl(cluster: Running, tmp_path: Path) -> Kubectl:
    def run(*arguments: str, fails: bool = False) -> str:
        cache = str(tmp_path / "cache")
        command = ["kubectl", "--kubeconfig", str(cluster.kubeconfig), "--cache-dir", cache]
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)  # noqa: S603
        assert bool(done.returncode) is fails, done.stderr
        return done.stdout + done.stderr

    return run


def test_apply_rollout_get_describe_logs_and_scale(
    cluster: Running, kubectl: Kubectl, tmp_path: Path
) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(yaml.safe_dump(deployment("web", "default")))
    assert kubectl("apply", "-f", str(file)) == "deployment.apps/web created\n"
    assert kubectl("apply", "-f", str(file)) == "deployment.apps/web unchanged\n"
    assert "successfully rolled out" in kubectl("rollout", "status", "deploy/web", "--timeout=20s")
    header, row = kubectl("get", "deploy", "web").splitlines()
    assert header.split() == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert row.split()[:4] == ["web", "2/2", "2", "2"]
    described = kubectl("describe", "pod", "-l", "app=web")
    assert "Successfully assigned default/web-" in described
    assert "starting web" in kubectl("logs", "deploy/web")
    kubectl("set", "image", "deploy/web", "web=web:does-not-exist")
    cluster.until(lambda: "ImagePullBackOff" in kubectl("get", "pods"))
    kubectl("rollout", "undo", "deploy/web")
    kubectl("scale", "deploy/web", "--replicas=1")
    cluster.ready("web")
    assert "3" in kubectl("rollout", "history", "deploy/web")


def test_refusals_read_as_they_do_on_a_cluster(cluster: Running, kubectl: Kubectl) -> None:
    viewer = ("--context", "aura-sandbox-viewer")
    denied = kubectl("get", "secrets", *viewer, fails=True)
    assert 'Error from server (Forbidden): secrets is forbidden: User "viewer"' in denied
    assert kubectl("auth", "can-i", "delete", "pods", *viewer, fails=True).strip() == "no"
    missing = kubectl("get", "pod", "nobody", fails=True)
    assert missing.strip() == 'Error from server (NotFound): pods "nobody" not found'
    assert "sandbox-worker" in kubectl("top", "nodes")
