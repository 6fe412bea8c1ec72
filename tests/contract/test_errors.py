"""Error responses: one envelope for everything that can go wrong."""

from __future__ import annotations

import json

import pytest
from django.test import RequestFactory

from aura.kernel import http
from aura.serving.bridge import environ_of
from tests.builders import IN, new_ticket, pending_plan_approval
from tests.contract.wire import (
    NOBODY,
    ON_TICKET,
    at,
    invalid,
    ok,
    raw,
    refused,
)
from tests.scopes import http_scope
from tickets.models import Ticket

pytestmark = pytest.mark.django_db

WITH_BODY = [(m, below) for m, below, _ in ON_TICKET if m != "get" and below != "/run"]
READS = {"GET", "HEAD", "OPTIONS"}
ALLOWED = {
    "/api/tickets": READS | {"POST"},
    "/api/tickets/{}": READS | {"PATCH"},
    "/api/tickets/{}/cancel": {"POST", "OPTIONS"},
    "/api/tickets/{}/approve-plan": {"POST", "OPTIONS"},
    "/api/tickets/{}/reject-plan": {"POST", "OPTIONS"},
    "/api/tickets/{}/approve": {"POST", "OPTIONS"},
    "/api/tickets/{}/answer": {"POST", "OPTIONS"},
    "/api/tickets/{}/resume": {"POST", "OPTIONS"},
    "/api/tickets/{}/run": {"POST", "OPTIONS"},
    "/api/tickets/{}/audit": READS,
    "/api/audit": READS,
    "/api/tickets/{}/stream": READS,
    "/api/stream": READS,
    "/api/health": READS,
    "/api/info": READS,
    "/api/stats": READS,
}
IDS = [
    NOBODY,
    "abc123",
    "0",
    "-1",
    "None",
    "%00",
    "a%00b",
    "%2e%2e",
    "%FF",
    "{}",
    "' OR 1=1 --",
    "x" * 5000,
    "🦊",
]


# --- tickets that are not there ---


@pytest.mark.parametrize("ticket_id", IDS)
def test_an_id_that_no_ticket_has_is_not_found_whatever_it_looks_like(api, ticket_id):
    error = refused(api.get(at(ticket_id)), 404, "TICKET_NOT_FOUND")
    assert error["details"] == {}


@pytest.mark.parametrize("ticket_id", [NOBODY, "abc123"])
@pytest.mark.parametrize(("method", "below", "body"), ON_TICKET)
def test_every_operation_says_so_in_the_documents_words(api, ticket_id, method, below, body):
    error = refused(getattr(api, method)(at(ticket_id, below), body), 404, "TICKET_NOT_FOUND")
    assert error["message"] == f"Ticket with ID {ticket_id} not found"


# --- the order of checks ---


@pytest.mark.parametrize(("method", "below"), WITH_BODY)
def test_an_unknown_ticket_comes_before_a_body_that_cannot_be_read(api, method, below):
    how = {"data": b"{", "content_type": "application/json"}
    refused(getattr(api, method)(at(NOBODY, below), **how), 404, "TICKET_NOT_FOUND")


@pytest.mark.parametrize(
    ("data", "media_type"),
    [(b"[]", "application/json"), (b"{}" * 1024 * 1024, "application/json"), (b"x", "text/plain")],
    ids=["array", "too large", "text"],
)
def test_an_unknown_ticket_comes_before_any_other_complaint(api, data, media_type):
    response = api.generic("POST", at(NOBODY, "/cancel"), data, media_type)
    refused(response, 404, "TICKET_NOT_FOUND")


@pytest.mark.parametrize(
    ("below", "bad"),
    [
        ("/cancel", {"reason": 5}),
        ("/approve-plan", {"approvedBy": 5}),
        ("/reject-plan", {}),
        ("/approve", {"approved": "yes"}),
        ("/answer", {}),
        ("/resume", {"additionalTurns": 0}),
    ],
)
def test_a_bad_body_comes_before_a_wrong_status(api, below, bad):
    refused(api.post(at(IN["resolved"](), below), bad), 400, "VALIDATION_ERROR")


