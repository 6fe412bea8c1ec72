"""Everything that can be refused is refused before a stream opens."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client as Browser

from governance.access import give_role
from governance.identity import issue_token
from governance.identity.scopes import NOBODYS
from governance.models import AuditEvent
from governance.types import Role
from tests import people
from tests.tickets.stream.conftest import Client, ask, off_loop, until
from tickets.stream import LogStorage

pytestmark = pytest.mark.django_db

GLOBAL = "/api/stream"


@pytest.fixture
def locked(settings: Any, transactional_db: None) -> None:
    """With authentication on. What is refused is told by threads of their own, hence committed."""
    settings.AURA = settings.AURA.model_copy(update={"auth": "on"})


@pytest.fixture
def person(transactional_db: None) -> Any:
    return people.person("mia", Role.VIEWER)


def refused(path: str, **more: Any) -> Client:
    return asyncio.run(ask(path, **more))


def test_an_unknown_ticket_is_not_found():
    missing = uuid.uuid4()
    answer = refused(f"/api/tickets/{missing}/stream")
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/json"
    assert answer.error == {
        "code": "TICKET_NOT_FOUND",
        "message": f"Ticket with ID {missing} not found",
        "details": {},
    }


@pytest.mark.parametrize("name", ["abc123", "%", "tickets", "ticket-1"])
def test_an_id_of_another_form_is_just_not_found(name):
    answer = refused(f"/api/tickets/{name}/stream")
    assert (answer.status, answer.error["code"]) == (404, "TICKET_NOT_FOUND")
    assert answer.error["message"] == f"Ticket with ID {name} not found"


@pytest.mark.parametrize("path", ["/api/streams", "/api/stream/", "/api/tickets//stream", "/"])
def test_another_path_is_no_route(path):
    answer = refused(path)
    assert (answer.status, answer.error["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("name", ["status", "priority"])
def test_a_bad_filter_names_its_parameter(name):
    answer = refused(f"{GLOBAL}?{name}=high,nonsense,executing")
    assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR")
    assert list(answer.error["details"]) == [name]


def test_a_query_that_is_not_text_is_no_bug():
    answer = refused(f"{GLOBAL}?status=\x80%ff%00")
    assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_other_methods_are_not_allowed(method):
    answer = refused(GLOBAL, method=method)
    assert (answer.status, answer.error["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "GET, HEAD"


def test_a_foreign_host_is_refused(transactional_db):
    answer = refused(GLOBAL, headers={"host": "evil.example"})
    assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR")


def test_a_foreign_page_is_refused(transactional_db):
    answer = refused(GLOBAL, headers={"origin": "https://evil.example"})
    assert (answer.status, answer.error["code"]) == (403, "FORBIDDEN")
    assert "access-control-allow-origin" not in answer.headers


def test_a_database_that_is_away_is_said_so(monkeypatch):
    def away(self: Any, channel: str) -> int:
        raise OperationalError("connection refused: password=hunter2")

    monkeypatch.setattr(LogStorage, "get_current_id", away)
    answer = refused(GLOBAL)
    assert (answer.status, answer.error["code"]) == (503, "UNAVAILABLE")
    assert b"hunter2" not in answer.body


def test_a_bug_tells_nothing(monkeypatch):
    def broken(self: Any, channel: str) -> int:
        raise RuntimeError("hunter2")

    monkeypatch.setattr(LogStorage, "get_current_id", broken)
    answer = refused(GLOBAL)
    assert (answer.status, answer.error["code"]) == (500, "INTERNAL_ERROR")
    assert b"hunter2" not in answer.body


def test_a_refusal_of_a_head_request_has_no_body():
    answer = refused(f"/api/tickets/{uuid.uuid4()}/stream", method="HEAD")
    assert (answer.status, answer.body) == (404, b"")
    assert int(answer.headers["content-length"]) > 0


# --- who is asking ---


@pytest.mark.usefixtures("locked")
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer aura_wrong"},
        {"authorization": "Bearer"},
        {"authorization": "Basic bWlhOng="},
        {"cookie": "sessionid=wrong"},
        {"cookie": 'sessionid="\\000aaaaaaaaaaaaaaaa"'},  # a NUL, as cookies quote it
    ],
)
def test_without_a_login_there_is_no_stream(headers):
    answer = refused(GLOBAL, headers=headers)
    assert (answer.status, answer.error["code"]) == (401, "UNAUTHENTICATED")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.usefixtures("locked")
def test_who_is_not_known_learns_nothing_of_tickets():
    assert refused(f"/api/tickets/{uuid.uuid4()}/stream").status == 401
    assert refused(f"{GLOBAL}?status=nonsense").status == 401


def test_a_bad_token_is_refused_even_where_none_is_needed(transactional_db):
    assert refused(GLOBAL, headers={"authorization": "Bearer aura_wrong"}).status == 401


@pytest.mark.usefixtures("locked")
def test_a_token_opens_a_stream(person):
    token = issue_token(person, name="test")
    assert (
        refused(GLOBAL, method="HEAD", headers={"authorization": f"bearer {token}"}).status == 200
    )


@pytest.mark.usefixtures("locked")
def test_an_expired_token_does_not(person):
    token = issue_token(person, name="test", valid_for=timedelta(seconds=-1))
    assert refused(GLOBAL, headers={"authorization": f"Bearer {token}"}).status == 401


def logged_in(person: Any) -> dict[str, str]:
    browser = Browser()
    browser.force_login(person)
    return {"cookie": f"other=1; sessionid={browser.cookies['sessionid'].value}"}


@pytest.mark.usefixtures("locked")
def test_the_session_of_the_console_opens_a_stream(person):
    assert refused(GLOBAL, method="HEAD", headers=logged_in(person)).status == 200


@pytest.mark.usefixtures("locked")
def test_a_locked_account_does_not(person):
    cookie = logged_in(person)
    person.is_active = False
    person.save()
    assert refused(GLOBAL, headers=cookie).status == 401


@pytest.mark.usefixtures("locked")
def test_a_stream_ends_when_its_login_does(person, monkeypatch):
    monkeypatch.setattr("tickets.stream.reader.HEARTBEAT_S", 0.1)
    token = issue_token(person, name="test")

    async def scene() -> None:
        async with Client(GLOBAL, headers={"authorization": f"Bearer {token}"}) as client:
            assert (await client.next()).event == "connected"
            assert (await client.next()).event == "heartbeat"
            await off_loop(person.api_tokens.all().delete)
            await until(lambda: client.ended)

    asyncio.run(scene())


# --- who may read ---


@pytest.mark.usefixtures("locked")
def test_a_login_without_a_role_reads_no_stream_and_the_log_is_told(transactional_db):
    nobody = people.person("nobody")
    token = issue_token(nobody, name="test")
    answer = refused(GLOBAL, headers={"authorization": f"Bearer {token}"})
    assert (answer.status, answer.error["code"]) == (403, "FORBIDDEN")
    assert refused(GLOBAL, headers=logged_in(nobody)).status == 403
    told = AuditEvent.objects.filter(type="permission_refused")
    assert {event.actor_name for event in told} == {"nobody"}


@pytest.mark.usefixtures("locked")
def test_a_route_that_the_table_forgot_is_nobodys(transactional_db):
    token = issue_token(people.person("root", Role.ADMIN), name="test")
    headers = {"authorization": f"Bearer {token}"}
    assert refused(GLOBAL, headers=headers, permission=NOBODYS).status == 403


def test_foreign_hosts_and_pages_are_told_to_the_log_and_to_no_stream(transactional_db):
    refused(GLOBAL, headers={"host": "evil.example"})
    refused(GLOBAL, headers={"origin": "https://evil.example"})
    told = AuditEvent.objects.order_by("pk").values_list("type", flat=True)
    assert list(told) == ["host_refused", "origin_refused"]
    assert LogStorage().page("tickets", 0).entries == []


@pytest.mark.usefixtures("locked")
def test_a_stream_ends_when_its_reader_loses_the_role(person, monkeypatch):
    monkeypatch.setattr("tickets.stream.reader.HEARTBEAT_S", 0.1)
    token = issue_token(person, name="test")

    async def scene() -> None:
        async with Client(GLOBAL, headers={"authorization": f"Bearer {token}"}) as client:
            assert (await client.next()).event == "connected"
            await off_loop(lambda: give_role(person, None))
            await until(lambda: client.ended)

    asyncio.run(scene())
