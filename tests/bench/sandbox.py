"""The sandbox: how fast it starts, what it weighs, and a thousand pods through the official client.

.venv/bin/python tests/bench/sandbox.py [--pods 1000] [--rounds 5]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120.0


class Process:
    """`python -m agents.sandbox` on free ports."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.kubeconfig = directory / "kubeconfig"
        begun = time.perf_counter()
        command = [sys.executable, "-m", "agents.sandbox", "--http", "--port", "0"]
        command += ["--argocd-port", "0", "--kubeconfig", str(self.kubeconfig), *options]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own module
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().split()[1]
        headers = {"Authorization": "Bearer sandbox-admin"}
        self.client = httpx.Client(base_url=self.url, headers=headers, timeout=60)
        until(lambda: self.client.get("/version").is_success)
        self.started_s = time.perf_counter() - begun

    @property
    def memory_mb(self) -> float:
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(text.partition("VmRSS:")[2].split()[0]) / 1024

    def end(self) -> None:
        self.client.close()
        self.process.terminate()
        self.process.wait()


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.01)
    raise TimeoutError("the sandbox did not come so far")


def deployment(replicas: int) -> dict[str, Any]:
    labels = {"app": "many"}
    container = {"name": "web", "image": "registry.example.com/web:1.0"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"metadata": {"name": "many"}, "spec": spec}


def grow(running: Process, pods: int) -> float:
    """Seconds until a deployment of so many pods is ready."""
    path = "/apis/apps/v1/namespaces/default/deployments"
    begun = time.perf_counter()
    running.client.post(path, json=deployment(pods)).raise_for_status()
    until(lambda: running.client.get(f"{path}/many").json()["status"].get("readyReplicas") == pods)
    return time.perf_counter() - begun


def listing(running: Process, pods: int, rounds: int) -> dict[str, list[float]]:
    """Seconds of each list: bare HTTP, dynamic client, typed client."""
    from kubernetes import client, config, dynamic

    api = config.new_client_from_config(str(running.kubeconfig))
    resource = dynamic.DynamicClient(api).resources.get(api_version="v1", kind="Pod")
    core = client.CoreV1Api(api)
    ways: dict[str, Callable[[], Any]] = {
        "bare HTTP": lambda: running.client.get("/api/v1/namespaces/default/pods").json()["items"],
        "typed, not decoded": lambda: _raw(core),
        "dynamic client": lambda: resource.get(namespace="default").items,
        "typed client": lambda: core.list_namespaced_pod("default").items,
    }
    found: dict[str, list[float]] = {}
    for name, way in ways.items():
        for _ in range(rounds):
            begun = time.perf_counter()
            assert len(way()) == pods
            found.setdefault(name, []).append(time.perf_counter() - begun)
    return found


def _raw(core: Any) -> list[Any]:
    import orjson

    response = core.list_namespaced_pod("default", _preload_content=False)
    items: list[Any] = orjson.loads(response.data)["items"]
    return items


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pods", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sandbox-bench-") as directory:
        starts, light = [], 0.0
        for _ in range(given.rounds):
            running = Process(Path(directory))
            starts.append(running.started_s)
            light = running.memory_mb
            running.end()
        print(f"start          {statistics.median(starts):6.2f} s   (worst {max(starts):.2f})")  # noqa: T201
        print(f"memory         {light:6.0f} MB")  # noqa: T201
        running = Process(Path(directory), "--pace", "0.05", "--nodes", "4")
        try:
            print(f"{given.pods} pods ready {grow(running, given.pods):6.2f} s")  # noqa: T201
            print(f"memory         {running.memory_mb:6.0f} MB with them")  # noqa: T201
            for name, times in listing(running, given.pods, given.rounds).items():
                middle = statistics.median(times)
                print(f"{name:20} {middle * 1000:6.0f} ms (worst {max(times) * 1000:.0f})")  # noqa: T201
        finally:
            running.end()


if __name__ == "__main__":
    main()