def test_a_wrong_method_comes_before_an_unknown_ticket(api):
    refused(api.put(at(NOBODY)), 405, "METHOD_NOT_ALLOWED")


# --- bodies that are none ---

EVERYWHERE = pytest.mark.parametrize(
    ("method", "path"),
    [("post", "/api/tickets"), *((method, at("{}", below)) for method, below in WITH_BODY)],
)


@EVERYWHERE
def test_every_operation_reads_its_body_in_the_same_way(api, method, path):
    ticket = new_ticket()
    verb, url = method.upper(), path.format(ticket.pk)
    malformed = api.generic(verb, url, b"{", "application/json")
    refused(malformed, 400, "VALIDATION_ERROR")
    array = api.generic(verb, url, b"[]", "application/json")
    assert invalid(array, "body") == {"body": ["Must be a JSON object"]}
    text = api.generic(verb, url, b"x", "text/plain")
    refused(text, 415, "UNSUPPORTED_MEDIA_TYPE")
    large = api.generic(verb, url, b" " * (1024 * 1024 + 1), "application/json")
    refused(large, 413, "PAYLOAD_TOO_LARGE")
    assert Ticket.objects.get().status == "draft"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"title": }',
        b"{'title': 'x'}",
        b"\xff\xfe",
        b'{"title": "\xff"}',
        b"\xef\xbb\xbf{}",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"\x00",
        b" ",
    ],
    ids=lambda body: repr(body[:16]),
)
def test_json_that_is_none_is_a_validation_error(api, body):
    response = api.generic("POST", "/api/tickets", body, "application/json")
    refused(response, 400, "VALIDATION_ERROR")


@pytest.mark.parametrize("body", [[], ["x"], [{}], "x", 5, 1.5, True, None], ids=repr)
def test_a_body_is_an_object_even_where_none_is_needed(api, body):
    response = api.post(at(pending_plan_approval(), "/approve-plan"), **raw(body))
    assert invalid(response, "body") == {"body": ["Must be a JSON object"]}
    assert Ticket.objects.get().status == "pending_plan_approval"


def test_a_number_beyond_all_bounds_is_a_number_that_does_not_fit(api):
    body = b'{"title": "A", "description": "B", "maxTurns": 1e999}'
    invalid(api.generic("POST", "/api/tickets", body, "application/json"), "maxTurns")


@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "text/json",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "json",
        "",
        "é",
    ],
)
def test_a_body_that_is_not_json_is_an_unsupported_media_type(api, media_type):
    response = api.generic("POST", "/api/tickets", b'{"title": "x"}', media_type)
    refused(response, 415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/json; charset=nonsense",
        "application/json; charset",
        "application/json;",
    ],
)
def test_json_is_utf_8_unless_it_says_otherwise(api, media_type):
    body = json.dumps({"title": "日本", "description": "é"}, ensure_ascii=False).encode()
    assert ok(api.generic("POST", "/api/tickets", body, media_type), 201)["title"] == "日本"


@pytest.mark.parametrize("charset", ["zlib", '"utf-8"', "BASE64 ", ""])
def test_a_charset_never_reaches_django_which_would_fail_on_some(charset):
    media_type = f"multipart/form-data; Charset={charset}; boundary=x".encode()
    environ = environ_of(http_scope(headers=[(b"content-type", media_type)]), b"")
    assert environ["CONTENT_TYPE"] == "multipart/form-data; boundary=x"


@pytest.mark.parametrize("media_type", ["text/plain", "multipart/form-data", "é", ""])
def test_a_request_without_a_body_may_claim_any_media_type(api, media_type):
    ok(api.generic("GET", "/api/tickets?limit=1", b"", media_type))
    ok(api.generic("POST", at(new_ticket(), "/run"), b"", media_type), 202)


