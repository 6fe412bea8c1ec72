"""GET /api/health"""

from __future__ import annotations

import json
import time
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils.timezone import now

from agents.models import Probe
from agents.probes import GOOD_FOR
from aura.config import VERSION
from governance.types import Role
from tests.contract.wire import ok, refused
from tests.people import bearer, headers_of, person

pytestmark = pytest.mark.django_db


def a_worker_saw(*, age=timedelta(), **available):
    for name, good in available.items():
        Probe.objects.create(name=name, available=good, checked_at=now() - age)


def test_the_answer_is_the_documents_own(api):
    a_worker_saw(git=True, llm=True)
    body = ok(api.get("/api/health"))
    assert list(body.items()) == [
        ("status", "healthy"),
        ("version", VERSION),
        ("uptime", body["uptime"]),
        ("database", "connected"),
        ("git", "available"),
        ("llm", "available"),
    ]
    assert type(body["uptime"]) is int


def test_uptime_counts_seconds_since_the_start(api, monkeypatch):
    monkeypatch.setattr("tickets.api.status.STARTED", time.monotonic() - 3600.5)
    assert ok(api.get("/api/health"))["uptime"] in {3600, 3601}


@pytest.mark.parametrize(("git", "llm"), [(False, True), (True, False), (False, False)])
def test_a_part_that_is_away_is_named_and_the_answer_is_still_200(api, git, llm):
    a_worker_saw(git=git, llm=llm)
    body = ok(api.get("/api/health"))
    assert body["status"] == "unhealthy"
    assert body["database"] == "connected"
    assert body["git"] == ("available" if git else "unavailable")
    assert body["llm"] == ("available" if llm else "unavailable")


def test_where_no_worker_ever_looked_nothing_is_claimed(api):
    body = ok(api.get("/api/health"))
    assert (body["status"], body["git"], body["llm"]) == (
        "unhealthy",
        "unavailable",
        "unavailable",
    )


def test_what_was_seen_too_long_ago_no_longer_counts(api):
    a_worker_saw(git=True, age=GOOD_FOR + timedelta(seconds=1))
    a_worker_saw(llm=True, age=GOOD_FOR - timedelta(seconds=10))
    body = ok(api.get("/api/health"))
    assert (body["status"], body["git"], body["llm"]) == ("unhealthy", "unavailable", "available")


@pytest.mark.parametrize("sent", [{}, bearer("aura_wrong")])
def test_a_monitor_needs_no_login_and_learns_the_status_alone(api, login_required, sent):
    assert ok(api.get("/api/health", **sent)) == {"status": "unhealthy"}
    a_worker_saw(git=True, llm=True)
    assert ok(api.get("/api/health", **sent)) == {"status": "healthy"}


def test_who_may_look_learns_the_parts(api, login_required):
    viewer, nobody = person("viewer", Role.VIEWER), person("nobody")
    assert ok(api.get("/api/health", **headers_of(viewer)))["database"] == "connected"
    assert list(ok(api.get("/api/health", **headers_of(nobody)))) == ["status"]


@pytest.fixture
def no_database():
    """Nothing listens where the database should be."""
    right = connection.settings_dict.copy()
    connection.close()
    connection.settings_dict.update(HOST="127.0.0.1", PORT="1")
    yield
    connection.close()
    connection.settings_dict.update(right)


@pytest.mark.django_db(transaction=True)
def test_without_its_database_the_product_is_out_of_service(api, no_database):
    body = ok(api.get("/api/health"), 503)
    assert list(body) == ["status", "version", "uptime", "database", "git", "llm"]
    assert body["status"] == "unhealthy"
    assert body["database"] == "disconnected"


@pytest.mark.django_db(transaction=True)
def test_the_database_that_went_away_is_noticed_by_somebody_logged_in_too(api, request):
    api.force_login(User.objects.create_user("ada"))
    request.getfixturevalue("no_database")
    assert ok(api.get("/api/health"), 503)["database"] == "disconnected"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/tickets"),
        ("POST", "/api/tickets"),
        ("GET", "/api/stats"),
        ("POST", "/api/tickets/00000000-0000-4000-8000-000000000000/run"),
    ],
)
@pytest.mark.django_db(transaction=True)
def test_without_its_database_every_other_answer_says_that_it_may_be_tried_again(
    api, no_database, method, path
):
    body = {"title": "A", "description": "B"}
    refused(api.generic(method, path, json.dumps(body), "application/json"), 503, "UNAVAILABLE")
