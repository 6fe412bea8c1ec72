"""`python -m tests.bench.gitops [--tickets 20] [--preview target-revision]`: tickets at once.

All work on one repository, and Argo CD is watched: a running `manage.py up` and a sandbox. Each
ticket deploys an application of its own; all plans are approved at once. Prints from the approval
to `resolved`, and what was lost: a merge that main does not hold, a deployment that the cluster
does not run, a ticket that did not resolve.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from tests.agents.sandbox.repositories import Repo
from tests.bench.house import House
from tests.bench.sandbox import Process

ROOT = Path(__file__).resolve().parents[2]
HELLO = ROOT / "demo" / "gitops" / "apps" / "hello"
PATIENCE_S = 600.0
APP: dict[str, Any] = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Application",
    "metadata": {"name": "shop", "namespace": "argocd"},
    "spec": {
        "project": "default",
        "source": {"path": "apps", "targetRevision": "main", "directory": {"recurse": True}},
        "destination": {"server": "https://kubernetes.default.svc", "namespace": "web"},
        "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
    },
}
ENDED = ("resolved", "failed", "cancelled", "paused")


class Site:
    """The API of one instance, which works on one repository that one sandbox follows."""

    def __init__(self, house: House) -> None:
        base = f"http://127.0.0.1:{house.port}/api"
        self.asks = httpx.Client(base_url=base, headers=house.operator_headers, timeout=30)
        self.decides = httpx.Client(base_url=base, headers=house.headers, timeout=30)

    def open(self, number: int) -> str:
        name = f"shop-{number:02}"
        description = f"Deploy {name} with image nginx:1.27, 1 replica, in namespace web."
        body = {"title": f"Deploy {name}", "description": description}
        ticket: str = self.asks.post("/tickets", json=body).raise_for_status().json()["id"]
        self.asks.post(f"/tickets/{ticket}/run").raise_for_status()
        return ticket

    def ticket(self, key: str) -> dict[str, Any]:
        found: dict[str, Any] = self.asks.get(f"/tickets/{key}").raise_for_status().json()
        return found

    def until(self, keys: list[str], *statuses: str) -> dict[str, tuple[str, float]]:
        """Ticket -> its status, and when it was seen to have it."""
        seen: dict[str, tuple[str, float]] = {}
        deadline = time.monotonic() + PATIENCE_S
        while len(seen) < len(keys) and time.monotonic() < deadline:
            for key in keys:
                status = self.ticket(key)["status"] if key not in seen else ""
                if status in statuses:
                    seen[key] = status, time.monotonic()
            time.sleep(0.1)
        return seen


def git(directory: Path, *arguments: str) -> str:
    command = ["git", "-C", str(directory), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603


def merges(repository: Path) -> set[str]:
    """Tickets whose merge main holds."""
    trailers = "--format=%(trailers:key=Aura-Ticket,valueonly)"
    return set(git(repository, "log", "main", "--first-parent", trailers).split())


def running(cluster: Process) -> set[str]:
    """Deployments of which everything is ready."""
    listed = cluster.client.get("/apis/apps/v1/namespaces/web/deployments").json()["items"]
    return {d["metadata"]["name"] for d in listed if d.get("status", {}).get("readyReplicas")}


def measured(tickets: int, preview: str, directory: Path) -> None:
    seed, repository = Repo(directory / "seed"), directory / "apps.git"
    seed.commit(**{f"apps__hello__{f.stem}": f.read_text() for f in HELLO.glob("[ds]e*.yaml")})
    git(directory, "clone", "--quiet", "--bare", str(seed.path), str(repository))
    cluster = Process(directory)
    for name in ("web", "demo"):
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        cluster.client.post("/api/v1/namespaces", json=namespace).raise_for_status()
    app = f"/apis/{APP['apiVersion']}/namespaces/argocd/applications"
    spec = {**APP["spec"], "source": {**APP["spec"]["source"], "repoURL": str(repository)}}
    cluster.client.post(app, json={**APP, "spec": spec}).raise_for_status()
    settings = {
        "AURA_GIT_REPO_URL": repository,
        "AURA_ARGOCD_SERVER": f"{cluster.url}/argocd",
        "AURA_ARGOCD_TOKEN": "argocd-admin",
        "AURA_ARGOCD_PREVIEW": preview,
        "AURA_AGENT_FOUR_EYES": "false",
    }
    try:
        with House(**settings) as house:
            report(Site(house), tickets, repository, cluster)
    finally:
        cluster.end()


def report(site: Site, tickets: int, repository: Path, cluster: Process) -> None:
    keys = [site.open(number) for number in range(1, tickets + 1)]
    planned = site.until(keys, "pending_plan_approval", *ENDED)
    began = time.monotonic()
    for key in keys:
        site.decides.post(f"/tickets/{key}/approve-plan").raise_for_status()
    ended = site.until(keys, *ENDED)
    took = sorted(moment - began for _, moment in ended.values())
    resolved = [key for key, (status, _) in ended.items() if status == "resolved"]
    for key in set(keys) - set(resolved):
        found = site.ticket(key)
        sys.stdout.write(f"NOT RESOLVED {key}: {found['status']} {found.get('lastError', '')}\n")
    names = {f"shop-{number:02}" for number in range(1, tickets + 1)}
    figures = (
        ("plans made", len(planned)),
        ("resolved", len(resolved)),
        ("merges that main lacks", len(set(keys) - merges(repository))),
        ("deployments that do not run", len(names - running(cluster))),
        ("approval to resolved, p50", f"{statistics.median(took):.1f} s"),
        ("approval to resolved, slowest", f"{took[-1]:.1f} s"),
    )
    for name, value in figures:
        sys.stdout.write(f"{name:32} {value}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickets", type=int, default=20)
    parser.add_argument("--preview", choices=("none", "target-revision"), default="none")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aura-bench-") as directory:
        measured(asked.tickets, asked.preview, Path(directory))


if __name__ == "__main__":
    main()
