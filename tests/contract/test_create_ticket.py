"""POST /api/tickets"""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from agents.models import Run
from tests.builders import log_of
from tests.contract.wire import invalid, moment, ok, raw, uuid4, woken
from tickets.models import Ticket

pytestmark = pytest.mark.django_db

GOOD = {"title": "Deploy Redis cluster", "description": "Deploy a 3-node Redis cluster..."}


def test_the_answer_is_the_documents_own(api):
    body = ok(api.post("/api/tickets", GOOD), 201)
    created = body["createdAt"]
    assert list(body.items()) == [
        ("id", body["id"]),
        ("title", "Deploy Redis cluster"),
        ("description", "Deploy a 3-node Redis cluster..."),
        ("status", "draft"),
        ("priority", "medium"),
        ("createdAt", created),
        ("updatedAt", created),
        ("currentTurn", 0),
        ("maxTurns", 50),
        ("tokenUsage", {"promptTokens": 0, "completionTokens": 0, "totalTokens": 0}),
    ]
    assert list(body["tokenUsage"]) == ["promptTokens", "completionTokens", "totalTokens"]
    uuid4(body["id"])
    moment(created)


def test_the_ticket_is_stored_and_location_leads_to_it(api):
    response = api.post("/api/tickets", GOOD)
    body = ok(response, 201)
    assert response["Location"] == f"/api/tickets/{body['id']}"
    assert ok(api.get(response["Location"]))["title"] == GOOD["title"]
    assert Ticket.objects.get().pk == uuid4(body["id"])


def test_no_agent_starts(api, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as callbacks:
        ok(api.post("/api/tickets", GOOD), 201)
    assert not Run.objects.exists()
    assert woken(callbacks) == []


def test_nobody_in_particular_opened_it_so_the_log_names_the_system(api):
    ok(api.post("/api/tickets", GOOD), 201)
    (event,) = log_of(Ticket.objects.get())
    assert (event.type, event.actor, event.actor_name) == ("ticket_created", "system", "system")


def test_the_log_names_the_person_who_is_logged_in(api):
    api.force_authenticate(User.objects.create_user("ada"))
    ok(api.post("/api/tickets", GOOD), 201)
    (event,) = log_of(Ticket.objects.get())
    assert (event.type, event.actor, event.actor_name) == ("ticket_created", "user", "ada")
    assert Ticket.objects.get().created_by == "ada"


@pytest.mark.parametrize("priority", ["low", "medium", "high", "critical"])
def test_every_documented_priority_is_taken(api, priority):
    assert ok(api.post("/api/tickets", GOOD | {"priority": priority}), 201)["priority"] == priority


def test_max_turns_may_be_given(api):
    assert ok(api.post("/api/tickets", GOOD | {"maxTurns": 7}), 201)["maxTurns"] == 7


def test_without_max_turns_the_setting_counts(api, settings):
    settings.AURA = settings.AURA.model_copy(update={"agent_max_turns": 9})
    assert ok(api.post("/api/tickets", GOOD), 201)["maxTurns"] == 9


def test_texts_are_trimmed(api):
    body = ok(api.post("/api/tickets", {"title": " A ", "description": "\n B\t"}), 201)
    assert (body["title"], body["description"]) == ("A", "B")


def test_texts_may_be_as_long_as_allowed_and_in_any_script(api):
    given = {"title": "é" * 255, "description": "日" * 100_000}
    body = ok(api.post("/api/tickets", given), 201)
    assert (body["title"], body["description"]) == (given["title"], given["description"])


def test_unknown_keys_are_ignored(api):
    body = ok(api.post("/api/tickets", GOOD | {"status": "resolved", "id": "x", "plan": {}}), 201)
    assert body["status"] == "draft"
    assert "plan" not in body


@pytest.mark.parametrize("missing", ["title", "description"])
def test_both_texts_are_required(api, missing):
    body = {name: value for name, value in GOOD.items() if name != missing}
    assert invalid(api.post("/api/tickets", body), missing) == {
        missing: ["This field is required."]
    }


def test_everything_that_is_wrong_is_told_at_once(api):
    body = {"title": "", "priority": "urgent", "maxTurns": 0}
    invalid(api.post("/api/tickets", body), "title", "description", "priority", "maxTurns")


@pytest.mark.parametrize("field", ["title", "description"])
@pytest.mark.parametrize(
    "value",
    ["", " \n\t ", None, 5, 1.5, True, [], ["a"], {}, "a\x00b"],
    ids=repr,
)
def test_a_text_is_a_string_with_something_in_it(api, field, value):
    invalid(api.post("/api/tickets", GOOD | {field: value}), field)


@pytest.mark.parametrize("field", ["title", "description", "priority"])
def test_half_a_character_is_refused(api, field):
    invalid(api.post("/api/tickets", **raw(GOOD | {field: "lone \ud800 surrogate"})), field)


@pytest.mark.parametrize(("field", "length"), [("title", 256), ("description", 100_001)])
def test_a_text_that_is_too_long_is_refused(api, field, length):
    invalid(api.post("/api/tickets", GOOD | {field: "x" * length}), field)


@pytest.mark.parametrize("value", [None, "", "urgent", "HIGH", "low ", 1, True, [], {}], ids=repr)
def test_a_priority_is_one_of_four_words(api, value):
    invalid(api.post("/api/tickets", GOOD | {"priority": value}), "priority")


@pytest.mark.parametrize("value", [None, 0, -1, "5", 1.5, True, [], {}, 100_001, 10**30], ids=repr)
def test_max_turns_is_a_whole_number_from_one(api, value):
    invalid(api.post("/api/tickets", GOOD | {"maxTurns": value}), "maxTurns")


def test_a_whole_number_may_be_written_with_a_point(api):
    """JSON has one type of number, and JSON Schema calls 5.0 an integer."""
    response = api.post("/api/tickets", GOOD | {"maxTurns": 5.0})
    assert response.status_code == 201
    assert response.json()["maxTurns"] == 5


def test_nothing_is_stored_of_a_refused_ticket(api):
    invalid(api.post("/api/tickets", GOOD | {"priority": "urgent"}), "priority")
    assert not Ticket.objects.exists()
