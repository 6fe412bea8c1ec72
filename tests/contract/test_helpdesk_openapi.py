"""The OpenAPI documents of auditd and of the gateway."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from django.core.management import call_command
from jsonschema import Draft202012Validator

from aura.surfaces import access
from tests.contract.helpdesk import AUDITD, GATEWAY, Helpdesk

TABLES = {AUDITD: "aura.surfaces.auditd", GATEWAY: "aura.surfaces.gateway"}
UNDESCRIBED = {"health", "v1/schema", "api/v1/schema"}


@pytest.fixture(scope="module", params=TABLES)
def generated(request, tmp_path_factory) -> Any:
    """(port, the document as `manage.py spectacular` writes it); a warning is a failure."""
    file = tmp_path_factory.mktemp("openapi") / "openapi.yaml"
    call_command(
        "spectacular",
        urlconf=TABLES[request.param],
        file=str(file),
        validate=True,
        fail_on_warn=True,
    )
    return request.param, yaml.safe_load(file.read_text())


def test_every_route_and_method_is_described(generated):
    port, schema = generated
    rows = access.ROUTES[TABLES[port]]
    wanted = {
        (f"/{route.replace('<str:', '{').replace('>', '}')}", method.lower())
        for route, methods in rows.items()
        for method in methods
        if route not in UNDESCRIBED
    }
    described = {(path, method) for path, ops in schema["paths"].items() for method in ops}
    assert described == wanted


def test_every_schema_in_it_is_one(generated):
    _, schema = generated
    for name, component in schema["components"]["schemas"].items():
        Draft202012Validator.check_schema(component)
        assert name


def test_what_answers_with_one_object_is_not_described_as_a_list(generated):
    port, schema = generated
    if port == GATEWAY:
        for path in ("/api/v1/incidents", "/api/v1/tasks"):
            answer = schema["paths"][path]["get"]["responses"]["200"]["content"]
            assert "$ref" in answer["application/json"]["schema"], path


@pytest.mark.parametrize(("port", "path"), [(AUDITD, "/v1/schema"), (GATEWAY, "/api/v1/schema")])
def test_it_is_served_to_everybody(port, path, login_required):
    answer = Helpdesk(port).get(path)
    assert answer.status_code == 200
    served = yaml.safe_load(answer.content)
    assert served["info"]["title"] in {"auditd", "Gateway"}
    assert all(not name.startswith("/api/tickets") for name in served["paths"])
