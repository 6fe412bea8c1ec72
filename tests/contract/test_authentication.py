"""Logins and tokens: an addition to the document, which has none yet (AURA_AUTH=on)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now

from governance import identity
from governance.identity import issue_token
from governance.models import ApiToken
from governance.types import Role
from tests.builders import log_of, new_ticket, pending_approval, pending_plan_approval
from tests.contract.conftest import JsonClient
from tests.contract.wire import ELSEWHERE, ON_TICKET, at, ok, refused
from tests.people import bearer, headers_of, person
from tickets.models import Ticket

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return person("ada", Role.APPROVER)


def unauthenticated(response):
    assert response["WWW-Authenticate"] == "Bearer"
    return refused(response, 401, "UNAUTHENTICATED")


@pytest.mark.parametrize(("method", "below", "body"), ON_TICKET)
def test_with_login_required_no_operation_on_a_ticket_works_without(
    api, login_required, method, below, body
):
    ticket = new_ticket()
    unauthenticated(getattr(api, method)(at(ticket, below), body))
    ticket.refresh_from_db()
    assert (ticket.status, ticket.title) == ("draft", "Deploy Redis cluster")


@pytest.mark.parametrize(("method", "path", "body"), ELSEWHERE)
def test_with_login_required_nothing_else_works_without(api, login_required, method, path, body):
    unauthenticated(getattr(api, method)(path, body))
    assert not Ticket.objects.exists()


def test_whether_a_ticket_exists_is_not_told_to_strangers(api, login_required):
    known = unauthenticated(api.get(at(new_ticket())))
    assert unauthenticated(api.get(at("abc123"))) == known


@pytest.mark.parametrize("switch", ["on", "off"])
@pytest.mark.parametrize("token", ["", "aura_wrong", "x" * 5000, "a b", "é"])
def test_a_bad_token_is_refused_even_where_none_is_needed(api, settings, switch, token):
    settings.AURA = settings.AURA.model_copy(update={"auth": switch})
    unauthenticated(api.get("/api/tickets", **bearer(token)))


def test_a_good_token_opens_the_api_and_names_its_owner(api, login_required, ada):
    headers = bearer(issue_token(ada, name="laptop"))
    body = ok(api.post("/api/tickets", {"title": "A", "description": "B"}, **headers), 201)
    assert Ticket.objects.get(pk=body["id"]).created_by == "ada"
    ticket = pending_plan_approval()
    ok(api.post(at(ticket, "/approve-plan"), {"approvedBy": "grace"}, **headers))
    assert ok(api.get(at(ticket), **headers))["planApprovedBy"] == "ada"
    assert log_of(ticket, "plan_approved")[0].actor_name == "ada"


def test_a_token_counts_where_none_is_needed_too(api, ada):
    ticket = pending_plan_approval()
    headers = bearer(issue_token(ada, name="laptop"))
    ok(api.post(at(ticket, "/approve-plan"), {"approvedBy": "grace"}, **headers))
    assert ok(api.get(at(ticket)))["planApprovedBy"] == "ada"


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
def test_the_schemes_case_does_not_matter(api, login_required, ada, scheme):
    token = issue_token(ada, name="laptop")
    ok(api.get("/api/tickets", HTTP_AUTHORIZATION=f"{scheme} {token}"))


def test_another_scheme_is_no_login(api, login_required):
    unauthenticated(api.get("/api/tickets", HTTP_AUTHORIZATION="Basic YWRhOmFkYQ=="))


def test_a_token_expires(api, login_required, ada):
    headers = bearer(issue_token(ada, name="laptop", valid_for=timedelta(hours=1)))
    ok(api.get("/api/tickets", **headers))
    ApiToken.objects.update(expires_at=now() - timedelta(seconds=1))
    identity.forget()  # as after a second: nobody but us turns a token's clock
    unauthenticated(api.get("/api/tickets", **headers))


def test_the_token_of_somebody_who_left_is_void(api, login_required, ada):
    headers = bearer(issue_token(ada, name="laptop"))
    ok(api.get("/api/tickets", **headers))
    ada.is_active = False
    ada.save()
    unauthenticated(api.get("/api/tickets", **headers))


def test_a_token_that_was_deleted_is_void(api, login_required, ada):
    headers = bearer(issue_token(ada, name="laptop"))
    ok(api.get("/api/tickets", **headers))
    ApiToken.objects.all().delete()
    unauthenticated(api.get("/api/tickets", **headers))


def test_only_the_digest_of_a_token_is_kept(ada):
    token = issue_token(ada, name="laptop")
    row = ApiToken.objects.values().get()
    assert token not in map(str, row.values())
    assert len(row["digest"]) == 64


def test_the_consoles_session_is_a_login(api, login_required, ada):
    api.force_login(ada)
    ticket = pending_plan_approval()
    ok(api.post(at(ticket, "/approve-plan")))
    assert ok(api.get(at(ticket)))["planApprovedBy"] == "ada"


def test_a_session_cookie_that_no_database_could_hold_is_no_login(api, login_required):
    cookie = 'sessionid="\\000aaaaaaaaaaaaaaaa"'  # a NUL, as cookies quote it
    refused(api.get("/api/tickets", HTTP_COOKIE=cookie), 401, "UNAUTHENTICATED")


def test_with_a_session_a_change_wants_its_csrf_token(ada):
    browser = JsonClient(enforce_csrf_checks=True, HTTP_HOST="localhost:3000")
    browser.force_login(ada)
    ticket = pending_plan_approval()
    refused(browser.post(at(ticket, "/approve-plan")), 403, "FORBIDDEN")
    assert ok(browser.get(at(ticket)))["planApprovedAt"] is None


def test_without_a_session_no_csrf_token_is_wanted():
    client = JsonClient(enforce_csrf_checks=True, HTTP_HOST="localhost:3000")
    ok(client.post(at(pending_plan_approval(), "/approve-plan")))


def test_the_schema_is_open(api, login_required):
    assert api.get("/api/schema").status_code == 200


@pytest.mark.parametrize(("method", "below", "body"), ON_TICKET)
def test_a_viewer_may_look_and_nothing_else(api, login_required, method, below, body):
    ticket = pending_plan_approval()
    headers = headers_of(person("viewer", Role.VIEWER))
    answer = getattr(api, method)(at(ticket, below), body, **headers)
    if method == "get":
        assert answer.status_code == 200
    else:
        refused(answer, 403, "FORBIDDEN")
    ticket.refresh_from_db()
    assert ticket.status == "pending_plan_approval"


@pytest.mark.parametrize(("method", "below", "body"), ON_TICKET)
def test_who_has_no_role_may_not_even_look(api, login_required, method, below, body):
    headers = headers_of(person("nobody"))
    refused(getattr(api, method)(at(new_ticket(), below), body, **headers), 403, "FORBIDDEN")


@pytest.mark.parametrize("below", ["/approve-plan", "/reject-plan", "/approve"])
def test_an_operator_decides_nothing_whatever_the_body_claims(api, login_required, ada, below):
    ticket = pending_plan_approval()
    body = {"approvedBy": ada.username, "approved": True, "feedback": "no", "actor": ada.username}
    headers = headers_of(person("otto", Role.OPERATOR))
    refused(api.post(at(ticket, below), body, **headers), 403, "FORBIDDEN")
    ticket.refresh_from_db()
    assert ticket.status == "pending_plan_approval"


@pytest.mark.parametrize(
    ("below", "body", "event"),
    [
        ("/reject-plan", {"feedback": "no"}, "plan_rejected"),
        ("/approve", {"approved": False, "reason": "no"}, "approval_denied"),
    ],
)
def test_the_token_names_who_decided_whatever_the_body_claims(
    api, login_required, ada, below, body, event
):
    ticket = pending_plan_approval() if event == "plan_rejected" else pending_approval()
    claim = {"approvedBy": "grace", "decidedBy": "grace", "actor": "grace", "actorName": "grace"}
    ok(api.post(at(ticket, below), body | claim, **headers_of(ada)))
    assert [e.actor_name for e in log_of(ticket, event)] == ["ada"]


# --- what a refusal says ---


@pytest.mark.parametrize("sent", [{}, bearer("aura_wrong")])
def test_a_401_says_how_to_get_a_token(api, login_required, sent):
    message = unauthenticated(api.get("/api/tickets", **sent))["message"]
    assert "manage.py create_token" in message
    assert "/admin/governance/apitoken/" in message
    assert "Authorization: Bearer" in message


def test_without_any_credential_it_also_says_how_to_try_aura_out(api, login_required):
    assert "AURA_AUTH=off" in unauthenticated(api.get("/api/tickets"))["message"]


# --- what bodies are sent as ---


@pytest.mark.parametrize(
    ("method", "below", "body"), [case for case in ON_TICKET if case[0] != "get"]
)
@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "", "text/json"]
)
def test_a_body_that_is_not_called_json_is_refused(api, method, below, body, kind):
    ticket = pending_plan_approval()
    sent = getattr(api, method)(at(ticket, below), data=b'{"approved":true}', content_type=kind)
    if kind:
        refused(sent, 415, "UNSUPPORTED_MEDIA_TYPE")
    ticket.refresh_from_db()
    assert ticket.status == "pending_plan_approval"


def test_a_plan_is_approved_without_a_body_and_without_a_content_type(api, login_required, ada):
    response = api.generic("POST", at(pending_plan_approval(), "/approve-plan"), **headers_of(ada))
    ok(response)
