"""Refusals and logins in the log: who, where, why; and never so many that they fill it."""

from __future__ import annotations

import pytest

from governance import refusals
from governance.audit.record import data_of
from governance.identity import issue_token, revoke_token
from governance.models import ApiToken, AuditEvent
from governance.refusals import EACH, TOGETHER, WINDOW_S, Bounded, Kind
from governance.types import SYSTEM, Role
from tests.builders import new_ticket
from tests.people import bearer, headers_of, person
from tickets.events import STREAMED, TYPES
from tickets.stream import LogStorage

pytestmark = pytest.mark.django_db

HERE = "127.0.0.1"


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def told(kind):
    return [data_of(e.body) for e in AuditEvent.objects.filter(type=kind).order_by("pk")]


@pytest.fixture
def login_required(settings):
    settings.AURA = settings.AURA.model_copy(update={"auth": "on"})


# --- what is told ---


def test_a_bad_token_is_told_with_route_and_address_and_without_the_token(api, login_required):
    api.get("/api/tickets", **bearer("aura_hunter2hunter2"))
    (event,) = told(Kind.BAD_CREDENTIAL)
    assert event["data"]["payload"] == {
        "address": HERE,
        "route": "GET /api/tickets",
        "reason": "bearer token unknown",
    }
    assert "hunter2" not in str(event)


def test_a_token_that_was_good_once_is_named(api, login_required):
    headers = bearer(issue_token(person("ada", Role.VIEWER), name="ci"))
    revoke_token(ApiToken.objects.get(), by=SYSTEM)
    api.get("/api/tickets", **headers)
    (event,) = told(Kind.BAD_CREDENTIAL)
    assert event["data"]["payload"]["reason"] == "bearer token 'ci' of ada: revoked"


def test_no_credential_at_all_is_no_event(api, login_required):
    api.get("/api/tickets")
    assert not AuditEvent.objects.exists()


def test_what_a_role_may_not_do_is_told_with_who_tried(api, login_required):
    ticket = new_ticket()
    headers = headers_of(person("vera", Role.VIEWER))
    api.post(f"/api/tickets/{ticket.pk}/cancel", **headers)
    (event,) = told(Kind.NOT_ALLOWED)
    assert event["actor"] == {"kind": "user", "name": "vera", "roles": ["viewer"]}
    assert event["data"]["payload"]["reason"] == "needs tickets.change_ticket"


def test_foreign_hosts_and_origins_are_told(api):
    api.get("/api/tickets", HTTP_HOST="evil.example")
    api.get("/api/tickets", HTTP_ORIGIN="https://evil.example")
    assert told(Kind.FOREIGN_HOST)[0]["data"]["payload"]["reason"] == "Host 'evil.example'"
    reason = told(Kind.FOREIGN_ORIGIN)[0]["data"]["payload"]["reason"]
    assert reason == "Origin 'https://evil.example'"


def test_a_forwarded_address_of_a_stranger_is_not_believed(api, login_required):
    api.get("/api/tickets", HTTP_X_FORWARDED_FOR="198.51.100.9", **bearer("aura_x"))
    assert told(Kind.BAD_CREDENTIAL)[0]["data"]["payload"]["address"] == HERE


def test_refusals_are_in_the_audit_api_and_in_no_stream(api, login_required):
    ticket = new_ticket()
    headers = headers_of(person("vera", Role.VIEWER))
    api.post(f"/api/tickets/{ticket.pk}/cancel", **headers)
    found = api.get(f"/api/audit?type={Kind.NOT_ALLOWED.value}", **headers).json()
    assert [entry["actorName"] for entry in found["entries"]] == ["vera"]
    of_ticket = api.get(f"/api/tickets/{ticket.pk}/audit", **headers).json()
    assert Kind.NOT_ALLOWED not in [entry["type"] for entry in of_ticket["entries"]]
    assert set(Kind) <= set(TYPES)
    assert not set(Kind) & set(STREAMED)
    assert LogStorage().page("tickets", 0).entries == []


# --- how many ---


def test_of_a_flood_a_few_are_told_and_the_rest_is_counted(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(refusals, "_bounded", Bounded(clock))
    for _ in range(1000):
        refusals.note(Kind.BAD_CREDENTIAL, address=HERE, route="GET /x")
    assert len(told(Kind.BAD_CREDENTIAL)) == EACH
    clock.now += WINDOW_S
    refusals._sum_up(refusals._bounded.over())
    summary = told(Kind.BAD_CREDENTIAL)[-1]
    assert summary["data"]["payload"]["count"] == 1000 - EACH
    assert summary["data"]["payload"]["address"] == HERE
    assert refusals._bounded.over() == {}


def test_addresses_and_kinds_are_counted_apart(monkeypatch):
    monkeypatch.setattr(refusals, "_bounded", Bounded(Clock()))
    for number in range(EACH + 2):
        refusals.note(Kind.BAD_CREDENTIAL, address=HERE, route=f"GET /{number}")
    refusals.note(Kind.BAD_CREDENTIAL, address="203.0.113.1", route="GET /x")
    refusals.note(Kind.LOGIN_FAILED, address=HERE, route="POST /x")
    assert len(told(Kind.BAD_CREDENTIAL)) == EACH + 1
    assert len(told(Kind.LOGIN_FAILED)) == 1


def test_a_flood_from_many_addresses_is_bounded_too(monkeypatch):
    clock = Clock()
    bounded = Bounded(clock)
    admitted = [bounded.admit(Kind.BAD_CREDENTIAL, f"a{n}")[0] for n in range(100_000)]
    assert sum(admitted) == TOGETHER
    clock.now += WINDOW_S
    left = bounded.over()
    assert sum(left.values()) == 100_000 - TOGETHER
    assert len(left) <= TOGETHER + 1


def test_a_machine_with_a_network_of_ipv6_addresses_counts_as_one(monkeypatch):
    monkeypatch.setattr(refusals, "_bounded", Bounded(Clock()))
    for number in range(20):
        refusals.note(Kind.BAD_CREDENTIAL, address=f"2001:db8::{number:x}", route="GET /x")
    assert len(told(Kind.BAD_CREDENTIAL)) == EACH


def test_what_a_stranger_writes_is_cut(api, login_required):
    api.get("/api/" + "x" * 3000, **bearer("aura_x"))
    api.get("/api/tickets", HTTP_HOST="e" * 3000)
    for event in AuditEvent.objects.all():
        assert len(bytes(event.body)) < 1500
