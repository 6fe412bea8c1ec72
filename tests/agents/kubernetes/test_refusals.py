"""What is refused: by RBAC, by the inventory, by the shape of a name. Nothing changes then."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from agents.kubernetes.kinds import POD
from agents.kubernetes.targets import in_namespace, whole_cluster
from agents.runtime.tool import ToolFailure
from tests.agents.kubernetes.conftest import TOOLS
from tests.agents.kubernetes.objects import deploy

HOSTILE = [
    "a'b",
    'a"b',
    "a/b",
    "../secrets",
    "a;b",
    "a b",
    "A",
    "-a",
    "a%2Fb",
    "a\nb",
    "a?x=1",
    "é",
]

INVENTORY: dict[str, Any] = {
    "db_servers": {
        "orders": {
            "k8s_cluster": "prod",
            "k8s_namespace": "shop",
            "tags": ["production"],
            "sensitivity": ["pii"],
        },
        "alone": {"connection_string": "host=db.example"},
    },
    "k8s_clusters": {
        "prod": {"context": "aura-sandbox", "tags": ["production", "eu"]},
        "dev": {"context": "aura-sandbox-editor", "tags": ["development"]},
    },
}


# --- RBAC ---


def test_what_rbac_forbids_names_verb_and_resource(desk, namespace):
    with pytest.raises(ToolFailure) as failure:
        desk.run("get_pods", namespace=namespace, context="aura-sandbox-nobody")

    first, second = str(failure.value).splitlines()
    assert first.startswith(
        f"RBAC forbids it: nobody may not list pods (API group core) in namespace {namespace}."
    )
    assert "grant verb 'list' on resource 'pods'" in first
    assert second.startswith(f"ERROR — get_pods failed for namespace {namespace} of aura-sandbox")


def test_a_viewer_changes_nothing(desk, running, namespace):
    deploy(running, "web", namespace)

    for tool, arguments in (
        ("scale_deployment", {"deployment": "web", "replicas": 0}),
        ("restart_deployment", {"deployment": "web"}),
        ("delete_pod", {"pod": running.list("Pod", namespace)[0]["metadata"]["name"]}),
    ):
        with pytest.raises(ToolFailure, match="RBAC forbids it: viewer may not"):
            desk.inspect(tool, namespace=namespace, context="aura-sandbox-viewer", **arguments)

    assert running.ready("web", namespace)["metadata"]["generation"] == 1


# --- names ---


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_no_object_can_have_is_refused_before_anything_is_asked(name):
    fields = {
        "describe_pod": "pod_name",
        "get_pod_logs": "container",
        "describe_service": "service_name",
        "get_endpoints": "endpoint_name",
        "get_events": "resource_name",
        "restart_deployment": "deployment",
        "scale_deployment": "deployment",
        "delete_pod": "pod_name",
        "cordon_node": "node_name",
        "kubectl_get": "name",
        "kubectl_logs": "pod",
        "kubectl_run_job": "name",
    }
    given = {"namespace": "x", "pod": "p", "resource": "pods", "replicas": 1}
    given |= {"image": "busybox", "command": ["ls"]}
    for tool, field in fields.items():
        parameters = TOOLS[tool].parameters
        wanted = {key: value for key, value in given.items() if key in _names_of(parameters)}
        wanted.pop("pod" if field == "pod_name" else "", None)
        parameters.model_validate({**wanted, field: "fine-1.x"})
        with pytest.raises(ValidationError, match="no name of a Kubernetes object"):
            parameters.model_validate({**wanted, field: name})


def _names_of(parameters):
    names = set()
    for name, field in parameters.model_fields.items():
        choices = getattr(field.validation_alias, "choices", [])
        names |= {name, *map(str, choices)}
    return names


@pytest.mark.parametrize("namespace", [name for name in HOSTILE if name != "A"])
def test_a_namespace_that_cannot_be_one_is_refused(desk, namespace):
    with pytest.raises(ToolFailure, match="is no namespace"):
        desk.run("get_pods", namespace=namespace)


def test_a_selector_cannot_hold_anything_else():
    parameters = TOOLS["get_pods"].parameters
    parameters.model_validate({"labels": "app=web,tier notin (a,b),!x,example.com/a=b_c"})
    for labels in ("a&limit=1", "a=b#c", "a='b'", "a;b", "a\n"):
        with pytest.raises(ValidationError):
            parameters.model_validate({"labels": labels})


def test_a_path_quotes_whatever_it_is_given():
    path = POD.path(namespace="a/b", name="../c?d#e%f", subresource="log")

    assert path == "/api/v1/namespaces/a%2Fb/pods/..%2Fc%3Fd%23e%25f/log"
    with pytest.raises(ValueError, match="no name"):
        POD.path(namespace="..", name="c")


def test_numbers_are_bounded():
    for tool, arguments in (
        ("get_pod_logs", {"pod": "p", "tail_lines": 0}),
        ("get_pod_logs", {"pod": "p", "tail_lines": 1_000_000}),
        ("scale_deployment", {"namespace": "x", "deployment": "d", "replicas": -1}),
        ("scale_deployment", {"namespace": "x", "deployment": "d", "replicas": 1_000_000}),
        ("delete_pod", {"namespace": "x", "pod": "p", "grace_period_seconds": -1}),
        ("kubectl_exec", {"namespace": "x", "pod": "p", "command": []}),
        ("kubectl_exec", {"namespace": "x", "pod": "p", "command": "rm -rf /"}),
    ):
        with pytest.raises(ValidationError):
            TOOLS[tool].parameters.model_validate(arguments)


def test_a_change_says_in_which_namespace():
    for tool in ("delete_pod", "restart_deployment", "scale_deployment"):
        with pytest.raises(ValidationError, match="namespace"):
            TOOLS[tool].parameters.model_validate({"pod": "p", "deployment": "d", "replicas": 1})


# --- the inventory ---


def test_the_id_of_a_database_stands_for_its_namespace_and_cluster(desk, register):
    register(INVENTORY)

    target = in_namespace("orders", "")

    assert (target.namespace, target.context) == ("shop", "aura-sandbox")
    assert target.resource.name == "shop"
    assert target.resource.tags == {"inventory", "production"}
    assert target.resource.sensitivity == {"pii"}


def test_a_namespace_that_a_database_runs_in_finds_its_cluster(desk, register):
    register(INVENTORY)
    assert in_namespace("shop", "").context == "aura-sandbox"


def test_a_context_is_named_by_itself_or_by_the_id_of_its_cluster(desk, register):
    register(INVENTORY)

    by_id, by_context = in_namespace("web", "dev"), in_namespace("web", "aura-sandbox-editor")

    assert by_id == by_context
    assert by_id.resource.tags == {"inventory", "development"}


def test_the_only_cluster_is_the_one_that_is_meant(desk, register):
    register({"k8s_clusters": {"prod": INVENTORY["k8s_clusters"]["prod"]}})

    assert in_namespace("web", "").context == "aura-sandbox"
    assert whole_cluster("").resource.name == "prod"


def test_all_namespaces_are_judged_as_the_cluster_and_as_sensitive_as_what_is_in_it(desk, register):
    register(INVENTORY)

    target = in_namespace("all", "prod")

    assert target.namespace == ""
    assert target.resource.name == "prod"
    assert target.resource.tags == {"inventory", "production", "eu"}
    assert target.resource.sensitivity == {"pii"}


@pytest.mark.parametrize(
    ("namespace", "context"),
    [("web", "aura-sandbox-admin"), ("orders", "dev"), ("all", "nowhere")],
)
def test_what_is_not_registered_is_refused_with_what_is(desk, register, namespace, context):
    register(INVENTORY)

    with pytest.raises(ToolFailure) as failure:
        desk.run("get_pods", namespace=namespace, context=context)

    said = str(failure.value)
    assert said.startswith("access denied: ")
    assert f"in context '{context}' is not registered" in said
    assert "Registered clusters: prod (context aura-sandbox), dev (context aura-sandbox" in said
    assert "Databases in a cluster: orders." in said


def test_of_several_clusters_one_must_be_named(desk, register):
    register(INVENTORY)

    with pytest.raises(ToolFailure, match=r"^access denied: .* Say which in context"):
        desk.run("get_pods", namespace="web")
    with pytest.raises(ToolFailure, match=r"^access denied: the cluster .* Say which in context"):
        desk.run("get_nodes")


def test_an_inventory_without_clusters_knows_none(desk, register):
    register({"db_servers": {"alone": INVENTORY["db_servers"]["alone"]}})

    with pytest.raises(ToolFailure, match=r"^access denied: .*Registered clusters: none"):
        desk.run("get_pods", namespace="web")


def test_without_an_inventory_the_resource_has_no_tags_so_the_default_policy_denies_it(desk):
    assert in_namespace("web", "").resource.tags == frozenset()
    assert whole_cluster("").resource.tags == frozenset()
