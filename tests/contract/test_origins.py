"""Forged hosts and pages of other sites."""

from __future__ import annotations

import pytest

from tests.builders import new_ticket, pending_plan_approval
from tests.contract.conftest import JsonClient
from tests.contract.wire import at, ok, refused
from tickets.models import Ticket

pytestmark = pytest.mark.django_db

CONSOLE = "https://console.example"


@pytest.fixture
def allowed(settings):
    """A client of a product that lists one other origin. The middleware reads it at its start."""
    settings.AURA = settings.AURA.model_copy(update={"server_cors_origin": (CONSOLE,)})
    return JsonClient(raise_request_exception=False, HTTP_HOST="localhost:3000")


@pytest.mark.parametrize("host", ["localhost:3000", "127.0.0.1:3000", "[::1]:3000", "localhost"])
def test_the_product_answers_to_its_own_names(api, host):
    ok(api.get("/api/tickets", HTTP_HOST=host))


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "evil.example:3000",
        "localhost:3000@evil.example",
        "localhost:x",
        "[::1",
        "a b",
        ":",
    ],
)
def test_a_forged_host_is_a_bad_request(api, host):
    ticket = pending_plan_approval()
    refused(api.post(at(ticket, "/approve-plan"), HTTP_HOST=host), 400, "VALIDATION_ERROR")
    assert Ticket.objects.get().status == "pending_plan_approval"


def test_a_host_of_the_allow_list_is_answered(settings):
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "aura.example"]
    ok(JsonClient(HTTP_HOST="aura.example:3000").get("/api/tickets"))


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://localhost:8080",
        "http://localhost",
        "http://localhost:3000.evil.example",
        "http://localhost:3000@evil.example",
        "null",
        "",
        "http://[",
        "\x7f",
    ],
)
def test_a_page_of_another_origin_is_turned_away(api, origin):
    ticket = pending_plan_approval()
    response = api.post(at(ticket, "/approve-plan"), HTTP_ORIGIN=origin)
    refused(response, 403, "FORBIDDEN")
    assert "Access-Control-Allow-Origin" not in response
    assert Ticket.objects.get().status == "pending_plan_approval"


@pytest.mark.parametrize(
    ("method", "below"),
    [("post", "/cancel"), ("patch", ""), ("get", ""), ("options", ""), ("get", "/audit")],
)
def test_it_is_turned_away_whatever_it_asks_for(api, method, below):
    ticket = new_ticket()
    response = getattr(api, method)(at(ticket, below), HTTP_ORIGIN="https://evil.example")
    refused(response, 403, "FORBIDDEN")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_our_own_pages_may_send_requests(api, scheme):
    ticket = pending_plan_approval()
    origin = f"{scheme}://localhost:3000"
    ok(api.post(at(ticket, "/approve-plan"), HTTP_ORIGIN=origin))


def test_without_an_allow_list_no_answer_names_an_origin(api):
    response = api.get("/api/tickets", HTTP_ORIGIN="http://localhost:3000")
    assert not [name for name in response.headers if name.startswith("Access-Control")]


def test_a_listed_origin_may_send_requests_and_read_the_answers(allowed):
    ticket = pending_plan_approval()
    response = allowed.post(at(ticket, "/approve-plan"), HTTP_ORIGIN=CONSOLE)
    ok(response)
    assert response["Access-Control-Allow-Origin"] == CONSOLE
    assert "Origin" in response["Vary"]


def test_errors_can_be_read_by_a_listed_origin_too(allowed):
    response = allowed.get(at("abc123"), HTTP_ORIGIN=CONSOLE)
    refused(response, 404, "TICKET_NOT_FOUND")
    assert response["Access-Control-Allow-Origin"] == CONSOLE


@pytest.mark.parametrize("origin", ["https://console.example.evil", "http://console.example"])
def test_an_origin_that_only_resembles_a_listed_one_is_turned_away(allowed, origin):
    refused(allowed.get("/api/tickets", HTTP_ORIGIN=origin), 403, "FORBIDDEN")


@pytest.mark.parametrize("login", ["on", "off"])
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
def test_a_preflight_of_a_listed_origin_succeeds_without_a_login(allowed, settings, login, method):
    settings.AURA = settings.AURA.model_copy(update={"auth": login})
    response = allowed.options(
        at(new_ticket()),
        HTTP_ORIGIN=CONSOLE,
        HTTP_ACCESS_CONTROL_REQUEST_METHOD=method,
        HTTP_ACCESS_CONTROL_REQUEST_HEADERS="authorization, content-type, last-event-id",
    )
    assert response.status_code in {200, 204}
    assert response["Access-Control-Allow-Origin"] == CONSOLE
    assert method in response["Access-Control-Allow-Methods"].split(", ")
    headers = response["Access-Control-Allow-Headers"].lower().split(", ")
    assert {"authorization", "content-type", "last-event-id"} <= set(headers)


def test_cookies_are_never_shared_with_another_origin(allowed):
    response = allowed.get("/api/tickets", HTTP_ORIGIN=CONSOLE)
    assert "Access-Control-Allow-Credentials" not in response
