"""What the API server makes of writes: defaults, patches, conflicts, refusals."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.agents.sandbox.manifests import config_map, deployment, service
from tests.agents.sandbox.running import Running

MERGE = {"Content-Type": "application/merge-patch+json"}
STRATEGIC = {"Content-Type": "application/strategic-merge-patch+json"}
JSON_PATCH = {"Content-Type": "application/json-patch+json"}
APPLY = {"Content-Type": "application/apply-patch+yaml"}


def apps(namespace: str, name: str = "") -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/deployments" + (f"/{name}" if name else "")


def maps(namespace: str, name: str = "") -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps" + (f"/{name}" if name else "")


def failure(response: httpx.Response, code: int, reason: str) -> dict[str, Any]:
    body: dict[str, Any] = response.json()
    assert (response.status_code, body["kind"], body["reason"]) == (code, "Status", reason), body
    return body


def test_defaults_are_filled_in(http: httpx.Client, namespace: str) -> None:
    made = http.post(apps(namespace), json=deployment("web", namespace)).json()
    assert made["spec"]["strategy"]["rollingUpdate"]["maxSurge"] == "25%"
    assert made["spec"]["template"]["spec"]["restartPolicy"] == "Always"
    assert made["metadata"]["generation"] == 1


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"replicas": -1}, "spec.replicas", "must be greater than or equal to 0"),
        ({"selector": None}, "spec.selector", "Required value"),
        ({"selector": {"matchLabels": {"a": "b"}}}, "spec.template.metadata.labels", "`selector`"),
    ],
)
def test_an_invalid_object_names_the_field(
    http: httpx.Client, namespace: str, change: dict[str, Any], field: str, said: str
) -> None:
    body = deployment("web", namespace)
    body["spec"].update(change)
    told = failure(http.post(apps(namespace), json=body), 422, "Invalid")
    assert told["details"]["causes"][0]["field"] == field
    assert said in told["message"]


def test_a_bad_name_is_invalid(http: httpx.Client, namespace: str) -> None:
    told = failure(
        http.post(maps(namespace), json=config_map("Not_Good", namespace)), 422, "Invalid"
    )
    assert told["message"].startswith(
        'ConfigMap "Not_Good" is invalid: metadata.name: Invalid value'
    )


def test_unknown_fields_are_dropped_warned_of_or_refused(
    http: httpx.Client, namespace: str
) -> None:
    body = deployment("web", namespace)
    body["spec"]["replicsa"] = 3
    strict = http.post(apps(namespace), params={"fieldValidation": "Strict"}, json=body)
    assert 'unknown field "spec.replicsa"' in failure(strict, 400, "BadRequest")["message"]
    warned = http.post(apps(namespace), json=body)
    assert warned.headers["warning"] == '299 - "unknown field \\"spec.replicsa\\""'
    assert "replicsa" not in warned.json()["spec"]


def test_a_wrong_type_cannot_be_handled(http: httpx.Client, namespace: str) -> None:
    body = deployment("web", namespace)
    body["spec"]["replicas"] = "three"
    told = failure(http.post(apps(namespace), json=body), 400, "BadRequest")
    assert "cannot unmarshal string into Go struct field spec.replicas" in told["message"]


def test_a_dry_run_answers_and_stores_nothing(http: httpx.Client, namespace: str) -> None:
    dry = {"dryRun": "All"}
    made = http.post(maps(namespace), params=dry, json=config_map("one", namespace))
    assert made.status_code == 201
    assert made.json()["metadata"]["uid"]
    failure(http.get(maps(namespace, "one")), 404, "NotFound")
    http.post(maps(namespace), json=config_map("one", namespace, a="1"))
    changed = http.patch(
        maps(namespace, "one"), params=dry, json={"data": {"a": "2"}}, headers=MERGE
    )
    assert changed.json()["data"] == {"a": "2"}
    assert http.get(maps(namespace, "one")).json()["data"] == {"a": "1"}
    http.delete(maps(namespace, "one"), params=dry)
    assert http.get(maps(namespace, "one")).status_code == 200


def test_a_strategic_patch_merges_containers_by_name(http: httpx.Client, namespace: str) -> None:
    http.post(apps(namespace), json=deployment("web", namespace, env=[{"name": "A", "value": "1"}]))
    container = {"name": "web", "env": [{"name": "B", "value": "2"}]}
    patch = {"spec": {"template": {"spec": {"containers": [container]}}}}
    changed = http.patch(apps(namespace, "web"), json=patch, headers=STRATEGIC).json()
    found = changed["spec"]["template"]["spec"]["containers"][0]
    assert [each["name"] for each in found["env"]] == ["A", "B"]
    assert found["image"] == "registry.example.com/web:1.0"
    replaced = http.patch(apps(namespace, "web"), json=patch, headers=MERGE)
    failure(replaced, 422, "Invalid")  # the list is replaced, and has no image then


def test_a_json_patch_tests_before_it_writes(http: httpx.Client, namespace: str) -> None:
    http.post(maps(namespace), json=config_map("one", namespace, a="1"))
    operations = [
        {"op": "test", "path": "/data/a", "value": "other"},
        {"op": "replace", "path": "/data/a", "value": "2"},
    ]
    refused = http.patch(maps(namespace, "one"), json=operations, headers=JSON_PATCH)
    failure(refused, 422, "Invalid")
    operations[0]["value"] = "1"
    changed = http.patch(maps(namespace, "one"), json=operations, headers=JSON_PATCH)
    assert changed.json()["data"] == {"a": "2"}


def test_an_unknown_patch_type_is_unsupported(http: httpx.Client, namespace: str) -> None:
    http.post(maps(namespace), json=config_map("one", namespace))
    failure(http.patch(maps(namespace, "one"), json={}), 415, "UnsupportedMediaType")


def apply(
    http: httpx.Client, namespace: str, manager: str, data: dict[str, str], **query: str
) -> httpx.Response:
    body = config_map("one", namespace, **data)
    params = {"fieldManager": manager, **query}
    return http.patch(maps(namespace, "one"), params=params, json=body, headers=APPLY)


def test_two_managers_own_their_own_fields(http: httpx.Client, namespace: str) -> None:
    assert apply(http, namespace, "first", {"a": "1"}).status_code == 201
    assert apply(http, namespace, "second", {"b": "2"}).json()["data"] == {"a": "1", "b": "2"}
    conflict = failure(apply(http, namespace, "second", {"a": "9"}), 409, "Conflict")
    assert conflict["details"]["causes"][0] == {
        "reason": "FieldManagerConflict",
        "message": 'conflict with "first"',
        "field": ".data.a",
    }
    forced = apply(http, namespace, "second", {"a": "9"}, force="true").json()
    assert forced["data"] == {"a": "9"}  # b was second's own, and is not applied any more
    assert [each["manager"] for each in forced["metadata"]["managedFields"]] == ["second"]


def test_an_apply_without_a_manager_is_invalid(http: httpx.Client, namespace: str) -> None:
    failure(apply(http, namespace, "", {"a": "1"}), 422, "Invalid")


def test_status_and_spec_are_written_apart(http: httpx.Client, namespace: str) -> None:
    http.post(apps(namespace), json=deployment("web", namespace, replicas=0))
    patch = {"spec": {"replicas": 5}, "status": {"replicas": 7}}
    changed = http.patch(f"{apps(namespace, 'web')}/status", json=patch, headers=MERGE).json()
    assert changed["spec"]["replicas"] == 0
    assert changed["status"]["replicas"] == 7
    plain = http.patch(apps(namespace, "web"), json={"status": {"replicas": 9}}, headers=MERGE)
    assert plain.json().get("status", {}).get("replicas") != 9


def test_generated_names_differ(http: httpx.Client, namespace: str) -> None:
    body = config_map("x", namespace)
    body["metadata"] = {"generateName": "made-"}
    names = {http.post(maps(namespace), json=body).json()["metadata"]["name"] for _ in range(3)}
    assert len(names) == 3
    assert all(name.startswith("made-") and len(name) == 10 for name in names)


def test_a_name_is_taken_once(http: httpx.Client, namespace: str) -> None:
    http.post(maps(namespace), json=config_map("one", namespace))
    told = failure(
        http.post(maps(namespace), json=config_map("one", namespace)), 409, "AlreadyExists"
    )
    assert told["message"] == 'configmaps "one" already exists'


def test_a_namespace_that_is_not_there_takes_nothing(http: httpx.Client) -> None:
    told = failure(http.post(maps("nowhere"), json=config_map("one", "nowhere")), 404, "NotFound")
    assert told["message"] == 'namespaces "nowhere" not found'


def test_a_finalizer_keeps_an_object(http: httpx.Client, namespace: str) -> None:
    body = config_map("one", namespace)
    body["metadata"]["finalizers"] = ["example.com/wait"]
    http.post(maps(namespace), json=body)
    assert http.delete(maps(namespace, "one")).json()["metadata"]["deletionTimestamp"]
    assert http.get(maps(namespace, "one")).status_code == 200
    http.patch(maps(namespace, "one"), json={"metadata": {"finalizers": None}}, headers=MERGE)
    failure(http.get(maps(namespace, "one")), 404, "NotFound")


def test_a_collection_is_deleted_by_its_labels(http: httpx.Client, namespace: str) -> None:
    for name, tier in (("one", "a"), ("two", "b")):
        body = config_map(name, namespace)
        body["metadata"]["labels"] = {"tier": tier}
        http.post(maps(namespace), json=body)
    http.delete(maps(namespace), params={"labelSelector": "tier in (a)"})
    left = http.get(maps(namespace)).json()["items"]
    assert [each["metadata"]["name"] for each in left] == ["two"]


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("tier=a", ["one"]),
        ("tier!=a", ["three", "two"]),
        ("tier in (a, b)", ["one", "two"]),
        ("tier notin (a)", ["three", "two"]),
        ("tier", ["one", "two"]),
        ("!tier", ["three"]),
        ("tier=b,app", ["two"]),
    ],
)
def test_label_selectors(
    http: httpx.Client, namespace: str, selector: str, found: list[str]
) -> None:
    given: dict[str, dict[str, str]] = {
        "one": {"tier": "a"},
        "two": {"tier": "b", "app": "x"},
        "three": {},
    }
    for name, labels in given.items():
        body = config_map(name, namespace)
        body["metadata"]["labels"] = labels
        http.post(maps(namespace), json=body)
    items = http.get(maps(namespace), params={"labelSelector": selector}).json()["items"]
    assert [each["metadata"]["name"] for each in items] == found


def test_a_field_selector_knows_few_fields(http: httpx.Client, namespace: str) -> None:
    pods = f"/api/v1/namespaces/{namespace}/pods"
    assert http.get(pods, params={"fieldSelector": "status.phase=Running"}).status_code == 200
    refused = http.get(pods, params={"fieldSelector": "spec.image=x"})
    told = failure(refused, 400, "BadRequest")
    assert told["message"] == "field label not supported: spec.image"


def test_a_quota_refuses_what_is_too_much(http: httpx.Client, namespace: str) -> None:
    quota = {
        "metadata": {"name": "few"},
        "spec": {"hard": {"configmaps": "1"}},
    }
    http.post(f"/api/v1/namespaces/{namespace}/resourcequotas", json=quota)
    http.post(maps(namespace), json=config_map("one", namespace))
    told = failure(http.post(maps(namespace), json=config_map("two", namespace)), 403, "Forbidden")
    assert "exceeded quota: few, requested: configmaps=1, used: configmaps=1" in told["message"]


def test_the_selector_of_a_deployment_stays(http: httpx.Client, namespace: str) -> None:
    http.post(apps(namespace), json=deployment("web", namespace))
    changed = deployment("web", namespace)
    changed["spec"]["selector"]["matchLabels"] = {"app": "other"}
    changed["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    told = failure(http.put(apps(namespace, "web"), json=changed), 422, "Invalid")
    assert "field is immutable" in told["message"]


def test_a_service_keeps_its_address(http: httpx.Client, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/services"
    made = http.post(path, json=service("web", namespace)).json()
    again = http.put(f"{path}/web", json=service("web", namespace, port=81)).json()
    assert again["spec"]["clusterIP"] == made["spec"]["clusterIP"]


def test_bad_tokens_and_no_token(cluster: Running) -> None:
    with httpx.Client(base_url=cluster.url) as anybody:
        failure(
            anybody.get("/api/v1/pods", headers={"Authorization": "Bearer no"}), 401, "Unauthorized"
        )
        told = failure(anybody.get("/api/v1/pods"), 403, "Forbidden")
        assert 'User "system:anonymous" cannot list resource "pods"' in told["message"]
        assert anybody.get("/version").status_code == 200
        failure(anybody.get("/apis"), 403, "Forbidden")


def test_logs_and_scale_are_rights_of_their_own(
    cluster: Running, http: httpx.Client, namespace: str
) -> None:
    rules = [{"apiGroups": ["", "apps"], "resources": ["pods", "deployments"], "verbs": ["*"]}]
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    http.post(f"{rbac}/roles", json={"metadata": {"name": "some"}, "rules": rules})
    binding = {
        "metadata": {"name": "some"},
        "subjects": [{"kind": "User", "name": "nobody"}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "some"},
    }
    http.post(f"{rbac}/rolebindings", json=binding)
    http.post(apps(namespace), json=deployment("web", namespace))
    headers = {"Authorization": f"Bearer {cluster.tokens['nobody']}"}
    assert http.get(apps(namespace, "web"), headers=headers).status_code == 200
    scale = http.get(f"{apps(namespace, 'web')}/scale", headers=headers)
    assert 'resource "deployments/scale"' in failure(scale, 403, "Forbidden")["message"]
    log = http.get(f"/api/v1/namespaces/{namespace}/pods/x/log", headers=headers)
    assert 'resource "pods/log"' in failure(log, 403, "Forbidden")["message"]


def test_a_table_has_the_columns_of_kubectl(
    cluster: Running, http: httpx.Client, namespace: str
) -> None:
    cluster.put(deployment("web", namespace, replicas=1))
    cluster.ready("web", namespace)
    accept = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
    table = http.get(f"/api/v1/namespaces/{namespace}/pods", headers=accept).json()
    names = [each["name"] for each in table["columnDefinitions"]]
    assert names[:5] == ["Name", "Ready", "Status", "Restarts", "Age"]
    assert table["rows"][0]["cells"][1:4] == ["1/1", "Running", "0"]


def test_exec_is_refused_in_plain_words(
    cluster: Running, http: httpx.Client, namespace: str
) -> None:
    cluster.put(deployment("web", namespace, replicas=1))
    cluster.ready("web", namespace)
    name = cluster.list("Pod", namespace)[0]["metadata"]["name"]
    told = http.post(f"/api/v1/namespaces/{namespace}/pods/{name}/exec?command=ls").json()
    assert told["code"] == 501
    assert "simulated" in told["message"]
