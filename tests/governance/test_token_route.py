"""A request with a bearer token passes fewer middlewares, and gets the same answer."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.signals import request_started
from django.db import close_old_connections

from aura.surfaces.handlers import get_wsgi_application
from governance.identity import issue_token
from governance.types import Role

pytestmark = pytest.mark.django_db
PORT = settings.AURA.ports.api
# Headers of Django's that browsers need; `aura.serving.headers` adds them to every answer.
OF_PAGES = {"cross-origin-opener-policy", "referrer-policy", "x-content-type-options"}
OF_PAGES |= {"x-frame-options"}


def ask(handler: Any, path: str, **variables: str) -> tuple[str, dict[str, str], bytes]:
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": str(PORT),
        "REMOTE_ADDR": "127.0.0.1",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "127.0.0.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
    }
    told: list[Any] = []
    body = handler(environ | variables, lambda *head: told.extend(head))
    headers = {name.lower(): value for name, value in told[1]}
    return told[0], headers, b"".join(body)


@pytest.fixture(autouse=True)
def one_connection() -> Iterator[None]:
    """A request would give the connection up, and with it the test's transaction."""
    request_started.disconnect(close_old_connections)
    yield
    request_started.connect(close_old_connections)


@pytest.fixture
def token(settings: Any) -> str:
    settings.AURA = settings.AURA.model_copy(update={"auth": "on"})
    user = User.objects.create_user("ada", is_superuser=True)
    return issue_token(user, name="t", role=Role.VIEWER)


@pytest.mark.parametrize(
    ("path", "status"),
    [("/api/tickets", "200"), ("/api/info", "200"), ("/api/no", "404"), ("/api/tickets/7", "404")],
)
def test_the_answer_is_the_same(
    path: str, status: str, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
    lean = ask(get_wsgi_application(), path, **header)
    monkeypatch.setattr("aura.surfaces.handlers.APIS", ("/nowhere",))
    whole = ask(get_wsgi_application(), path, **header)
    assert lean[0].startswith(status)
    assert (lean[0], lean[2]) == (whole[0], whole[2])
    assert set(whole[1]) - set(lean[1]) <= OF_PAGES


def test_what_a_browser_brings_beside_a_bad_token_opens_nothing(token: str) -> None:
    status, headers, body = ask(
        get_wsgi_application(),
        "/api/tickets",
        HTTP_AUTHORIZATION="bearer aura_nobodys",
        HTTP_COOKIE="sessionid=x; csrftoken=y",
    )
    assert status.startswith("401"), body
    assert headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("host", ["evil.example", "localhost:x"])
def test_a_foreign_host_is_refused_with_a_token_too(host: str, token: str) -> None:
    header = {"HTTP_AUTHORIZATION": f"Bearer {token}", "HTTP_HOST": host}
    assert ask(get_wsgi_application(), "/api/tickets", **header)[0].startswith("400")
