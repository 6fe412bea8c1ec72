"""The three requests that are answered without Django: as Django answers them, or not at all."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from django.db import OperationalError
from psycopg import DataError

from aura.kernel.database.lines import Lines
from aura.kernel.telemetry import context
from aura.serving import express
from aura.serving.answers import Answer
from governance.audit.background import in_background
from governance.identity import credentials, issue_token, revoke_token
from governance.models import ApiToken, AuditEvent, AuditLink
from governance.types import SYSTEM, Role
from tests.builders import log_of, new_ticket, paused, pending_plan_approval, planning
from tests.people import bearer, person
from tests.scopes import http_scope
from tickets import services
from tickets.models import Status, Ticket, TicketCount

pytestmark = pytest.mark.django_db
committed = pytest.mark.django_db(transaction=True)  # its connections see nothing else

LIST = "/api/tickets"
JSON = {"content-type": "application/json"}
BODY = b'{"title": "Deploy Redis cluster", "description": "Three nodes", "priority": "high"}'
SAID = ("Content-Type", "Allow", "Location")


@pytest.fixture(autouse=True)
def with_login(login_required):
    """As in production."""


@pytest.fixture
def token(api) -> str:
    """An operator's, that was used a moment ago."""
    return used(api, issue_token(person("ada", Role.OPERATOR), name="laptop"))


def used(api, token: str) -> str:
    assert api.get(f"{LIST}?limit=1", **bearer(token)).status_code == 200
    return token


def asked(token: str, path: str = LIST, *, method: str = "GET", body: bytes = b"", **more: str):
    """(what express answers, what the access line would say)."""
    scope, exchange = scope_of(token, path, method=method, **more), context.Exchange()

    async def ask() -> Answer | None:
        try:
            with context.using(context.alone(), exchange):
                return await express.express(scope, body)
        finally:
            await express.close()

    return asyncio.run(ask()), exchange


def scope_of(token: str, path: str, *, method: str, **more: str) -> dict[str, Any]:
    path, _, query = path.partition("?")
    said = {"host": "localhost:3000", "authorization": f"Bearer {token}", **more}
    headers = [(k.replace("_", "-").encode(), v.encode()) for k, v in said.items()]
    return http_scope(method=method, path=path, query_string=query.encode(), headers=headers)


def created(token: str, body: bytes = BODY, **more: str) -> Answer | None:
    sent = {"content_type": "application/json"} | more
    answer: Answer | None = asked(token, method="POST", body=body, **sent)[0]
    return answer


def headers_of(answer: Answer) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in answer.headers}


def same(answer: Answer | None, response: Any) -> None:
    assert answer is not None
    assert (answer.status, answer.body) == (response.status_code, response.content)
    said = {name.lower(): response[name] for name in SAID if name in response}
    assert headers_of(answer) == said | {"content-length": str(len(response.content))}


@committed
def test_a_list_is_what_django_answers(api, token):
    for title in ("A", 'B "quoted" \u2028', "Ć"):
        new_ticket(title=title)
    for query in ("", "?limit=2&offset=1", "?status=failed,draft&priority=high"):
        same(asked(token, LIST + query)[0], api.get(LIST + query, **bearer(token)))
    _, exchange = asked(token)
    assert (exchange.route, exchange.user) == ("api/tickets", "ada")


@committed
def test_one_ticket_is_what_django_answers(api, token):
    ticket = new_ticket(title="A \u2028 B", description="Ć" * 100)
    Ticket.objects.filter(pk=ticket.pk).update(
        status=Status.FAILED, last_error="lost", commits=["abc"], estimated_cost="1.25"
    )
    answer, exchange = asked(token, f"{LIST}/{ticket.pk}")
    same(answer, api.get(f"{LIST}/{ticket.pk}", **bearer(token)))
    assert (exchange.route, exchange.ticket) == ("api/tickets/<str:id>", str(ticket.pk))


@committed
def test_a_created_ticket_is_there_and_told_of_as_django_does_it(api, token):
    with in_background():
        answer = created(token)
    assert answer is not None
    ours = json.loads(answer.body)
    response = api.post(LIST, json.loads(BODY), **bearer(token))
    theirs = response.json()
    assert headers_of(answer)["location"] == f"{LIST}/{ours['id']}"
    assert {"allow", "content-type"} < headers_of(answer).keys()
    for name in ("id", "createdAt", "updatedAt"):
        assert ours.pop(name) != theirs[name]
        del theirs[name]
    assert (answer.status, ours) == (response.status_code, theirs)
    both = [rows_of(ticket) for ticket in Ticket.objects.all()]
    assert len(both) == 2
    assert both[0] == both[1]
    assert AuditLink.objects.count() >= 2  # linked by the thread beside


@committed
def test_200_created_at_once_are_all_there_each_with_its_own_event(token):
    scope = scope_of(token, LIST, method="POST", content_type="application/json")
    titles = [f"Deploy {n}" for n in range(200)]

    async def one(title: str) -> dict[str, Any]:
        body = json.dumps({"title": title, "description": "Three nodes"}).encode()
        answer = await express.express(scope, body)
        assert answer is not None
        assert answer.status == 201
        ticket: dict[str, Any] = json.loads(answer.body)
        return ticket

    async def all_of_them() -> list[dict[str, Any]]:
        try:
            return await asyncio.gather(*map(one, titles))
        finally:
            await express.close()

    with in_background():
        answers = asyncio.run(all_of_them())
    told = {answer["id"]: answer["title"] for answer in answers}
    assert [answer["title"] for answer in answers] == titles
    assert told == {str(ticket.pk): ticket.title for ticket in Ticket.objects.all()}
    events = AuditEvent.objects.filter(type="ticket_created")
    said = {e.trace_id: json.loads(bytes(e.body))["data"]["payload"]["title"] for e in events}
    assert (said, events.count()) == (told, 200)
    assert AuditLink.objects.filter(event__in=events).count() == 200
    assert counted_tickets() == 200


