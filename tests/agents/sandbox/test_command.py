"""`manage.py sandbox` as a process."""

from __future__ import annotations

import signal
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from agents.sandbox.argo.following import paths
from agents.sandbox.controllers.jobs import following
from tests.agents.sandbox.manifests import deployment
from tests.agents.sandbox.repositories import Repo
from tests.agents.sandbox.running import Running, sandbox

ROOT = Path(__file__).resolve().parents[3]


def test_it_follows_a_repository_and_ends_quietly(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "repo")
    repo.commit(web__web=deployment("web", "shop", replicas=1))
    kubeconfig = tmp_path / "kubeconfig"
    command = [sys.executable, "manage.py", "sandbox", "--port", "0", "--argocd-port", "0"]
    command += ["--kubeconfig", str(kubeconfig), "--repo", repo.url, "--auto-sync"]
    command += ["--make-namespace", "shop"]  # before the first sync, which is not tried again
    command += ["--pace", "0.05", "--poll", "0.2", "--token", "mine=me,system:masters"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603
    try:
        assert process.stdout is not None
        url = process.stdout.readline().split()[1]
        content = yaml.safe_load(kubeconfig.read_text())
        assert kubeconfig.stat().st_mode & 0o777 == 0o600
        assert content["clusters"][0]["cluster"]["server"] == url
        trust = ssl.create_default_context(cadata=_authority(content))
        headers = {"Authorization": "Bearer mine"}
        with httpx.Client(base_url=url, headers=headers, verify=trust, timeout=60) as client:
            path = "/apis/apps/v1/namespaces/shop/deployments/web"
            _until(lambda: client.get(path).json()["status"]["readyReplicas"] == 1)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def _authority(content: dict[str, Any]) -> str:
    import base64

    text = content["clusters"][0]["cluster"]["certificate-authority-data"]
    return base64.b64decode(text).decode()


def _until(condition: Callable[[], bool]) -> None:
    with sandbox() as any_cluster:  # for its patience
        any_cluster.until(condition)


def test_a_taken_port_is_a_sentence(cluster: Running) -> None:
    port = cluster.url.rpartition(":")[2]
    command = [sys.executable, "-m", "agents.sandbox", "--port", port]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 1
    assert done.stderr == "The sandbox cannot listen on 127.0.0.1: Address already in use\n"


def test_it_imports_neither_django_nor_the_client() -> None:
    code = "import sys, agents.sandbox.command; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)  # noqa: S603, PLW1510
    assert not {"django", "kubernetes", "litellm", "celery"} & set(done.stdout.split())


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["web/a.yaml", "db/a.yaml", "README.md"], ["db", "web"]),
        (["a.yaml"], ["."]),
        (
            ["base/kustomization.yaml", "base/a.yaml", "overlays/prod/kustomization.yaml"],
            ["overlays/prod"],
        ),
        ([".github/workflows/ci.yaml", "web/kustomization.yaml", "web/files/a.yaml"], ["web"]),
    ],
)
def test_which_directories_are_applications(names: list[str], found: list[str]) -> None:
    assert paths(dict.fromkeys(names, b""), "") == found


@pytest.mark.parametrize(
    ("schedule", "seconds"),
    [("* * * * *", 60), ("*/5 * * * *", 300), ("30 1 * * *", 5400), ("@hourly", 3600)],
)
def test_when_a_schedule_comes_next(schedule: str, seconds: int) -> None:
    midnight = 1_700_006_400.0  # 2023-11-15T00:00:00Z
    assert following(schedule, midnight) == midnight + seconds
