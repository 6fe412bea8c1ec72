"""`manage.py webhooks`: everything without a browser."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests import builders
from tests.stubs.receiver import answer, receiving
from tests.tickets.webhooks.conftest import Hook, fed
from tickets.models import WebhookDelivery, WebhookEndpoint

pytestmark = pytest.mark.django_db


def webhooks(*arguments: Any) -> str:
    out = StringIO()
    call_command("webhooks", *map(str, arguments), stdout=out)
    return out.getvalue().strip()


def test_an_endpoint_is_added_tried_out_listed_and_deleted() -> None:
    assert "There is none" in webhooks("list")
    with receiving() as receiver:
        key, said = webhooks("add", receiver.url(), "--events", "ticket.failed").splitlines()
        secret = said.rsplit(" ", 1)[1]
        assert secret.startswith("whsec_")
        assert webhooks("test", key) == "delivered: HTTP 200 ok"
        endpoint = WebhookEndpoint.objects.get(pk=key)
        (message,) = Hook(receiver, endpoint, secret).verified()
        assert message["type"] == "webhook.test"
        assert webhooks("list") == f"{key} active {receiver.url()} ticket.failed"
        assert webhooks("rotate", key).rsplit(" ", 1)[1] != secret
        assert webhooks("reseal") == "1 of 1 webhooks are sealed with the present key"
        assert webhooks("disable", key) == "Disabled"
        assert "disabled (by command line)" in webhooks("list")
        with pytest.raises(CommandError, match="enable it first"):
            webhooks("test", key)
        assert webhooks("enable", key, "--catch-up") == "Enabled"
        assert webhooks("delete", key) == "Deleted"
    assert "There is none" in webhooks("list")


def test_a_test_that_fails_says_why() -> None:
    with receiving(answer(500, b"no such hook")) as receiver:
        key = webhooks("add", receiver.url()).splitlines()[0]
        assert webhooks("test", key) == "pending: HTTP 500 no such hook"


def test_what_was_given_up_is_replayed() -> None:
    with receiving() as receiver:
        key = webhooks("add", receiver.url(), "--events", "ticket.failed").splitlines()[0]
        builders.failed()
        fed()
        WebhookDelivery.objects.update(state="dead", next_at=None, ended_at="2026-01-01T00:00Z")
        assert webhooks("replay", key) == "0 messages are sent again"
        assert webhooks("replay", key, "--hours", 10**5).startswith("1 messages")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["add", "https://10.0.0.1/"], "not a public address"),
        (["add", "http://example.com/"], "Only https"),
        (["add", "nonsense"], "no plain http"),
        (["add", "https://example.com/", "--events", "ticket.fail"], "Unknown: ticket.fail"),
        (["add", "https://example.com/", "--events", ","], "Choose at least one"),
        (["test", "7"], "no webhook 7"),
        (["rotate", "00000000-0000-4000-8000-000000000000"], "no webhook"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_made(arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        webhooks(*arguments)
    assert not WebhookEndpoint.objects.exists()
