"""Whether a revision has arrived and is healthy, from objects as Argo CD writes them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from agents.argocd.state import Application
from agents.argocd.verdict import Standing, judge, named

SHA, OLD = "a" * 40, "b" * 40
OBJECT: dict[str, Any] = {
    "metadata": {"name": "web", "namespace": "argocd"},
    "spec": {
        "project": "default",
        "source": {"repoURL": "https://git.example/x.git", "path": "web", "targetRevision": "main"},
        "destination": {"namespace": "shop"},
        "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
    },
    "status": {
        "sync": {"status": "Synced", "revision": SHA},
        "health": {"status": "Healthy"},
        "reconciledAt": "2026-11-22T10:00:10Z",
        "operationState": {
            "phase": "Succeeded",
            "finishedAt": "2026-11-22T10:00:09Z",
            "syncResult": {"revision": SHA},
        },
        "resources": [
            {"kind": "Deployment", "name": "web", "namespace": "shop", "status": "Synced"}
        ],
        "history": [{"id": 0, "revision": OLD, "deployedAt": "2026-11-22T09:00:00Z"}],
    },
}


def app(**status: Any) -> Application:
    """The application with other statuses; a key with two parts goes one deeper."""
    obj = deepcopy(OBJECT)
    for key, value in status.items():
        outer, _, inner = key.partition("__")
        if inner:
            obj["status"].setdefault(outer, {})[inner] = value
        else:
            obj["status"][outer] = value
    return Application.of(obj)


def standing(found: Application) -> Standing:
    return judge(found, lambda revision: revision == SHA).standing


def test_what_is_there_and_well_is_done():
    verdict = judge(app(), lambda revision: revision == SHA)
    assert (verdict.standing, verdict.arrived) == (Standing.DONE, True)
    assert "aaaaaaa" in verdict.why


@pytest.mark.parametrize(
    "status",
    [
        {"sync__revision": OLD},
        {"sync__status": "OutOfSync"},
        {"health__status": "Progressing"},
        # Health that was seen before the sync had ended says nothing of what it brought.
        {"reconciledAt": "2026-11-22T10:00:08Z"},
        {"operationState__finishedAt": None},
    ],
)
def test_what_is_on_its_way_is_waited_for(status):
    assert standing(app(**status)) is Standing.WAITING


def test_a_running_operation_is_waited_for_whatever_the_status_says():
    obj = {**deepcopy(OBJECT), "operation": {"sync": {}}}
    assert standing(Application.of(obj)) is Standing.WAITING


def test_what_is_ill_is_named():
    parts = [
        {"kind": "Service", "name": "web", "health": {"status": "Healthy"}},
        {
            "kind": "Deployment",
            "name": "web",
            "namespace": "shop",
            "health": {"status": "Degraded", "message": "exceeded its progress deadline"},
        },
    ]
    verdict = judge(app(health__status="Degraded", resources=parts), lambda _: True)
    assert verdict.standing is Standing.DEGRADED
    assert "Deployment shop/web is Degraded: exceeded its progress deadline" in verdict.why
    assert "Service" not in verdict.why


def test_of_much_that_is_ill_three_are_named_and_the_others_counted():
    parts = [
        {"kind": "Deployment", "name": f"web-{n}", "health": {"status": "Degraded"}}
        for n in range(5)
    ]
    why = judge(app(health__status="Degraded", resources=parts), lambda _: True).why
    assert why.count("Deployment web-") == 3
    assert why.endswith("; and 2 more")


def test_three_that_are_ill_are_all_named():
    assert named(["a", "b", "c"]) == "a; b; c"


def test_what_a_pod_says_at_length_does_not_hide_the_others():
    assert named(["x" * 900, "b", "c", "d"]).endswith("x…; b; c; and 1 more")


def test_a_failed_sync_of_our_revision_has_failed():
    failed = app(operationState__phase="Failed", operationState__message="admission denied it")
    assert standing(failed) is Standing.FAILED
    of_another = app(
        operationState__phase="Failed",
        operationState__syncResult={"revision": OLD},
        sync__revision=OLD,
    )
    assert standing(of_another) is Standing.WAITING


def test_manifests_that_cannot_be_rendered_have_failed():
    broken = app(conditions=[{"type": "ComparisonError", "message": "kustomize build failed"}])
    verdict = judge(broken, lambda _: False)
    assert verdict.standing is Standing.FAILED
    assert "kustomize build failed" in verdict.why


def test_what_nobody_syncs_by_itself_is_said():
    obj = deepcopy(OBJECT)
    obj["spec"]["syncPolicy"] = {}
    obj["status"]["sync"] = {"status": "OutOfSync", "revision": OLD}
    verdict = judge(Application.of(obj), lambda revision: revision == SHA)
    assert verdict.standing is Standing.BY_HAND
    assert "argo_app_sync" in verdict.why


@pytest.mark.parametrize("obj", [{}, {"status": []}, {"spec": {"source": "x"}, "status": None}])
def test_an_object_with_little_in_it_is_waited_for_or_synced_by_hand(obj):
    assert standing(Application.of(obj)) in {Standing.WAITING, Standing.BY_HAND}
