"""What Argo CD does by itself is respected, over both ways to it: the sandbox's own controller."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils.timezone import now

from agents.argocd import forecast, previewing
from agents.argocd.desk import ArgoFailed, Desk
from agents.argocd.kube import Kube
from agents.argocd.previewing import Mode
from agents.argocd.rest import Rest
from agents.argocd.tools import SYNC, argo_tools
from agents.argocd.waiting import WAIT
from agents.argocd.watched import Watched
from agents.kubernetes import client
from agents.runtime.tool import CallContext, NeedsPerson, Suspended, ToolFailure, ToolResult
from tests.agents.sandbox.manifests import config_map, deployment
from tests.agents.sandbox.repositories import Repo
from tests.agents.sandbox.running import Running, sandbox

PATIENCE_S = 30.0
HOOK = {"argocd.argoproj.io/hook": "PreSync"}
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Running]:
    with sandbox() as running:
        yield running


class Site:
    """One application of one repository, and the tools that a ticket would have."""

    def __init__(self, cluster: Running, desk: Desk, repo: Repo) -> None:
        self.cluster, self.desk, self.repo = cluster, desk, repo
        self.name = f"app-{next(_numbers)}"
        self.sha = ""

    def create(self, *, path: str = "web", **policy: Any) -> None:
        self.desk.create(
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "Application",
                "metadata": {"name": self.name, "namespace": "argocd"},
                "spec": {
                    "project": "default",
                    "source": {"repoURL": self.repo.url, "path": path, "targetRevision": "main"},
                    "destination": {
                        "server": "https://kubernetes.default.svc",
                        "namespace": self.name,
                    },
                    "syncPolicy": {"syncOptions": ["CreateNamespace=true"], **policy},
                },
            }
        )

    def watched(self, **more: Any) -> Watched:
        usual: dict[str, Any] = {
            "desk": self.desk,
            "app": self.name,
            "repository": self.repo.url,
            "branch": "main",
            "expected": lambda: self.sha,
            "degraded_s": 0.5,
        }
        return Watched(**{**usual, **more})

    def call(self, tool: str, *, since: Any = None, **said: Any) -> ToolResult | Suspended:
        answer: ToolResult | Suspended = self.using(self.watched(), tool, since=since, **said)
        return answer

    def using(self, watched: Watched, tool: str, *, since: Any = None, **said: Any) -> Any:
        found = next(each for each in argo_tools(watched) if each.name == tool)
        context = CallContext(call_id=f"call-{next(_numbers)}", trace_id="t", waits_since=since)
        return found.run(found.parameters.model_validate(said), context)

    def waited(self) -> ToolResult:
        """What the wait answers in the end."""
        began = now()
        while isinstance(answer := self.call(WAIT, since=began), Suspended):
            assert now() - began < timedelta(seconds=PATIENCE_S), answer.detail
            time.sleep(0.1)
        return answer

    def deny(self) -> None:
        """A window that denies all syncs of this application."""
        window = {"kind": "deny", "schedule": "* * * * *", "duration": "2m"}
        self.windows([{**window, "applications": [self.name]}])

    def windows(self, windows: list[dict[str, Any]]) -> None:
        project = self.cluster.get("AppProject", "default", "argocd")
        self.cluster.put({**project, "spec": {**project["spec"], "syncWindows": windows}})


def rest(cluster: Running) -> Desk:
    return Rest(cluster.argo_url, "argocd-admin")


def kube(cluster: Running) -> Desk:
    return Kube(client.connect(str(cluster.kubeconfig)), namespace="argocd")


@pytest.fixture(params=[rest, kube], ids=["rest", "kubernetes"])
def site(request, cluster: Running, tmp_path: Path) -> Iterator[Site]:
    made = Site(cluster, request.param(cluster), Repo(tmp_path / "repo"))
    yield made
    made.windows([])


@pytest.fixture
def served(cluster: Running, tmp_path: Path) -> Iterator[Site]:
    """Over the REST API alone."""
    made = Site(cluster, rest(cluster), Repo(tmp_path / "repo"))
    yield made
    made.windows([])


# --- what it does by itself ---


def test_auto_sync_is_waited_for_and_its_absence_is_said(site):
    site.sha = site.repo.commit(web__one=config_map("one", "", a="1"))
    site.create()
    told = site.waited()
    assert "nobody syncs it by itself; call argo_app_sync" in told.content
    site.call(SYNC)
    assert site.waited().data["healthy"] is True


def test_what_git_has_no_longer_is_told_where_nothing_prunes_it(site):
    site.repo.commit(web__one=config_map("one", "", a="1"), web__two=config_map("two", ""))
    site.create(automated={})
    assert site.waited().data["healthy"] is True
    site.sha = site.repo.commit(web__two=None)
    told = site.waited()
    assert f"ConfigMap {site.name}/two; call argo_app_sync with prune" in told.content
    site.call(SYNC, prune=True)
    assert site.waited().data["healthy"] is True


def test_what_was_changed_by_hand_heals_itself_or_is_told(served):
    site = served
    site.sha = site.repo.commit(web__one=config_map("one", "", a="1"))
    site.create(automated={})
    assert site.waited().data["healthy"] is True
    by_hand = site.cluster.get("ConfigMap", "one", site.name)
    site.cluster.put({**by_hand, "data": {"a": "2"}})
    site.cluster.until(lambda: site.desk.get(site.name).sync == "OutOfSync")
    assert "and then changed in the cluster: ConfigMap" in site.waited().content
    app = deepcopy(site.cluster.get("Application", site.name, "argocd"))
    app["spec"]["syncPolicy"]["automated"] = {"selfHeal": True}
    site.cluster.put(app)
    assert site.waited().data["healthy"] is True


def test_a_hook_that_fails_is_a_sync_that_failed(served):
    site = served
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": "migrate",
            "annotations": {**HOOK, "sandbox.aura.dev/exit-code": "1"},
        },
        "spec": {
            "backoffLimit": 0,
            "template": {
                "metadata": {"annotations": {"sandbox.aura.dev/exit-code": "1"}},
                "spec": {
                    "restartPolicy": "Never",
                    "containers": [{"name": "main", "image": "registry.example.com/migrate:1"}],
                },
            },
        },
    }
    site.sha = site.repo.commit(web__one=config_map("one", ""), web__migrate=job)
    site.create(automated={"prune": True})
    told = site.waited()
    assert f"the sync of {site.name} failed" in told.content


# --- sync windows ---


def test_a_window_that_denies_is_told_and_waited_out(site):
    site.deny()
    site.sha = site.repo.commit(web__one=config_map("one", ""))
    site.create(automated={"prune": True})
    waits = site.call(WAIT)
    assert isinstance(waits, Suspended)
    assert "deny window `* * * * *` for 2 min of its project denies syncs" in waits.detail["why"]
    late = site.watched(window_s=0.0)
    with pytest.raises(NeedsPerson, match="AURA_ARGOCD_WINDOW_S"):
        site.using(late, WAIT, since=now() - timedelta(seconds=1))
    # The usual patience does not count while nobody may sync.
    assert isinstance(site.using(site.watched(timeout_s=0.0), WAIT), Suspended)
    site.windows([])
    assert site.waited().data["healthy"] is True


def test_a_sync_by_hand_is_refused_with_the_window_before_anybody_is_asked(served):
    served.repo.commit(web__one=config_map("one", ""))
    served.create()
    served.deny()
    tool = next(each for each in argo_tools(served.watched()) if each.name == SYNC)
    assert tool.inspect is not None
    with pytest.raises(ToolFailure, match=r"cannot be synced: the deny window .*argo_app_wait"):
        tool.inspect(tool.parameters(), CallContext(call_id="c", trace_id="t"))


# --- what would change ---


def test_a_dry_run_says_ok_and_what_would_change(site):
    site.repo.commit(web__one=config_map("one", "", a="1"), web__two=config_map("two", ""))
    site.create(automated={"prune": True})
    assert site.waited().data["healthy"] is True
    site.repo.branch("change")
    sha = site.repo.commit(web__one=config_map("one", "", a="2"), web__two=None)
    seen = forecast.of_commit(site.watched(), sha, call_id="dry-1")
    assert seen.text.startswith(f"Dry run of {site.name}: ok")
    assert seen.refusals == ()
    if isinstance(site.desk, Rest):
        assert "~ ConfigMap one" in seen.text
        assert "    -  a: '1'\n    +  a: '2'" in seen.text
        assert "- ConfigMap two: deleted" in seen.text
    else:
        assert "rendered by Argo CD's server, which AURA_ARGOCD_SERVER does not" in seen.text
    assert site.cluster.get("ConfigMap", "one", site.name)["data"] == {"a": "1"}
    app = site.desk.get(site.name, refresh=True)
    assert (app.phase, app.sync) == ("", "Synced")  # a dry run is no sync


def test_a_dry_run_that_fails_has_the_clusters_words(site):
    site.repo.commit(web__one=config_map("one", ""))
    site.create(automated={})
    assert site.waited().data["healthy"] is True
    site.repo.branch("change")
    broken = deployment("web", "")
    broken["spec"]["replicas"] = -1
    sha = site.repo.commit(web__broken=broken)
    seen = forecast.of_commit(site.watched(), sha, call_id="dry-2")
    assert seen.text.startswith(f"Dry run of {site.name}: would fail")
    (refusal,) = seen.refusals
    assert "spec.replicas" in refusal.why


def test_values_of_secrets_are_not_shown(served):
    served.repo.commit(web__one=config_map("one", ""))
    served.create(automated={})
    assert served.waited().data["healthy"] is True
    served.repo.branch("change")
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "db"},
        "stringData": {"password": "correct horse"},
    }
    sha = served.repo.commit(web__secret=secret)
    seen = forecast.of_commit(served.watched(), sha, call_id="dry-3")
    assert "+ Secret db" in seen.text
    assert "correct horse" not in seen.text


def test_an_argo_cd_that_is_away_is_said_and_holds_nothing_up(served):
    away = served.watched(desk=Rest("http://127.0.0.1:1", "x"))
    seen = forecast.of_commit(away, "a" * 40, call_id="c")
    assert seen.text.startswith("Argo CD could not be looked at.")
    assert seen.trouble.startswith("Argo CD cannot be reached at http")
    assert seen.refusals == ()
    assert forecast.situation(away) == seen


def test_a_token_that_may_only_read_tries_no_sync_and_says_so(served):
    served.repo.commit(web__one=config_map("one", "", a="1"))
    served.create(automated={})
    assert served.waited().data["healthy"] is True
    served.repo.branch("change")
    sha = served.repo.commit(web__one=config_map("one", "", a="2"))
    reader = served.watched(desk=Rest(served.cluster.argo_url, "argocd-readonly"))
    seen = forecast.of_commit(reader, sha, call_id="c")
    assert f"Dry run of {served.name}: not tried: Argo CD does not let this token" in seen.text
    assert "~ ConfigMap one" in seen.text


def test_where_a_plan_goes_is_told(served):
    served.repo.commit(web__one=config_map("one", ""))
    served.create(automated={"prune": True})
    served.deny()
    told = forecast.situation(served.watched(others=lambda _: ["ticket 1a2b3c4d"])).text
    assert "it syncs by itself, prunes, does not heal itself" in told
    assert "Not synced for now: the deny window" in told
    assert "Also at work on it: ticket 1a2b3c4d" in told


# --- the ticket's own applications ---


def test_an_application_is_the_tickets_if_it_deploys_what_the_ticket_changed(served):
    repo = served.repo
    repo.commit(a__one=config_map("one", ""), b__two=config_map("two", ""), base__x="x: 1\n")
    names = {}
    for path in ("a", "b"):
        served.name = names[path] = f"app-{next(_numbers)}"
        served.create(path=path)

    def own(*paths: str, **more: Any) -> list[str]:
        return [app.name for app in served.watched(app="", paths=lambda: paths, **more).own()]

    assert own("a/one.yaml") == [names["a"]]
    assert own("a/one.yaml", "b/two.yaml") == [names["a"], names["b"]]
    assert own("README.md") == [names["a"], names["b"]]  # deployed by none: any may tell
    both = served.watched(app="", paths=lambda: ("a/one.yaml", "b/two.yaml"), timeout_s=0.0)
    told = served.using(replace(both, expected=str), WAIT, app=names["a"])
    assert (told.data["ours"], told.data["also"]) == (True, [names["b"]])
    assert f"also goes into {names['b']}: wait for it too" in told.content
    assert own("base/x.yaml", made_from=lambda p: ["base"] if p == "b" else []) == [names["b"]]
    assert own("a/one.yaml", branch="release") == []
    with pytest.raises(ToolFailure, match="goes into"):
        served.watched(app="", paths=lambda: ("a/x", "b/x")).name(
            argo_tools(served.watched())[1].parameters()
        )


# --- previews ---


def test_a_preview_of_its_own_leaves_the_application_alone(served):
    site = served
    site.repo.commit(web__one=config_map("one", "", a="1"))
    site.create(automated={})
    site.repo.branch("aura/ticket-1")
    sha = site.repo.commit(web__one=config_map("one", "", a="2"))
    preview = previewing.planned(
        site.watched(),
        Mode.APPLICATION,
        app=site.name,
        ticket_id="12345678-9",
        branch="aura/ticket-1",
    )
    for _ in range(2):  # as after a crash
        previewing.begin(site.desk, preview, of=site.name, sha=sha, ticket_id="12345678-9")
    site.cluster.until(
        lambda: site.cluster.get("ConfigMap", "one", preview.namespace)["data"] == {"a": "2"}
    )
    assert site.desk.get(site.name).target_revision == "main"
    assert site.watched(app="", paths=lambda: ("web/one.yaml",)).own()[0].name == site.name
    site.cluster.until(lambda: previewing.end(site.desk, preview))
    assert site.cluster.list("ConfigMap", preview.namespace) == []
    assert previewing.end(site.desk, preview) == f"{preview.app} is deleted"


@pytest.mark.parametrize(
    ("obj", "words"),
    [
        (config_map("one", "shop"), "name the namespace shop"),
        ({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}, "the Namespace"),
    ],
)
def test_a_preview_that_would_share_objects_is_refused(served, obj, words):
    sha = served.repo.commit(web__one=obj)
    served.create()
    preview = previewing.Preview(
        mode=Mode.APPLICATION, app="aura-preview-x", branch="main", namespace="aura-preview-x"
    )
    with pytest.raises(ArgoFailed, match=words):
        previewing.begin(served.desk, preview, of=served.name, sha=sha, ticket_id="t")
    assert not previewing.is_there(served.desk, preview)


def test_an_application_that_git_makes_is_not_retargeted(served):
    served.repo.commit(web__one=config_map("one", ""))
    served.create()
    app = deepcopy(served.cluster.get("Application", served.name, "argocd"))
    app["metadata"]["labels"] = {"app.kubernetes.io/instance": "root"}
    served.cluster.put(app)
    with pytest.raises(ArgoFailed, match=r"made by Application root.*=application"):
        previewing.planned(
            served.watched(), Mode.TARGET_REVISION, app=served.name, ticket_id="t", branch="b"
        )


def test_a_target_that_somebody_else_has_set_is_left_alone(site):
    site.repo.commit(web__one=config_map("one", ""))
    site.create()
    preview = previewing.Preview(
        mode=Mode.TARGET_REVISION, app=site.name, branch="aura/ticket-1", revision="main"
    )
    for _ in range(2):
        previewing.begin(site.desk, preview, of=site.name, sha="", ticket_id="t")
    assert previewing.is_there(site.desk, preview)
    assert previewing.end(site.desk, preview) == f"{site.name} follows main again"
    assert previewing.end(site.desk, preview) == f"{site.name} follows main"
    with pytest.raises(ArgoFailed):
        site.desk.retarget(site.name, old="release", new="main")
    assert site.desk.get(site.name).target_revision == "main"
