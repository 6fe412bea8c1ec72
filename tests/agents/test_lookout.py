"""/api/cluster/* and /api/argo/* over ASGI: a worker looks into the sandbox, the view answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User

from agents.models import HelpdeskTask
from aura.asgi import application
from governance.models import AuditEvent
from governance.types import Role
from tests.agents.sandbox.manifests import deployment
from tests.agents.sandbox.running import Running, sandbox
from tests.agents.working import close_connections_of_bridge, working
from tests.people import headers_of, person

pytestmark = pytest.mark.django_db(transaction=True)

INVENTORY = {"k8s_clusters": {"prod": {"name": "Production", "context": "aura-sandbox"}}}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
}
APPLICATION = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Application",
    "metadata": {
        "name": "shop",
        "namespace": "argocd",
        "annotations": {"sandbox.aura.dev/unmanaged": "true"},
    },
    "spec": {
        "project": "default",
        "source": {"repoURL": "https://git.example/shop", "path": "apps", "targetRevision": "main"},
        "destination": {"namespace": "shop"},
    },
    "status": {
        "sync": {"status": "OutOfSync", "revision": "abc"},
        "health": {"status": "Degraded"},
    },
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Running]:
    with sandbox() as running:
        running.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        running.put(deployment("web", "shop"))
        running.put(SERVICE)
        running.seed(APPLICATION)
        running.ready("web", "shop")
        yield running


@pytest.fixture
def configured(cluster: Running, settings: Any, tmp_path: Path) -> Callable[..., None]:
    def configure(**more: Any) -> None:
        file = tmp_path / "inventory.json"
        file.write_text(json.dumps(more.pop("inventory", INVENTORY)))
        known = {
            "infra_config": file,
            "kubeconfig": str(cluster.kubeconfig),
            "argocd_server": cluster.argo_url,
            "argocd_token": next(iter(cluster.cluster.options.argo_tokens)),
            "auth": "on",
            "agent_wait_s": 10.0,
        }
        settings.AURA = django_settings.AURA.model_copy(update=known | more)

    configure()
    return configure


@pytest.fixture(autouse=True)
def connections_closed() -> Iterator[None]:
    yield
    close_connections_of_bridge()


@pytest.fixture
def worker(configured: Callable[..., None]) -> Iterator[None]:
    with working():
        yield


def get(path: str, role: Role = Role.OPERATOR) -> httpx.Response:
    name = f"user-{role.value}"
    sent = headers_of(User.objects.filter(username=name).first() or person(name, role))

    async def go() -> httpx.Response:
        base = f"http://localhost:{django_settings.AURA.ports.api}"
        headers = {"Authorization": sent["HTTP_AUTHORIZATION"]}
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(application), base_url=base, headers=headers
        ) as client:
            return await client.get(path)

    return asyncio.run(go())


def refusal(answer: httpx.Response, status: int, code: str) -> str:
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
    return str(answer.json()["error"]["message"])


LISTS: list[tuple[str, str, dict[str, Any]]] = [
    ("namespaces", "namespaces", {"name": "shop", "phase": "Active"}),
    ("pods?namespace=shop&labels=app=web", "pods", {"namespace": "shop", "status": "Running"}),
    ("services?namespace=shop", "services", {"name": "web", "type": "ClusterIP"}),
    ("deployments?namespace=shop", "deployments", {"name": "web", "upToDate": 2}),
    ("events?namespace=shop&type=Normal", "events", {"type": "Normal", "namespace": "shop"}),
]


def test_the_cluster_is_shown_as_lists_of_this_port_and_each_look_is_in_the_log(worker):
    for path, key, row in LISTS:
        answer = get(f"/api/cluster/{path}")
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert list(body)[:2] == [key, "total"]
        assert any(row.items() <= each.items() for each in body[key]), body
        assert not any("_" in name for name in body[key][0])
        task = HelpdeskTask.objects.get(trace_id=answer.headers["X-Trace-ID"])
        assert (task.agent, task.asked_by) == ("lookout", "user-operator")
        assert AuditEvent.objects.filter(type="tool_called", trace_id=task.trace_id).exists()
    assert get("/api/cluster/pods").json()["total"] >= 2


def test_applications_are_shown_and_what_is_wrong_is_said_in_the_envelope(worker, configured):
    listed = get("/api/argo/apps").json()
    assert (listed["apps"][0]["app"], listed["total"]) == ("shop", 1)
    shown = get("/api/argo/apps/shop").json()
    assert (shown["app"], shown["path"]) == ("shop", "apps")
    absent = get("/api/argo/apps/nope")
    assert absent.status_code in {404, 502}  # Argo CD may not tell it from one that is forbidden
    assert "no such application" in absent.text
    configured(argocd_server="")
    assert "AURA_ARGOCD_SERVER" in refusal(get("/api/argo/apps"), 502, "UPSTREAM_FAILED")
    configured(inventory={"k8s_clusters": {"other": {"name": "O", "context": "elsewhere"}}})
    where = "/api/cluster/pods?context=aura-sandbox"
    assert "not registered" in refusal(get(where), 403, "FORBIDDEN")


def test_what_is_refused_asks_nobody_and_without_a_worker_it_is_503(configured):
    refusal(get("/api/cluster/pods", Role.VIEWER), 403, "FORBIDDEN")
    refusal(get(f"/api/cluster/pods?namespace={'x' * 300}"), 400, "VALIDATION_ERROR")
    assert not HelpdeskTask.objects.exists()
    configured(agent_wait_s=0.2)
    assert "worker" in refusal(get("/api/cluster/namespaces"), 503, "UNAVAILABLE")
