"""A rejected plan: the feedback amends the ticket, later statements win."""

from __future__ import annotations

from tests.agents.offline.consistency import assert_consistent
from tests.agents.offline.conversation import converse
from tests.agents.offline.repositories import container, demo, find, kustomized

TITLE = "Deploy nginx 1.27 with 2 replicas on port 80"


def test_feedback_is_an_amendment_and_the_changed_plan_is_submitted() -> None:
    verdicts = ["use 3 replicas", "put it into namespace web, and version 1.28", None]
    talk = converse(demo(), TITLE, verdicts=verdicts)
    first, second, third = (plan["summary"] for plan in talk.of("submit_plan"))
    assert "2 replicas, port 80, namespace demo" in first
    assert "3 replicas, port 80, namespace demo" in second
    assert "image nginx:1.28, 3 replicas, port 80, namespace web" in third
    deployment = find(talk.changed, "Deployment", "nginx")
    assert deployment["metadata"]["namespace"] == "web"
    assert container(talk.changed, "nginx")["image"] == "nginx:1.28"
    assert_consistent(talk.files)


def test_later_feedback_wins() -> None:
    talk = converse(demo(), TITLE, verdicts=["use 3 replicas", "no, use 4 replicas", None])
    assert find(talk.changed, "Deployment", "nginx")["spec"]["replicas"] == 4


def test_a_rejected_plan_is_not_carried_out() -> None:
    talk = converse(demo(), TITLE, verdicts=["use 3 replicas", "no way"])
    assert talk.changed == {}


def test_feedback_that_changes_nothing_is_asked_about() -> None:
    talk = converse(demo(), TITLE, verdicts=["I do not like it", None], answers=["use 5 replicas"])
    assert talk.questions[0].startswith("The plan was rejected, and I need other words.")
    assert "I do not like it" in talk.questions[0]
    assert find(talk.changed, "Deployment", "nginx")["spec"]["replicas"] == 5


def test_a_rejection_without_a_reason_is_asked_about() -> None:
    talk = converse(demo(), TITLE, verdicts=["ops gave no reason"], answers=["whatever", "hm"])
    assert len(talk.questions) == 2
    assert talk.end == "give_up"


def test_feedback_can_end_the_work() -> None:
    talk = converse(demo(), TITLE, verdicts=["Cancel, we do not need it any more"])
    assert talk.reason == "A person asked to give up."


def test_feedback_can_rename_the_application() -> None:
    talk = converse(demo(), TITLE, verdicts=["call it landing", None])
    assert container(talk.changed, "landing")["image"] == "nginx:1.27"
    assert_consistent(talk.files)


def test_feedback_with_a_wrong_value_is_asked_about() -> None:
    talk = converse(demo(), TITLE, verdicts=["use port 70000", None], answers=["8080"])
    assert "70000 is no port" in talk.questions[0]
    assert find(talk.changed, "Service", "nginx")["spec"]["ports"][0]["port"] == 8080


def test_feedback_can_leave_something_out() -> None:
    title = f"{TITLE} at www.example.com"
    talk = converse(demo(), title, verdicts=["without an ingress please", None])
    assert not any("ingress" in path for path in talk.changed)


def test_endless_rejections_end_in_giving_up() -> None:
    verdicts = [f"use {n} replicas" for n in range(3, 30)]
    talk = converse(kustomized(), "Scale web to 20", verdicts=verdicts)
    assert talk.end == "give_up"
    assert len(talk.of("submit_plan")) == 6


def test_where_plans_need_no_approval_the_work_goes_on() -> None:
    talk = converse(demo(), TITLE)
    assert talk.of("submit_plan")
    assert talk.end == "resolve"
