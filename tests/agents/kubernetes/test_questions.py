"""Without a model: which looks answer a question, and that what cannot be told is not guessed."""

from __future__ import annotations

import pytest

from agents.kubernetes.agent import AGENT
from agents.kubernetes.questions import calls_for
from agents.runtime.tool import Toolset
from governance.types import ActionClass

ONE = {
    "db_servers": {"prod-db": {"k8s_cluster": "prod", "k8s_namespace": "databases"}},
    "k8s_clusters": {"prod": {"context": "prod-eu"}},
}
TWO = {"k8s_clusters": {"prod": {"context": "prod-eu"}, "dev": {"context": "dev-eu"}}}

WARNINGS = {"event_type": "Warning"}


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Show the pods in namespace shop", [("get_pods", {"namespace": "shop"})]),
        ("which pods run in the shop namespace?", [("get_pods", {"namespace": "shop"})]),
        (
            "Which pods are not ready?",
            [("get_pods", {"namespace": "all"}), ("get_events", {"namespace": "all", **WARNINGS})],
        ),
        (
            "Why is pod web-7d4b9 in namespace shop not ready?",
            [("triage_namespace", {"namespace": "shop", "workload": "web-7d4b9"})],
        ),
        (
            "why is checkout failing in shop?",
            [("triage_namespace", {"namespace": "shop", "workload": "checkout"})],
        ),
        ("Why is checkout failing?", [("triage_namespace", {"workload": "checkout"})]),
        ("What is wrong in namespace shop?", [("triage_namespace", {"namespace": "shop"})]),
        ("Why is the shop namespace broken?", [("triage_namespace", {"namespace": "shop"})]),
        ("Why are pods pending in shop?", [("triage_namespace", {"namespace": "shop"})]),
        (
            "Why does the checkout service keep restarting in shop?",
            [("triage_namespace", {"namespace": "shop", "workload": "checkout"})],
        ),
        (
            "Why can't users reach the frontend in shop?",
            [("triage_namespace", {"namespace": "shop", "workload": "frontend"})],
        ),
        (
            "Which pods are failing in shop?",
            [
                ("get_pods", {"namespace": "shop"}),
                ("get_events", {"namespace": "shop", **WARNINGS}),
            ],
        ),
        (
            "Show the logs of pod web-7d4b9 in namespace shop.",
            [("get_pod_logs", {"namespace": "shop", "pod_name": "web-7d4b9"})],
        ),
        ("Are all nodes ready?", [("get_nodes", {}), ("get_node_status", {})]),
        ("Which pods does prod-db run in?", [("get_pods", {"namespace": "prod-db"})]),
        (
            "warnings in namespace shop",
            [("get_events", {"namespace": "shop", **WARNINGS})],
        ),
        (
            "What was deployed before on deployment web in namespace shop?",
            [("get_rollout_history", {"namespace": "shop", "deployment": "web"})],
        ),
        ("Has a service in namespace shop endpoints?", [("get_endpoints", {"namespace": "shop"})]),
        ("memory usage in namespace shop", [("get_pod_resources", {"namespace": "shop"})]),
        ("Is the quota of namespace shop full?", [("get_resource_quotas", {"namespace": "shop"})]),
        ("kubectl get pods -n shop", [("get_pods", {"namespace": "shop"})]),
        ("Which services are there in shop?", [("get_service", {"namespace": "shop"})]),
        (
            "describe pod web-1 in shop",
            [("describe_pod", {"namespace": "shop", "pod_name": "web-1"})],
        ),
        ("Logs of web in shop", [("get_pods", {"namespace": "shop"})]),  # of which pod
        ("Show the pods in prod", [("get_pods", {"namespace": "all", "context": "prod"})]),
        ("How many replicas does web have?", [("get_deployments", {"namespace": "all"})]),
        ("Which version of web is deployed?", [("get_deployments", {"namespace": "all"})]),
        ("What happened in namespace shop?", [("get_events", {"namespace": "shop"})]),
        (
            "Rollout history of deployment web in shop",
            [("get_rollout_history", {"namespace": "shop", "deployment": "web"})],
        ),
        (
            "Is everything fine in shop?",
            [("triage_namespace", {"namespace": "shop"}), ("get_pods", {"namespace": "shop"})],
        ),
        (
            "Is the cluster healthy?",
            [
                ("get_nodes", {}),
                ("get_pods", {"namespace": "all"}),
                ("get_events", {"namespace": "all", **WARNINGS}),
            ],
        ),
        ("Which Kubernetes version runs?", [("get_nodes", {}), ("get_node_status", {})]),
        ("What is the weather like?", []),
        ("", []),
        ("Delete pod web-1 in namespace shop", []),
        ("please restart deployment web in namespace shop", []),
        ("scale deployment web in namespace shop to 3 pods", []),
    ],
)
def test_a_question_is_answered_by_looks(register, question, expected):
    register(ONE)
    assert [(tool, dict(arguments)) for tool, arguments in calls_for(question)] == expected


def test_of_several_clusters_the_one_that_is_named_is_asked(register):
    register(TWO)

    assert calls_for("Show the pods") == ()
    assert calls_for("Show the pods of prod") == (
        ("get_pods", {"context": "prod", "namespace": "all"}),
    )


def test_every_answer_is_a_look_whose_arguments_fit(register):
    register(ONE)
    tools = Toolset(AGENT.tools())
    questions = [example for tool in tools for example in tool.examples]
    asked = [call for question in questions for call in calls_for(question)]

    assert len(asked) > 12
    for name, arguments in asked:
        tool = tools.get(name)
        assert tool.classify(tool.parameters.model_validate(arguments)) is ActionClass.READ


def test_hostile_questions_make_no_hostile_calls(register):
    register(ONE)
    for question in (
        "pods in namespace shop'; drop table x; --",
        "logs of pod ../../secrets in namespace shop",
        "pods " * 5000,
        "namespace " * 2000 + "pod",
    ):
        tools = Toolset(AGENT.tools())
        for name, arguments in calls_for(question):
            tools.get(name).parameters.model_validate(arguments)
