"""Secrets in the log: never themselves, and equal ones can be told to be equal."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.runtime.tool import Arguments, Secret
from aura.kernel import secrets
from aura.kernel.secrets import redact, redact_value, remember
from governance.audit.keys import pseudonym
from governance.audit.record import record
from governance.types import SYSTEM

TOKEN = "ghp_" + "a1B2c3D4e5F6" * 3
MARK = re.compile(r"\[redacted:([a-z_]+)#([0-9a-f]{16})\]")


@pytest.fixture(autouse=True)
def nothing_remembered():
    secrets._remembered.clear()
    secrets._redacted.cache_clear()
    yield
    secrets._remembered.clear()
    secrets._redacted.cache_clear()


@pytest.mark.django_db
def test_equal_secrets_have_equal_pseudonyms_in_every_event():
    one = record("x", actor=SYSTEM, action="x", data={"password": "hunter22", "text": TOKEN})
    two = record("x", actor=SYSTEM, action="x", data={"token": TOKEN, "password": "hunter23"})
    said = [bytes(event.body).decode() for event in (one, two)]
    assert not any(secret in text for secret in (TOKEN, "hunter22") for text in said)
    first, second = (dict(MARK.findall(text)) for text in said)
    assert first["github_token"] in said[1]
    assert first["password"] != second["password"]


def test_a_pseudonym_needs_the_key_and_stays_a_mark():
    text = redact(f"use {TOKEN} now", pseudonym=pseudonym())
    assert MARK.search(text)
    assert redact(text, pseudonym=pseudonym()) == text
    for key in ("password", "token", "text"):
        marked = redact_value({key: TOKEN}, pseudonym=pseudonym())
        assert redact_value(marked, pseudonym=pseudonym()) == marked
        assert redact(f"{key}: {marked[key]}", pseudonym=pseudonym()) == f"{key}: {marked[key]}"
    other = redact(f"use {TOKEN} now", pseudonym=lambda _: "0" * 16)
    assert other != text


class Login(Arguments):
    user: str
    code: Secret


def test_a_typed_secret_is_redacted_wherever_it_stands_from_then_on():
    said = Login(user="ada", code="correct horse")
    assert list(said.secret_values()) == ["correct horse"]
    assert Login.model_json_schema()["properties"]["code"]["writeOnly"] is True
    for secret in said.secret_values():
        remember(secret)
    value = redact_value({"args": said.model_dump(), "error": "no login with 'correct horse'"})
    assert "correct horse" not in str(value)
    assert value["args"] == {"user": "ada", "code": "[redacted:secret]"}


class Inner(Arguments):
    pin: Secret
    hint: str = "a hint"


class Many(Arguments):
    first: Secret | None = None
    others: list[Secret] | None = None
    by_name: dict[str, Secret | int] = {}
    inner: Inner | None = None
    inners: tuple[Inner, ...] = ()
    open: str | None = "no secret"


def test_a_typed_secret_is_found_within_other_types():
    said = Many(
        first="one",
        others=["two", "three"],
        by_name={"host": "four", "port": 5},
        inner=Inner(pin="six"),
        inners=(Inner(pin="seven"),),
    )
    assert list(said.secret_values()) == ["one", "two", "three", "four", "six", "seven"]
    assert list(Many().secret_values()) == []


def test_the_door_remembers_typed_secrets(monkeypatch):
    from agents.runtime.door import Door
    from agents.runtime.tool import Tool, Toolset
    from governance.types import ActionClass, Resource

    tool = Tool(
        name="login",
        description="Log in.",
        action_class=ActionClass.READ,
        parameters=Login,
        run=lambda *_: None,  # type: ignore[arg-type]
        resource=lambda _: Resource(type="host", name="db"),
    )
    call: Any = SimpleNamespace(
        tool="login",
        raw_arguments='{"user": "ada", "code": "correct horse"}',
        inspection={},
        turn=SimpleNamespace(text=""),
    )
    door = object.__new__(Door)
    monkeypatch.setattr(Door, "tools", Toolset([tool]), raising=False)
    monkeypatch.setattr(Door, "_action", lambda *_, **__: (_ for _ in ()).throw(KeyError))
    with pytest.raises(KeyError):
        door.bind(call)
    assert redact("correct horse") == "[redacted:secret]"


def test_short_words_are_not_remembered_and_old_ones_are_forgotten(monkeypatch):
    monkeypatch.setattr(secrets, "MOST_REMEMBERED", 2)
    for secret in ("abc", "first one", "second one", "third one"):
        remember(secret)
    assert list(secrets._remembered) == ["second one", "third one"]


def test_a_name_that_was_seen_before_it_was_a_secret_is_redacted_afterwards():
    assert secrets.redact_name("a name of no meaning") == "a name of no meaning"
    remember("name of no meaning")
    assert secrets.redact_name("a name of no meaning") == "a [redacted:secret]"


@given(st.text(alphabet="abcdefgh0123456789-", min_size=8, max_size=40))
def test_no_remembered_secret_is_left_in_any_shape(secret):
    remember(secret)
    value = {"a": [secret, f"x{secret}y"], "password": secret, secret: 1}
    assert secret not in str(redact_value(value))
