"""Logins and tokens: an addition to the document, which has none yet (AURA_AUTH, default off)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.utils.timezone import now

from governance.identity import issue_token
from governance.models import ApiToken
from tests.builders import log_of, new_ticket, pending_plan_approval
from tests.contract.conftest import JsonClient
from tests.contract.wire import ELSEWHERE, ON_TICKET, at, ok, refused
from tickets.models import Ticket

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    user = User.objects.create_user("ada")
    wanted = ["add_ticket", "change_ticket", "view_ticket", "decide_approval"]
    user.user_permissions.set(Permission.objects.filter(codename__in=wanted))
    return user


def bearer(token):
    return {"HTTP_AUTHORIZATION": f"Bearer {token}"}


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
    unauthenticated(api.get("/api/tickets", **headers))


def test_the_token_of_somebody_who_left_is_void(api, login_required, ada):
    headers = bearer(issue_token(ada, name="laptop"))
    User.objects.update(is_active=False)
    unauthenticated(api.get("/api/tickets", **headers))


def test_a_token_that_was_deleted_is_void(api, login_required, ada):
    headers = bearer(issue_token(ada, name="laptop"))
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
def test_a_login_without_rights_may_look_and_nothing_else(api, login_required, method, below, body):
    ticket = pending_plan_approval()
    token = issue_token(User.objects.create_user("viewer"), name="look")
    answer = getattr(api, method)(at(ticket, below), body, **bearer(token))
    if method == "get":
        assert answer.status_code == 200 or below == "/stream"
    else:
        refused(answer, 403, "FORBIDDEN")
    ticket.refresh_from_db()
    assert ticket.status == "pending_plan_approval"
