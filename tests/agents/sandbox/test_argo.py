"""Argo CD: the controller that follows Git, and the two ways to talk to it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.agents.sandbox.manifests import config_map, deployment, service
from tests.agents.sandbox.repositories import Repo
from tests.agents.sandbox.running import Running

App = dict[str, Any]
DELETE = {"Content-Type": "application/json"}
_numbers = itertools.count(1)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


@pytest.fixture
def argo(cluster: Running) -> Iterator[httpx.Client]:
    headers = {"Authorization": "Bearer argocd-admin"}
    with httpx.Client(base_url=cluster.argo_url, headers=headers, timeout=20) as client:
        yield client


class Desk:
    """One application and what a client does with it."""

    def __init__(self, cluster: Running, argo: httpx.Client, repo: Repo) -> None:
        self.cluster, self.argo, self.repo = cluster, argo, repo
        self.name = f"app-{next(_numbers)}"
        self.path = f"/api/v1/applications/{self.name}"

    def create(self, **policy: Any) -> None:
        source = {"repoURL": self.repo.url, "path": "web", "targetRevision": "main"}
        options = {"syncOptions": ["CreateNamespace=true"], **policy}
        spec = {
            "project": "default",
            "source": source,
            "destination": {"server": "https://kubernetes.default.svc", "namespace": self.name},
            "syncPolicy": options,
        }
        body = {"metadata": {"name": self.name}, "spec": spec}
        assert self.argo.post("/api/v1/applications", json=body).status_code == 200

    def get(self, refresh: str = "") -> App:
        found: App = self.argo.get(self.path, params={"refresh": refresh} if refresh else {}).json()
        return found

    def sync(self, **body: Any) -> App:
        """Sync and wait as a careful client waits."""
        response = self.argo.post(f"{self.path}/sync", json=body)
        assert response.status_code == 200, response.text
        return self.over()

    def over(self) -> App:
        def done() -> App | None:
            app = self.get()
            state = app["status"].get("operationState") or {}
            ended = state.get("finishedAt", "")
            later = app["status"].get("reconciledAt", "") >= ended
            return app if ended and not app.get("operation") and later else None

        found = self.cluster.until(done)
        assert found is not None
        return found

    def until(self, condition: Callable[[App], Any]) -> App:
        return self.cluster.until(lambda: (app := self.get()) and condition(app) and app)

    def healthy(self) -> App:
        return self.until(
            lambda app: (
                (app["status"]["health"]["status"], app["status"]["sync"]["status"])
                == ("Healthy", "Synced")
            )
        )


@pytest.fixture
def desk(cluster: Running, argo: httpx.Client, repo: Repo) -> Iterator[Desk]:
    made = Desk(cluster, argo, repo)
    yield made
    argo.request("DELETE", made.path, params={"cascade": "false"}, headers=DELETE)


def web(image: str = "web:1.0", replicas: int = 1) -> dict[str, Any]:
    body = deployment("web", "x", replicas=replicas, image=image)
    del body["metadata"]["namespace"]
    return body


def phase(app: App) -> tuple[str, str]:
    state = app["status"]["operationState"]
    return state["phase"], state["message"]


def test_a_sync_brings_what_git_has_into_the_cluster(desk: Desk) -> None:
    commit = desk.repo.commit(web__web=web(), web__service=service("web", ""))
    desk.create()
    before = desk.get("normal")["status"]
    assert (before["sync"]["status"], before["health"]["status"]) == ("OutOfSync", "Missing")
    app = desk.sync()
    assert phase(app) == ("Succeeded", "successfully synced (all tasks run)")
    results = app["status"]["operationState"]["syncResult"]
    assert results["revision"] == commit
    assert [each["message"] for each in results["resources"]] == [
        "service/web created",
        "deployment.apps/web created",
    ]
    entry = desk.healthy()["status"]["history"][0]
    assert (entry["id"], entry["revision"]) == (0, commit)
    desk.cluster.ready("web", desk.name)


def test_a_broken_image_degrades_and_a_rollback_heals(desk: Desk) -> None:
    first = desk.repo.commit(web__web=web())
    desk.create()
    desk.sync()
    desk.healthy()
    desk.repo.commit(web__web=web("web:broken"))
    assert desk.get("normal")["status"]["sync"]["status"] == "OutOfSync"
    desk.sync()
    app = desk.until(lambda app: app["status"]["health"]["status"] == "Degraded")
    message = app["status"]["resources"][0]["health"]["message"]
    assert message == 'Deployment "web" exceeded its progress deadline'
    nodes = desk.argo.get(f"{desk.path}/resource-tree").json()["nodes"]
    broken = [n for n in nodes if n["kind"] == "Pod" and n["health"]["status"] == "Degraded"]
    assert "Back-off pulling image" in broken[0]["health"]["message"]
    assert broken[0]["parentRefs"][0]["kind"] == "ReplicaSet"
    assert desk.argo.post(f"{desk.path}/rollback", json={"id": 0}).status_code == 200
    app = desk.until(lambda app: app["status"]["health"]["status"] == "Healthy")
    app = desk.over()
    assert app["status"]["sync"]["status"] == "OutOfSync"  # Git still has the broken image
    assert [each["id"] for each in app["status"]["history"]] == [0, 1, 2]
    assert app["status"]["history"][-1]["revision"] == first


def test_what_git_no_longer_has_is_pruned_when_asked(desk: Desk) -> None:
    desk.repo.commit(web__one=config_map("one", ""), web__two=config_map("two", ""))
    desk.create()
    desk.sync()
    desk.repo.commit(web__two=None)
    app = desk.get("normal")
    two = next(each for each in app["status"]["resources"] if each["name"] == "two")
    assert (two["status"], two["requiresPruning"]) == ("OutOfSync", True)
    app = desk.sync()
    results = {r["name"]: r for r in app["status"]["operationState"]["syncResult"]["resources"]}
    assert results["two"]["status"] == "PruneSkipped"
    desk.sync(prune=True)
    desk.healthy()
    assert not [
        o for o in desk.cluster.list("ConfigMap", desk.name) if o["metadata"]["name"] == "two"
    ]


def test_auto_sync_follows_git_and_heals(desk: Desk) -> None:
    desk.repo.commit(web__one=config_map("one", "", a="1"))
    desk.create(automated={"prune": True, "selfHeal": True})
    desk.healthy()
    desk.repo.commit(web__one=config_map("one", "", a="2"))
    desk.cluster.until(
        lambda: desk.cluster.get("ConfigMap", "one", desk.name)["data"] == {"a": "2"}
    )
    assert len(desk.healthy()["status"]["history"]) == 2
    desk.cluster.fault("Application", desk.name, "out-of-sync", "argocd")  # somebody edits by hand
    desk.until(lambda app: len(app["status"]["history"]) == 3)
    assert desk.cluster.get("ConfigMap", "one", desk.name)["data"] == {"a": "2"}
    refused = desk.argo.post(f"{desk.path}/rollback", json={"id": 0})
    assert refused.status_code == 400
    assert refused.json()["message"] == "rollback cannot be initiated when auto-sync is enabled"


def test_a_manifest_that_cannot_be_read_is_a_comparison_error(desk: Desk) -> None:
    desk.repo.commit(web__web="kind: [unclosed")
    desk.create()
    status = desk.get("normal")["status"]
    assert status["sync"]["status"] == "Unknown"
    assert status["conditions"][0]["type"] == "ComparisonError"
    assert "failed to unmarshal manifest" in status["conditions"][0]["message"]
    state = phase(desk.sync())
    assert state[0] == "Error"


def test_an_object_the_api_refuses_fails_the_sync(desk: Desk) -> None:
    body = web()
    body["spec"]["replicas"] = -1
    desk.repo.commit(web__web=body, web__one=config_map("one", ""))
    desk.create()
    state = phase(desk.sync())
    assert state[0] == "Failed"
    assert "must be greater than or equal to 0" in state[1]
    assert not [
        o for o in desk.cluster.list("ConfigMap", desk.name) if o["metadata"]["name"] == "one"
    ]


def test_a_dry_run_changes_nothing(desk: Desk) -> None:
    desk.repo.commit(web__one=config_map("one", ""))
    desk.create()
    desk.cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": desk.name}})
    app = desk.sync(dryRun=True)
    assert phase(app)[0] == "Succeeded"
    assert not app["status"].get("history")
    assert app["status"]["sync"]["status"] == "OutOfSync"


def test_hooks_run_around_the_sync(desk: Desk) -> None:
    def job(name: str, when: str, **more: str) -> dict[str, Any]:
        pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "job:1"}]}
        metadata = {"name": name, "annotations": {"argocd.argoproj.io/hook": when}}
        template: dict[str, Any] = {"spec": pod, "metadata": {"annotations": more}}
        spec = {"template": template, "backoffLimit": 0}
        return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}

    desk.repo.commit(
        web__web=web(), web__before=job("before", "PreSync"), web__after=job("after", "PostSync")
    )
    desk.create()
    app = desk.sync()
    results = app["status"]["operationState"]["syncResult"]["resources"]
    assert [(r["syncPhase"], r["kind"]) for r in results] == [
        ("PreSync", "Job"),
        ("Sync", "Deployment"),
        ("PostSync", "Job"),
    ]
    assert results[0]["hookPhase"] == "Succeeded"
    failing = {"sandbox.aura.dev/exit-code": "1"}
    desk.repo.commit(web__before=job("before", "PreSync", **failing))
    assert phase(desk.sync()) == (
        "Failed",
        "one or more synchronization tasks completed unsuccessfully",
    )


def test_waves_wait_for_health(desk: Desk) -> None:
    second = config_map("late", "")
    second["metadata"]["annotations"] = {"argocd.argoproj.io/sync-wave": "1"}
    never = web("web:broken")
    # At the pace of the tests the usual deadline is half a second, and the wave would fail by it.
    never["spec"]["progressDeadlineSeconds"] = 86_400
    desk.repo.commit(web__web=never, web__late=second)
    desk.create()
    desk.argo.post(f"{desk.path}/sync", json={})
    desk.cluster.until(lambda: desk.cluster.list("Pod", desk.name))
    another = desk.argo.post(f"{desk.path}/sync", json={})
    assert another.json()["message"] == "another operation is already in progress"
    assert not [
        o for o in desk.cluster.list("ConfigMap", desk.name) if o["metadata"]["name"] == "late"
    ]
    ended = desk.argo.request("DELETE", f"{desk.path}/operation", headers=DELETE)
    assert ended.status_code == 200
    assert phase(desk.over()) == ("Failed", "Operation terminated")


def test_a_deny_window_blocks_a_sync(desk: Desk) -> None:
    desk.repo.commit(web__one=config_map("one", ""))
    window = {
        "kind": "deny",
        "schedule": "* * * * *",
        "duration": "2m",
        "applications": [desk.name],
    }
    project = desk.cluster.get("AppProject", "default", "argocd")
    desk.create()
    desk.cluster.put({**project, "spec": {**project["spec"], "syncWindows": [window]}})
    try:
        refused = desk.argo.post(f"{desk.path}/sync", json={})
        assert refused.status_code == 403
        assert refused.json()["message"] == "permission denied: cannot sync: blocked by sync window"
        assert desk.argo.get(f"{desk.path}/syncwindows").json()["canSync"] is not True
        app = desk.cluster.get("Application", desk.name, "argocd")
        desk.cluster.put({**app, "operation": {"sync": {}}})
        blocked = desk.until(lambda a: a["status"].get("operationState", {}).get("message"))
        assert blocked["status"]["operationState"]["phase"] == "Running"
        assert blocked["status"]["operationState"]["message"].endswith("blocked by sync window")
    finally:
        desk.cluster.put({**project, "spec": {**project["spec"], "syncWindows": []}})
    assert phase(desk.over())[0] == "Succeeded"


def test_an_operation_through_the_kubernetes_api(desk: Desk, http: httpx.Client) -> None:
    desk.repo.commit(web__one=config_map("one", ""))
    desk.create()
    path = f"/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/{desk.name}"
    desk.get("normal")
    app = http.get(path).json()
    app["operation"] = {"initiatedBy": {"username": "aura"}, "sync": {"revision": "main"}}
    assert http.put(path, json=app).status_code == 200
    assert http.put(path, json=app).status_code == 409  # the version is stale now
    assert phase(desk.over())[0] == "Succeeded"
    state = http.get(path).json()["status"]["operationState"]
    assert state["operation"]["initiatedBy"] == {"username": "aura"}


def test_the_target_revision_moves_to_a_branch_and_back(desk: Desk) -> None:
    desk.repo.commit(web__one=config_map("one", "", a="main"))
    desk.create()
    desk.repo.branch("ticket")
    commit = desk.repo.commit(web__one=config_map("one", "", a="ticket"))
    desk.repo.switch("main")
    patch = {"spec": {"source": {"targetRevision": "ticket"}}}
    body = {"patch": json.dumps(patch), "patchType": "merge"}
    assert desk.argo.patch(desk.path, json=body).status_code == 200
    assert desk.get("normal")["status"]["sync"]["revision"] == commit
    desk.sync()
    assert desk.cluster.get("ConfigMap", "one", desk.name)["data"] == {"a": "ticket"}
    patch["spec"]["source"]["targetRevision"] = "main"
    desk.argo.patch(desk.path, json={"patch": json.dumps(patch), "patchType": "merge"})
    assert desk.get("hard")["status"]["sync"]["status"] == "OutOfSync"


def test_a_revision_that_does_not_exist(desk: Desk) -> None:
    desk.repo.commit(web__one=config_map("one", ""))
    desk.create()
    state = phase(desk.sync(revision="nowhere"))
    assert state[0] == "Error"
    assert "Unable to resolve 'nowhere' to a commit SHA" in state[1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"project": "nobody"}, "references project nobody which does not exist"),
        ({"project": "narrow"}, "is not permitted in project 'narrow'"),
        ({"project": "elsewhere"}, "do not match any of the allowed destinations"),
    ],
)
def test_what_a_project_does_not_permit(desk: Desk, change: dict[str, str], said: str) -> None:
    anywhere = [{"server": "*", "namespace": "*"}]
    there = [{"server": "*", "namespace": "there"}]
    for name, repos, destinations in (
        ("narrow", ["https://example.com/*"], anywhere),
        ("elsewhere", ["*"], there),
    ):
        desk.cluster.put(
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "AppProject",
                "metadata": {"name": name, "namespace": "argocd"},
                "spec": {"sourceRepos": repos, "destinations": destinations},
            }
        )
    desk.repo.commit(web__one=config_map("one", ""))
    desk.create()
    app = desk.get("normal")
    app["spec"].update(change)
    assert desk.argo.put(desk.path, json=app).status_code == 200
    status = desk.get("normal")["status"]
    assert status["conditions"][0]["type"] == "InvalidSpecError"
    assert said in status["conditions"][0]["message"]
    state = phase(desk.sync())
    assert state[0] == "Error"
    assert said in state[1]


def test_the_faults_of_an_application(desk: Desk) -> None:
    desk.repo.commit(web__web=web())
    desk.create()
    desk.cluster.fault("Application", desk.name, "sync-failed", "argocd")
    state = phase(desk.sync())
    assert state[0] == "Failed"
    assert "admission webhook" in state[1]
    desk.cluster.fault("Application", desk.name, "degraded", "argocd")
    desk.until(lambda app: app["status"]["health"]["status"] == "Degraded")


def test_manifests_and_differences(desk: Desk) -> None:
    desk.repo.commit(web__one=config_map("one", "", a="1"))
    desk.create()
    desk.sync()
    desk.repo.commit(web__one=config_map("one", "", a="2"))
    desk.get("normal")
    manifests = desk.argo.get(f"{desk.path}/manifests").json()
    assert json.loads(manifests["manifests"][0])["data"] == {"a": "2"}
    item = desk.argo.get(f"{desk.path}/managed-resources").json()["items"][0]
    assert item["modified"] is True
    assert json.loads(item["liveState"])["data"] == {"a": "1"}
    assert json.loads(item["predictedLiveState"])["data"] == {"a": "2"}
    about = desk.argo.get(f"{desk.path}/revisions/main/metadata").json()
    assert about["author"] == "Test <test@example.com>"


def test_the_stream_tells_of_changes(desk: Desk) -> None:
    desk.repo.commit(web__one=config_map("one", ""))
    desk.create()
    with desk.argo.stream("GET", "/api/v1/stream/applications", params={"name": desk.name}) as got:
        lines = got.iter_lines()
        assert json.loads(next(lines))["result"]["type"] == "ADDED"
        desk.argo.post(f"{desk.path}/sync", json={})
        seen = (json.loads(line)["result"]["application"] for line in lines)
        over = next(a for a in seen if a["status"].get("operationState", {}).get("finishedAt"))
        assert over["metadata"]["name"] == desk.name


def test_who_may_what(cluster: Running, desk: Desk) -> None:
    desk.repo.commit(web__one=config_map("one", ""))
    desk.create()
    with httpx.Client(base_url=cluster.argo_url) as anybody:
        missing = anybody.get("/api/v1/applications")
        assert (missing.status_code, missing.json()["code"]) == (401, 16)
        headers = {"Authorization": "Bearer argocd-readonly"}
        assert anybody.get(desk.path, headers=headers).status_code == 200
        refused = anybody.post(f"{desk.path}/sync", json={}, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (403, 7)
        wrong = anybody.post("/api/v1/session", json={"username": "admin", "password": "no"})
        assert wrong.status_code == 401
        login = {"username": "admin", "password": "sandbox"}
        token = anybody.post("/api/v1/session", json=login).json()["token"]
        headers = {"Authorization": f"Bearer {token}"}
        assert anybody.get(desk.path, headers=headers).status_code == 200
        untyped = anybody.post(f"{desk.path}/sync", content=b"{}", headers=headers)
        assert untyped.status_code == 415
    unknown = desk.argo.get("/api/v1/applications/nobody")
    assert (unknown.status_code, unknown.json()["message"]) == (403, "permission denied")
    named = desk.argo.get("/api/v1/applications/nobody", params={"project": "default"})
    assert (named.status_code, named.json()["code"]) == (404, 5)


def test_a_cascading_delete_takes_everything_along(desk: Desk) -> None:
    desk.repo.commit(web__web=web())
    desk.create()
    desk.sync()
    desk.argo.request("DELETE", desk.path, headers=DELETE)
    desk.cluster.until(lambda: not desk.cluster.list("Deployment", desk.name))
    desk.cluster.until(lambda: desk.argo.get(desk.path).status_code == 403)
