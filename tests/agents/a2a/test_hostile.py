"""Requests over A2A that nobody sends by mistake: each is answered by its own fault."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode

import pytest

from agents.models import HelpdeskTask
from tests.agents.a2a.conftest import old

pytestmark = pytest.mark.django_db(transaction=True)

PARSE_ERROR, INVALID_REQUEST, INVALID_PARAMS = -32700, -32600, -32602
REQUEST = '{"jsonrpc": "2.0", "id": 7, "method": "message/send", "params": %s}'


def token(*content):
    return urlsafe_b64encode(json.dumps(content).encode()).decode()


@pytest.mark.parametrize(
    "body",
    [
        REQUEST.replace("7", "1e999") % "{}",
        REQUEST % '{"metadata": {"x": -1e999}}',
        REQUEST % ('{"a":' * 900 + "1" + "}" * 900),
        "[" * 20_000,
    ],
)
def test_what_is_no_json_or_nested_too_deeply_is_refused_as_such(client, body):
    answer = client.post(body)
    assert "Infinity" not in answer.text
    assert answer.json()["error"]["code"] in {PARSE_ERROR, INVALID_REQUEST}
    assert not HelpdeskTask.objects.exists()


@pytest.mark.parametrize(
    "params",
    [
        {"pageToken": urlsafe_b64encode(b"[" * 100_000).decode()},
        {"pageToken": token("0001-01-01T00:00:00+23:59", "0" * 32)},
        {"statusTimestampAfter": "0001-01-01T00:00:00+23:59"},
        {"statusTimestampAfter": "9999-12-31T23:59:59-23:59"},
    ],
)
def test_a_page_or_a_time_that_cannot_be_is_refused(client, params):
    answer = client.call("ListTasks", params, version="1.0")
    assert answer["error"]["code"] == INVALID_PARAMS


def test_a_scheme_that_no_row_can_keep_is_refused(client):
    config = {"url": "https://example.com/", "authentication": {"schemes": ["B" * 500]}}
    params = {"message": old(), "configuration": {"pushNotificationConfig": config}}
    assert client.call("message/send", params)["error"]["code"] == INVALID_PARAMS
    assert not HelpdeskTask.objects.exists()