@committed
def test_a_ticket_that_cannot_be_written_fails_alone_and_leaves_no_event():
    async def all_of_them() -> list[Ticket | BaseException]:
        lines = Lines(2)
        titles = ["A", "no text of PostgreSQL: \x00", "B"]
        new = [
            services.create_ticket_here(lines, title=t, description="", actor=SYSTEM)
            for t in titles
        ]
        try:
            return await asyncio.gather(*new, return_exceptions=True)
        finally:
            await lines.close()

    with in_background():
        a, bad, b = asyncio.run(all_of_them())
    assert isinstance(bad, DataError)
    assert {*Ticket.objects.all()} == {a, b}
    assert AuditEvent.objects.filter(type="ticket_created").count() == 2
    assert counted_tickets() == 2


def counted_tickets() -> int:
    """As the triggers of the database keep it."""
    return sum(TicketCount.objects.values_list("tickets", flat=True))


def rows_of(ticket: Ticket) -> tuple[Any, ...]:
    (event,) = log_of(ticket, "ticket_created")
    fields = {f.name: getattr(ticket, f.name) for f in Ticket._meta.concrete_fields}
    body = json.loads(bytes(event.body))
    assert (body["id"], body["key"]) == (str(event.uid), event.key)
    for name in ("id", "created_at", "updated_at"):
        del fields[name]
    for name in ("id", "key", "timestamp", "traceId"):
        del body[name]
    return fields, body, event.actor, event.actor_name, event.action


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"title": "A"}',
        b'{"title": 5, "description": "B"}',
        b'{"title": "A", "description": "B", "maxTurns": 0}',
        b'{"title": "A", "description": "B", "priority": "soon"}',
        b'{"title": "\\ud800", "description": "B"}',
        b'{"title": "\\u0000", "description": "B"}',
        b'{"title": "A", "description": NaN}',
    ],
)
def test_a_body_that_does_not_fit_is_left_to_django(token, body):
    assert created(token, body) is None
    assert not Ticket.objects.exists()


@pytest.mark.parametrize(
    "more",
    [
        {"origin": "https://elsewhere.example"},
        {"host": "elsewhere.example"},
        {"authorization": "Bearer aura_unknown"},
        {"authorization": "Basic YTpi"},
        {"authorization": ""},
        {"content_type": "text/plain"},
        {"content_type": "application/json; charset=utf-16"},
    ],
)
def test_whatever_another_would_look_at_is_left_to_django(token, more):
    assert created(token, **more) is None
    assert not Ticket.objects.exists()


def test_a_header_said_twice_is_left_to_django(token):
    host = (b"host", b"localhost:3000")
    said = (b"authorization", f"Bearer {token}".encode())
    scope = http_scope(path=LIST, headers=[host, said, (b"authorization", b"Bearer aura_other")])
    assert asyncio.run(express.express(scope, b"")) is None


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{LIST}?limit=0"),
        ("GET", f"{LIST}?status=asleep"),
        ("GET", f"{LIST}/"),
        ("GET", f"{LIST}/abc123"),
        ("GET", f"{LIST}/00000000-0000-0000-0000-000000000000"),
        ("GET", "/api/stats"),
        ("HEAD", LIST),
        ("OPTIONS", LIST),
        ("DELETE", LIST),
    ],
)
def test_other_requests_are_left_to_django(token, method, path):
    assert asked(token, path, method=method)[0] is None


@committed
def test_a_ticket_with_more_to_tell_is_left_to_django(token):
    for busy in (pending_plan_approval, planning, paused):
        assert asked(token, f"{LIST}/{busy().pk}")[0] is None


@committed
def test_who_may_only_look_may_only_look(api):
    token = used(api, issue_token(person("eve", Role.VIEWER), name="phone"))
    assert asked(token)[0] is not None
    assert created(token) is None


def test_where_requests_are_counted_django_counts_them(token, settings):
    settings.AURA = settings.AURA.model_copy(update={"throttle": "on"})
    assert asked(token)[0] is None


@committed
def test_a_token_that_was_good_a_while_ago_is_looked_up_again(token, monkeypatch):
    monkeypatch.setattr(credentials, "TRUSTED_S", 0.0)
    assert asked(token)[0] is not None
    ApiToken.objects.update(revoked_at="2026-01-01T00:00:00Z")
    assert asked(token)[0] is None


def test_a_revoked_token_is_left_to_django_at_once(token):
    revoke_token(ApiToken.objects.get(), by=SYSTEM)
    assert asked(token)[0] is None


def test_a_list_that_the_database_does_not_give_is_asked_for_again_by_django(token, monkeypatch):
    monkeypatch.setattr(express.lines, "ask", unreachable)
    assert asked(token)[0] is None


def test_a_ticket_that_may_not_be_written_is_not_tried_twice(token, monkeypatch):
    monkeypatch.setattr(express.lines, "insert", unreachable)
    answer = created(token)
    assert answer is not None
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (503, "UNAVAILABLE")


async def unreachable(*_: Any) -> None:
    raise OperationalError("server closed the connection unexpectedly")


def test_a_bug_tells_nothing(token, monkeypatch, caplog):
    async def broken(*_: Any) -> None:
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr(express.lines, "insert", broken)
    answer = created(token)
    assert answer is not None
    assert (answer.status, b"swordfish" in answer.body) == (500, False)
    assert "unexpected error at POST /api/tickets" in caplog.text