def test_a_body_of_a_mebibyte_is_read(api):
    body = json.dumps({"title": "x", "description": "y"}).encode()
    body += b" " * (1024 * 1024 - len(body))
    ok(api.generic("POST", "/api/tickets", body, "application/json"), 201)


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/*;q=0.1", "x", ""])
def test_the_answer_is_json_whatever_is_accepted(api, accept):
    ok(api.get("/api/tickets", HTTP_ACCEPT=accept))
    refused(api.get(at(NOBODY), HTTP_ACCEPT=accept), 404, "TICKET_NOT_FOUND")


def test_the_answer_is_json_whatever_format_is_asked_for(api):
    ok(api.get("/api/tickets?format=xml"))


# --- routes and methods ---


@pytest.mark.parametrize(
    "path",
    [
        "/api",
        "/api/",
        "/api/nothing",
        "/api/tickets/",
        f"/api/tickets/{NOBODY}/",
        f"/api/tickets/{NOBODY}/status",
        f"/api/tickets/{NOBODY}/run/",
        "/api/audit/",
        "/api/health/",
        "/API/tickets",
        "//api/tickets",
        "/v1/events",
        "/nothing",
        "/api/tickets/a/b/c",
        "/api/%F0%9F%A6%8A",
        "/%00",
    ],
)
def test_a_route_that_is_none_is_not_found(api, path):
    for method in ("GET", "POST", "OPTIONS", "PURGE"):
        refused(api.generic(method, path), 404, "NOT_FOUND")


@pytest.mark.parametrize("path", sorted(ALLOWED))
def test_another_method_is_refused_and_the_right_ones_are_named(api, path):
    url = path.format(new_ticket().pk)
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PURGE"} - ALLOWED[path]:
        response = api.generic(method, url)
        refused(response, 405, "METHOD_NOT_ALLOWED")
        assert set(response["Allow"].split(", ")) == ALLOWED[path]


@pytest.mark.parametrize("path", ["/api/stream", "/api/tickets/{}/stream"])
def test_without_the_asgi_application_streams_are_unavailable(api, path):
    refused(api.get(path.format(new_ticket().pk)), 503, "UNAVAILABLE")


def test_where_there_is_no_get_there_is_no_head(api):
    assert api.head(at(new_ticket(), "/run")).status_code == 405


@pytest.mark.parametrize("path", sorted(ALLOWED))
def test_options_names_the_methods(api, path):
    response = api.options(path.format(new_ticket().pk))
    ok(response)
    assert set(response["Allow"].split(", ")) == ALLOWED[path]


@pytest.mark.parametrize(
    "path",
    [
        "/api/tickets",
        "/api/tickets/{}",
        "/api/tickets/{}/audit",
        "/api/audit",
        "/api/health",
        "/api/info",
        "/api/stats",
        f"/api/tickets/{NOBODY}",
    ],
)
def test_head_answers_like_get_without_a_body(api, path):
    url = path.format(new_ticket().pk)
    got, head = api.get(url), api.head(url)
    assert head.status_code == got.status_code
    assert head.content == b""
    assert head["Content-Type"] == got["Content-Type"]
    assert head["Content-Length"] == str(len(got.content))


# --- what must never happen ---


@pytest.mark.parametrize("path", ["/api/stats", "/api/tickets"])
def test_a_bug_is_an_internal_error_that_tells_nothing(api, monkeypatch, caplog, path):
    def broken(*_, **__):
        raise RuntimeError("INSERT INTO secrets VALUES ('hunter2')")

    monkeypatch.setattr("tickets.selectors.statistics", broken)
    monkeypatch.setattr("tickets.api.views.page", broken)
    response = api.get(path)
    error = refused(response, 500, "INTERNAL_ERROR")
    assert error == {"code": "INTERNAL_ERROR", "message": error["message"], "details": {}}
    assert b"hunter2" not in response.content
    assert "hunter2" in caplog.text


@pytest.mark.parametrize(
    ("handler", "status", "code"),
    [
        (http.bad_request, 400, "VALIDATION_ERROR"),
        (http.forbidden, 403, "FORBIDDEN"),
        (http.not_found, 404, "NOT_FOUND"),
    ],
)
def test_what_django_answers_itself_is_in_the_envelope(handler, status, code):
    refused(handler(RequestFactory().get("/x"), Exception("hunter2")), status, code)


def test_a_bug_outside_of_the_views_is_in_the_envelope_too():
    refused(http.server_error(RequestFactory().get("/x")), 500, "INTERNAL_ERROR")
