"""The OpenAPI document."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.urls import resolve
from jsonschema import Draft202012Validator

from governance.helpdesk.posting import post_event
from governance.types import SYSTEM
from tests.builders import IN
from tests.contract.wire import ELSEWHERE, ON_TICKET, at

URLCONF = "aura.surfaces.api"
SNAPSHOT = Path(__file__).with_name("openapi.yaml")
RENEW = (
    f".venv/bin/python manage.py spectacular --urlconf {URLCONF} --file tests/contract/openapi.yaml"
)
DOCUMENTED = [
    ("post", "/api/tickets", 201),
    ("get", "/api/tickets", 200),
    ("get", "/api/tickets/{id}", 200),
    ("patch", "/api/tickets/{id}", 200),
    ("post", "/api/tickets/{id}/cancel", 200),
    ("post", "/api/tickets/{id}/approve-plan", 200),
    ("post", "/api/tickets/{id}/approve", 200),
    ("post", "/api/tickets/{id}/answer", 200),
    ("post", "/api/tickets/{id}/resume", 200),
    ("post", "/api/tickets/{id}/run", 202),
    ("get", "/api/tickets/{id}/audit", 200),
    ("get", "/api/audit", 200),
    ("get", "/api/tickets/{id}/stream", 200),
    ("get", "/api/stream", 200),
    ("get", "/api/health", 200),
    ("get", "/api/info", 200),
    ("get", "/api/stats", 200),
]
ADDED = [
    ("post", "/api/tickets/{id}/reject-plan", 200),
    ("put", "/api/tickets/{id}/secrets/{name}", 200),
    ("get", "/api/cluster/namespaces", 200),
    ("get", "/api/cluster/pods", 200),
    ("get", "/api/cluster/services", 200),
    ("get", "/api/cluster/deployments", 200),
    ("get", "/api/cluster/events", 200),
    ("get", "/api/argo/apps", 200),
    ("get", "/api/argo/apps/{name}", 200),
    ("get", "/api/alerts", 200),
    ("post", "/api/alerts/{source}", 202),
]
EVERY = pytest.mark.parametrize(("method", "path", "status"), DOCUMENTED + ADDED)


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """The document as `manage.py spectacular` writes it; a warning is a failure."""
    file = tmp_path_factory.mktemp("openapi") / "openapi.yaml"
    call_command("spectacular", urlconf=URLCONF, file=str(file), validate=True, fail_on_warn=True)
    return file.read_text()


@pytest.fixture(scope="module")
def schema(generated) -> Any:
    return yaml.safe_load(generated)


def test_the_document_is_the_one_that_was_reviewed(generated):
    """Whoever changes the API on purpose writes the snapshot anew with the command of RENEW, and
    reads its diff: it is what clients will notice.
    """
    assert generated == SNAPSHOT.read_text(), f"The API has changed. If that is meant: {RENEW}"


def test_the_server_serves_the_same_document(api, schema):
    response = api.get("/api/schema")
    assert response.status_code == 200
    assert yaml.safe_load(response.content) == schema


@EVERY
def test_every_operation_is_described(schema, method, path, status):
    operation = schema["paths"][path][method]
    assert str(status) in operation["responses"]
    route = path.replace("{", ":").replace("}", "")
    assert operation["description"] == f"{method.upper()} {route}"


@EVERY
def test_every_operation_is_served(method, path, status):
    del status
    view: Any = resolve(re.sub("{.*?}", "abc123", path), urlconf=URLCONF).func
    assert method in view.actions


def test_nothing_else_is_described(schema):
    described = {
        (method, path)
        for path, operations in schema["paths"].items()
        for method in operations
        if path not in {"/api/schema", "/api/docs"}
    }
    assert described == {(method, path) for method, path, _ in DOCUMENTED + ADDED}


@EVERY
def test_every_failure_has_the_error_envelope(schema, method, path, status):
    del status
    for code, answer in schema["paths"][path][method]["responses"].items():
        if code >= "400" and path != "/api/health":
            shape = answer["content"]["application/json"]["schema"]
            assert shape == {"$ref": "#/components/schemas/Error"}


def test_operation_ids_are_unique(schema):
    ids = [
        operation["operationId"]
        for operations in schema["paths"].values()
        for operation in operations.values()
    ]
    assert len(ids) == len(set(ids))


def test_tokens_and_sessions_are_described(schema):
    schemes = schema["components"]["securitySchemes"].values()
    assert {(s["type"], s.get("scheme") or s.get("in")) for s in schemes} == {
        ("http", "bearer"),
        ("apiKey", "cookie"),
    }


@pytest.mark.parametrize(
    ("component", "required"),
    [
        ("CreateTicketBodyRequest", ["description", "title"]),
        ("ApproveBodyRequest", ["approved"]),
        ("AnswerBodyRequest", ["answer"]),
        ("RejectPlanBodyRequest", ["feedback"]),
    ],
)
def test_required_keys_of_bodies_are_described(schema, component, required):
    assert sorted(schema["components"]["schemas"][component]["required"]) == required


@pytest.fixture(scope="module")
def fits(schema):
    """Checks that an answer is what the document says of its operation."""

    def check(response: Any, method: str, path: str) -> None:
        described = schema["paths"][path][method]["responses"][str(response.status_code)]
        shape = described["content"]["application/json"]["schema"]
        Draft202012Validator({**schema, **shape}).validate(response.json())

    return check


@pytest.mark.django_db
@pytest.mark.parametrize("status", list(IN))
def test_answers_about_a_ticket_in_any_status_are_what_is_described(api, fits, status):
    ticket = IN[status]()
    fits(api.get(at(ticket)), "get", "/api/tickets/{id}")
    fits(api.get(at(ticket, "/audit")), "get", "/api/tickets/{id}/audit")


@pytest.mark.django_db
@pytest.mark.parametrize(("method", "path", "body"), ELSEWHERE)
def test_all_other_answers_are_what_is_described(api, fits, method, path, body):
    IN["failed"]()
    fits(getattr(api, method)(path, body), method, path)


@pytest.mark.django_db
def test_the_log_is_what_is_described_when_auditd_was_told_something(api, fits):
    post_event({"event_type": "of their own"}, by=SYSTEM)
    response = api.get("/api/audit")
    assert [entry["type"] for entry in response.json()["entries"]] == ["posted.of their own"]
    fits(response, "get", "/api/audit")


@pytest.mark.django_db
@pytest.mark.parametrize(("method", "below", "body"), ON_TICKET)
@pytest.mark.parametrize("status", ["draft", "pending_approval"])
def test_answers_of_actions_and_their_refusals_are_what_is_described(
    api, fits, status, method, below, body
):
    ticket = IN[status]()
    described = below.replace("/secrets/db", "/secrets/{name}")
    fits(getattr(api, method)(at(ticket, below), body), method, f"/api/tickets/{{id}}{described}")


@pytest.mark.django_db
def test_health_is_what_is_described(api, fits):
    fits(api.get("/api/health"), "get", "/api/health")


@pytest.mark.django_db
def test_the_document_can_be_read_in_a_browser_without_a_foreign_host(api):
    response = api.get("/api/docs")
    assert response.status_code == 200
    assert b"swagger" in response.content.lower()
    assert b"cdn." not in response.content
