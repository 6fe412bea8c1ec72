"""auditd and the gateway: who may do what, errors, trace ids, who is believed to be whom."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.db import connection

from aura.kernel import throttling
from aura.surfaces import access
from governance.models import AuditEvent
from governance.types import Role
from tests.contract.helpdesk import AUDITD, GATEWAY, INVENTORY, Helpdesk, asked, ok, refused
from tests.people import headers_of, person

pytestmark = pytest.mark.django_db
TABLES = {AUDITD: "aura.surfaces.auditd", GATEWAY: "aura.surfaces.gateway"}
NEEDS: list[tuple[str, str, str, str]] = [
    (surface, method, "/" + re.sub("<.*?>", "x", route), permission)
    for surface, table in TABLES.items()
    for route, methods in access.ROUTES[table].items()
    for method, permission in methods.items()
]
EVERY = pytest.mark.parametrize(("surface", "method", "path", "permission"), NEEDS)


def ask(surface: str, method: str, path: str, **headers: Any) -> Any:
    return getattr(Helpdesk(surface), method.lower())(path, **headers)


@EVERY
def test_with_login_required_nothing_but_health_and_the_document_is_open(
    login_required, surface, method, path, permission
):
    answer = ask(surface, method, path)
    if permission == access.OPEN:
        assert answer.status_code == 200
    else:
        assert "token" in refused(answer, 401)
        assert answer["WWW-Authenticate"] == "Bearer"


@EVERY
def test_a_viewer_reads_and_changes_nothing(login_required, surface, method, path, permission):
    answer = ask(surface, method, path, **headers_of(person("vera", Role.VIEWER)))
    if method == "GET" and permission != access.ASK_AGENTS:
        assert answer.status_code not in {401, 403, 500}
    else:
        assert "role" in refused(answer, 403)
        told = AuditEvent.objects.get(type="permission_refused")
        assert (told.actor_name, told.action.split()[1]) == ("vera", path)


def test_an_operator_reports_and_asks_and_does_not_decide(login_required):
    auditd, olga = Helpdesk(), headers_of(person("olga", Role.OPERATOR))
    ok(auditd.post("/v1/events", {"event_type": "x"}, **olga))
    key = ok(auditd.post("/v1/approvals", asked(), **olga), 201)["approval_id"]
    ok(auditd.post(f"/v1/approvals/{key}/cancel", {}, **olga))
    refused(auditd.post(f"/v1/approvals/{key}/approve", {}, **olga), 403)


# --- errors ---


@pytest.mark.parametrize("surface", [AUDITD, GATEWAY])
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", "/nowhere", 404),
        ("get", "/v1/nowhere", 404),
        ("get", "/api/v1/governance/nowhere", 404),
        ("get", "/api/tickets", 404),
        ("post", "/health", 405),
    ],
)
def test_what_is_not_there_is_json_too(surface, method, path, status):
    assert refused(getattr(Helpdesk(surface), method)(path), status)


@pytest.mark.parametrize(
    ("surface", "method", "path"),
    [
        (AUDITD, "delete", "/v1/events"),
        (AUDITD, "put", "/v1/approvals/a"),
        (AUDITD, "get", "/v1/governance/check"),
        (AUDITD, "post", "/v1/verify"),
        (AUDITD, "post", "/v1/approvals/a/wait"),
        (GATEWAY, "post", "/api/v1/governance/approvals"),
        (GATEWAY, "post", "/api/v1/governance/events"),
    ],
)
def test_another_method_is_405_and_says_which_there_are(surface, method, path):
    answer = getattr(Helpdesk(surface), method)(path)
    assert "not allowed" in refused(answer, 405)
    assert answer["Allow"]


def test_the_gateway_decides_on_nothing():
    for verb in ("approve", "deny", "cancel"):
        assert Helpdesk(GATEWAY).post(f"/api/v1/governance/approvals/a/{verb}").status_code == 404


def test_a_page_of_another_site_is_turned_away_in_the_documents_shape():
    answer = Helpdesk().get("/v1/events", HTTP_ORIGIN="https://evil.example")
    assert "origin" in refused(answer, 403)
    assert "host" in refused(Helpdesk().get("/v1/events", HTTP_HOST="evil.example"), 400)


def test_a_request_too_many_is_429_in_the_documents_shape(settings, monkeypatch):
    few = {"throttle": "on", "throttle_requests": 2}
    settings.AURA = settings.AURA.model_copy(update=few)
    monkeypatch.setattr(throttling, "TIMEOUT_S", 10.0)
    monkeypatch.setattr(throttling, "_redis", throttling._Redis())
    throttling._client.cache_clear()
    throttling._windows.cache_clear()
    for surface, path, address in (
        (AUDITD, "/v1/events", "1"),
        (GATEWAY, "/api/v1/databases", "2"),
    ):
        client = Helpdesk(surface, REMOTE_ADDR=f"198.51.100.{address}")
        statuses = [client.get(path).status_code for _ in range(3)]
        assert statuses == [200, 200, 429]
        answer = client.get(path)
        assert "API requests a minute" in refused(answer, 429)
        assert int(answer["Retry-After"]) > 0
        assert client.get("/health").status_code == 200


def test_a_bug_tells_nothing(monkeypatch):
    from governance.helpdesk import status

    monkeypatch.setattr(status, "info", lambda: 1 / 0)
    assert refused(Helpdesk().get("/v1/governance/info"), 500) == "Unexpected server error"


def test_health_says_ok():
    for surface in (AUDITD, GATEWAY):
        assert ok(Helpdesk(surface).get("/health")) == {"status": "ok"}


# --- who is believed to be whom ---


def told_by(**headers: Any) -> str:
    ok(Helpdesk().post("/v1/events", {"event_type": "x"}, **headers))
    return str(AuditEvent.objects.filter(type="posted.x").latest("id").actor_name)


def test_x_user_counts_where_authentication_is_off():
    assert told_by() == "anonymous"
    assert told_by(HTTP_X_USER="ada") == "ada"
    assert told_by(HTTP_X_USER="x" * 500) == "x" * 150


def test_a_credential_counts_before_x_user():
    olga = headers_of(person("olga", Role.OPERATOR))
    assert told_by(HTTP_X_USER="root", **olga) == "olga"


def test_x_user_counts_for_nothing_where_authentication_is_on(login_required):
    olga = headers_of(person("olga", Role.OPERATOR))
    assert told_by(HTTP_X_USER="root", **olga) == "olga"
    refused(Helpdesk().post("/v1/events", {}, HTTP_X_USER="root"), 401)


def test_roles_travel_into_the_event(login_required):
    ada = headers_of(person("ada", Role.APPROVER), Role.OPERATOR)
    place = ok(Helpdesk().post("/v1/events", {}, **ada))
    shown = ok(Helpdesk().get(f"/v1/events/{place['event_id']}", **ada))
    assert shown["principal"] == {"kind": "user", "name": "ada", "roles": ["operator"]}


def test_a_request_with_a_token_writes_no_session(login_required):
    olga = headers_of(person("olga", Role.OPERATOR))
    answer = Helpdesk().get("/v1/events", **olga)
    assert not answer.cookies
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM django_session")
        assert cursor.fetchone()[0] == 0


# --- the inventory, on the gateway ---


def test_without_an_inventory_the_gateway_says_how_to_name_one():
    gateway = Helpdesk(GATEWAY)
    assert ok(gateway.get("/api/v1/infrastructure")) == {
        "configured": False,
        "message": "No infrastructure configuration loaded. Set HELPDESK_INFRA_CONFIG.",
    }
    assert ok(gateway.get("/api/v1/databases")) == {
        "databases": [],
        "message": "No infrastructure configuration loaded.",
    }


def test_the_inventory_is_shown_without_a_password(settings, tmp_path):
    path = tmp_path / "infra.json"
    path.write_text(json.dumps(INVENTORY))
    settings.AURA = settings.AURA.model_copy(update={"infra_config": path})
    gateway = Helpdesk(GATEWAY)
    assert ok(gateway.get("/api/v1/infrastructure")) == {
        "configured": True,
        "db_servers": 2,
        "k8s_clusters": 1,
        "vms": 1,
        "databases": ["prod-db", "dev-db"],
        "summary": "2 database servers, 1 K8s cluster, 1 VM",
    }
    answer = gateway.get("/api/v1/databases")
    assert b"hunter22" not in answer.content
    assert ok(answer)["count"] == 2
    assert ok(answer)["databases"][0] == {
        "id": "prod-db",
        "name": "Production",
        "connection_string": "host=db.example port=5432 dbname=shop",
        "hosting": "Kubernetes: Main",
        "k8s_context": "main-admin",
        "k8s_namespace": "shop",
    }
