"""The demo ticket on the demo repository, from the first reply to the end."""

from __future__ import annotations

from tests.agents.offline.consistency import assert_consistent
from tests.agents.offline.conversation import converse
from tests.agents.offline.repositories import container, demo, find

TITLE = "Deploy nginx"
DESCRIPTION = "Deploy nginx 1.27 with 2 replicas on port 80 in namespace web for the landing page."


def test_the_seed_tree_is_consistent() -> None:
    assert_consistent(demo())


def test_the_demo_ticket_is_planned_approved_carried_out_and_resolved() -> None:
    talk = converse(demo(), TITLE, DESCRIPTION)

    assert [name for name, _, _ in talk.calls if name != "git_read_file"] == [
        "git_list_files",
        "submit_plan",
        *["git_write_file"] * 4,
        "git_stage",
        "git_commit",
        "git_push",
        "resolve",
    ]
    assert talk.plan["summary"].startswith(
        "Deploy nginx: image nginx:1.27, 2 replicas, port 80, namespace web."
    )
    assert "defaults, nothing was told" in talk.plan["summary"]
    assert talk.plan["risks"] == ["The namespace web must exist, or Argo CD must make it."]
    assert_consistent(talk.files)


def test_what_is_written_follows_the_ticket_and_the_neighbour() -> None:
    files = converse(demo(), TITLE, DESCRIPTION).changed

    assert sorted(files) == [
        "apps/kustomization.yaml",
        "apps/nginx/deployment.yaml",
        "apps/nginx/kustomization.yaml",
        "apps/nginx/service.yaml",
    ]
    deployment = find(files, "Deployment", "nginx")
    assert deployment["metadata"]["namespace"] == "web"
    assert deployment["metadata"]["labels"] == {"app.kubernetes.io/name": "nginx"}
    assert deployment["spec"]["replicas"] == 2
    nginx = container(files, "nginx")
    assert nginx["image"] == "nginx:1.27"
    assert nginx["ports"] == [{"name": "http", "containerPort": 80}]
    assert nginx["readinessProbe"] == {"tcpSocket": {"port": "http"}}
    assert set(nginx["resources"]) == {"requests", "limits"}
    service = find(files, "Service", "nginx")
    assert service["spec"]["ports"] == [{"name": "http", "port": 80, "targetPort": "http"}]


def test_the_list_of_applications_gets_one_line_and_keeps_its_comment() -> None:
    talk = converse(demo(), TITLE, DESCRIPTION)
    assert talk.diff("apps/kustomization.yaml") == ["+  - nginx"]


def test_every_file_step_names_its_path_and_no_path_twice() -> None:
    plan = converse(demo(), TITLE, DESCRIPTION).plan
    paths = [s.get("path") for s in plan["steps"] if s["tool"] == "git_write_file"]
    assert all(paths)
    assert len(set(paths)) == len(paths) == 4
    assert {s["tool"] for s in plan["steps"]} == set(plan["estimatedTools"])


def test_the_end_claims_what_the_tools_reported_and_no_more() -> None:
    summary = converse(demo(), TITLE, DESCRIPTION).summary
    assert "Committed as abc1234 and pushed to aura/ticket-1." in summary
    assert "I did not look at whether the cluster has taken it over." in summary


def test_call_ids_are_unique_and_replies_say_why() -> None:
    replies = converse(demo(), TITLE, DESCRIPTION).replies
    ids = [call.id for reply in replies for call in reply.tool_calls]
    assert len(set(ids)) == len(ids)
    assert all(reply.text and reply.model == "offline" for reply in replies)
    assert all(reply.usage.prompt_tokens == 0 and reply.usage.cost == 0 for reply in replies)


def test_the_same_ticket_again_changes_nothing_and_says_so() -> None:
    files = converse(demo(), TITLE, DESCRIPTION).files
    again = converse(files, TITLE, DESCRIPTION)
    assert again.of("submit_plan") == []
    assert again.summary == (
        "Nothing to change: nginx is in the state that the ticket asks for already."
    )
