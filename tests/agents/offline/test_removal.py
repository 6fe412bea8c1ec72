"""Removing an application: its files and every line that includes it, and nothing else."""

from __future__ import annotations

from typing import Any

from tests.agents.offline.consistency import assert_consistent
from tests.agents.offline.conversation import Conversation, converse
from tests.agents.offline.repositories import demo, flat, kustomized, overlays, plain, service


def removed(files: dict[str, str], title: str, **how: Any) -> Conversation:
    talk = converse(files, title, **how)
    assert talk.end == "resolve", talk.calls[-1]
    assert_consistent(talk.files)
    return talk


def test_the_folder_and_its_line_in_the_list_go() -> None:
    talk = removed(kustomized(), "Remove web")
    assert not any(path.startswith("apps/web/") for path in talk.files)
    assert talk.diff("apps/kustomization.yaml") == ["-- web"]
    assert "apps/api/api-deployment.yaml" not in talk.changed


def test_a_list_that_becomes_empty_stays_a_list() -> None:
    talk = removed(demo(), "Delete the hello application")
    assert talk.diff("apps/kustomization.yaml") == ["-resources:", "-  - hello", "+resources: []"]


def test_with_overlays_everything_goes_and_every_cluster_forgets_it() -> None:
    talk = removed(overlays(), "Remove web")
    assert [p for p in talk.files if "web" in p] == []
    assert "web" not in talk.files["clusters/dev/kustomization.yaml"]


def test_one_environment_goes_alone() -> None:
    talk = removed(overlays(), "Remove web from dev")
    assert sorted(talk.changed) == [
        "apps/web/overlays/dev/kustomization.yaml",
        "clusters/dev/kustomization.yaml",
    ]


def test_plain_and_flat_files_go() -> None:
    assert sorted(removed(plain(), "Uninstall web").changed) == [
        "k8s/web/deployment.yaml",
        "k8s/web/ingress.yaml",
        "k8s/web/service.yaml",
    ]
    assert list(removed(flat(), "Uninstall web").changed) == ["manifests/web.yaml"]


def test_where_environments_share_one_place_the_person_is_asked() -> None:
    talk = removed(plain(), "Remove web from staging", answers=["all"])
    assert "web would be removed from each" in talk.questions[0]
    assert converse(plain(), "Remove web from staging", answers=["give up"]).changed == {}


def test_a_file_with_several_workloads_is_left_to_a_person() -> None:
    files = flat()
    files["manifests/web.yaml"] += files["manifests/api.yaml"]
    talk = converse(files, "Remove web")
    assert talk.end == "give_up"
    assert "several workloads (api, web)" in talk.reason


def test_what_stops_working_is_said() -> None:
    risks = removed(plain(), "Remove web").plan["risks"]
    assert "Whatever calls the Service web stops working." in risks


def test_too_many_files_for_one_plan_are_left_to_a_person() -> None:
    files = plain() | {f"k8s/web/service-{n}.yaml": service(f"web-{n}") for n in range(20)}
    assert "too many for one plan" in converse(files, "Remove web").reason


def test_an_unknown_application_is_not_guessed() -> None:
    talk = converse(kustomized(), "Remove wep")
    assert talk.waits_for_answer
    assert "no application called wep" in talk.questions[0]
