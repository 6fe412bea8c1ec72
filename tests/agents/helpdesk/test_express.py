"""Direct calls that are answered without Django: as Django answers them, or not at all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as configured

from agents.models import HelpdeskTask
from agents.runtime.tool import ToolFailure
from aura.asgi import bridge
from aura.kernel.telemetry import context
from aura.serving import direct
from aura.serving.answers import Answer
from governance.identity import issue_token, user_of
from governance.types import Resource, Role
from tests.agents.working import close_connections_of_bridge, working
from tests.people import person
from tests.scopes import http_scope

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/v1/db/look"
BODY = b'{"text": "hello"}'
OWN = {b"x-trace-id", b"x-task-id", b"content-length"}  # differ from call to call


@pytest.fixture(autouse=True)
def worker(desk, settings) -> Iterator[None]:
    settings.AURA = settings.AURA.model_copy(update={"auth": "on"})
    with working():
        yield
    close_connections_of_bridge()


@pytest.fixture
def token() -> str:
    """An operator's, that was used a moment ago."""
    return used(Role.OPERATOR)


def used(role: Role) -> str:
    made = issue_token(person(f"user-{role.value}", role), name="laptop")
    user_of(made)
    return made


def scope_of(token: str, path: str = PATH, **more: Any) -> dict[str, Any]:
    path, _, query = path.partition("?")
    port = configured.AURA.ports.gateway
    said = [
        (b"host", f"localhost:{port}".encode()),
        (b"authorization", f"Bearer {token}".encode()),
        (b"content-type", b"application/json"),
        *more.pop("headers", ()),
    ]
    return http_scope(
        method="POST",
        path=path,
        query_string=query.encode(),
        headers=said,
        server=("127.0.0.1", port),
        **more,
    )


def asked(token: str, path: str = PATH, *, body: bytes = BODY, **more: Any) -> Answer | None:
    user_of(token)  # known a moment ago, however slow this machine is

    async def ask() -> Answer | None:
        with context.using(context.incoming(prefix="dt_"), context.Exchange()):
            return await direct.direct(scope_of(token, path, **more), body)

    return asyncio.run(ask())


def by_django(token: str, path: str = PATH, *, body: bytes = BODY) -> Answer:
    async def ask() -> Answer:
        with context.using(context.incoming(prefix="dt_"), context.Exchange()):
            return await bridge._in_a_thread(scope_of(token, path), body, api=False)

    return asyncio.run(ask())


def same(answer: Answer | None, other: Answer) -> None:
    assert answer is not None
    assert answer.status == other.status
    mine, theirs = ({n: v for n, v in a.headers if n not in OWN} for a in (answer, other))
    assert mine == theirs
    assert {n for n, _ in answer.headers} == {n for n, _ in other.headers}
    one, two = json.loads(answer.body), json.loads(other.body)
    for each in (one, two):
        each.pop("task_id", None)
        each.pop("approval_id", None)
        each.pop("artifacts", None)
    if "text" not in one or "approval" not in one["text"]:
        assert one == two
    assert answer.body.endswith(b"\n")


def test_a_call_is_answered_as_django_answers_it(token):
    same(asked(token), by_django(token))
    same(asked(token, body=b"null"), by_django(token, body=b"null"))
    one, two = HelpdeskTask.objects.all()[:2]
    for name in ("agent", "asked_kind", "asked_by", "roles", "arguments", "purpose", "state"):
        assert getattr(one, name) == getattr(two, name)


def test_a_denial_a_failure_and_a_wait_are_answered_as_django_answers_them(token, desk):
    same(asked(token, "/api/v1/db/change"), by_django(token, "/api/v1/db/change"))
    desk.fault = ToolFailure("connection refused")
    same(asked(token), by_django(token))
    desk.resource = Resource(type="database", name="elsewhere")
    same(asked(token), by_django(token))


def test_the_role_of_the_caller_is_kept_as_django_keeps_it(desk):
    for role in (Role.OPERATOR, Role.APPROVER, Role.ADMIN):
        token = used(role)
        assert asked(token) is not None
        by_django(token)
        one, two = HelpdeskTask.objects.all()[:2]
        assert one.roles == two.roles == [role.value]


def test_trace_and_purpose_are_kept_with_the_task(token):
    more = [(b"x-purpose", b"on-call"), (b"x-purpose-note", b"INC-7")]
    answer = asked(token, headers=more)
    assert answer is not None
    task = HelpdeskTask.objects.get()
    assert (task.purpose, task.purpose_note) == ("on-call", "INC-7")
    told = dict(answer.headers)
    assert told[b"x-trace-id"].decode() == task.trace_id
    assert told[b"x-trace-id"].startswith(b"dt_")
    assert told[b"x-task-id"].decode() == task.key


NO_OBJECTS = (b"", b"{", b"[1]", b"1", b'"x"', b'{"text": NaN}', b'{"text": 1e999}', b"\xff")
OTHER_PATHS = ("/api/v1/db/nothing", "/api/v1/db/", f"{PATH}/x", f"{PATH}?wait=0", "/db/look")
NOT_PLAIN = (
    (b"origin", b"http://evil.example"),
    (b"host", b"other"),
    (b"authorization", b"Bearer x"),
    (b"content-type", b"text/plain"),
)


def test_what_is_no_plain_call_is_left_to_django(token):
    for body in NO_OBJECTS:
        assert asked(token, body=body) is None, body
    for path in OTHER_PATHS:
        assert asked(token, path) is None, path
    for header in NOT_PLAIN:
        assert asked(token, headers=[header]) is None, header
    assert asked(token, headers=[(b"x-purpose", b"a"), (b"x-purpose", b"b")]) is None
    assert not HelpdeskTask.objects.exists()


def test_who_may_not_ask_agents_is_left_to_django(token):
    assert asked(used(Role.VIEWER)) is None
    assert not HelpdeskTask.objects.exists()
