"""Our client: agents elsewhere."""

from __future__ import annotations

import json

import pytest

from agents.external.protocol import Protocol
from agents.external.remote import RemoteAgent, RemoteFailure, remote_agents
from agents.models import HelpdeskTask
from aura.config import Settings
from tests.stubs.receiver import answer, receiving


def card(**more):
    return {"name": "elsewhere", "description": "d", "version": "1", "skills": [], **more}


def replies(*bodies):
    return [answer(200, json.dumps(body).encode()) for body in bodies]


OLD_CARD = card(url="http://10.9.9.9/a2a", protocolVersion="0.3.0")
NEW_CARD = card(
    supportedInterfaces=[
        {"url": "https://x/", "protocolBinding": "GRPC", "protocolVersion": "1.0"},
        {"url": "https://x/rpc", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
    ]
)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["", "/.well-known/agent.json"])
def test_an_agent_of_ours_is_asked_like_any_other(client, path):
    agent = RemoteAgent.discover(client.url + path)
    assert agent.name == "postgres_database_agent"
    assert agent.protocol == (Protocol.OLD if path else Protocol.NEW)
    assert [one["id"] for one in agent.skills][:2] == ["echo", "fail"]
    found = agent.ask("hello", trace_id="tr_1", context_id="ctx-9")
    task = HelpdeskTask.objects.get()
    assert (task.trace_id, task.context_id) == ("tr_1", "ctx-9")
    assert {**found, "artifacts": []} == {
        "agent": "postgres_database_agent",
        "task_id": task.key,
        "state": "completed",
        "text": "echo: hello",
        "artifacts": [],
    }
    assert found["artifacts"][0]["parts"] == "echo: hello"


@pytest.mark.parametrize("shown", [OLD_CARD, NEW_CARD])
def test_a_card_chooses_the_path_and_never_another_host(shown):
    with receiving() as receiver:
        receiver.answers = replies(shown, {"result": {"kind": "message", "parts": []}})
        place = receiver.url("/.well-known/agent-card.json")
        agent = RemoteAgent.discover(place, api_key="key-1")
        agent.ask("x")
    assert receiver.got[1].path in {"/a2a", "/rpc"}
    assert receiver.got[1].headers["authorization"] == "Bearer key-1"
    assert "authorization" not in receiver.got[0].headers


def test_what_is_still_worked_on_is_asked_for_until_it_has_ended(monkeypatch):
    monkeypatch.setattr("agents.external.remote.POLL_S", 0.01)
    working = {"id": "t-1", "status": {"state": "TASK_STATE_WORKING"}}
    said = {"parts": [{"text": "no such host"}]}
    failed = {"id": "t-1", "status": {"state": "TASK_STATE_FAILED", "message": said}}
    with receiving() as receiver:
        receiver.answers = replies(
            NEW_CARD, {"result": {"task": working}}, {"result": working}, {"result": failed}
        )
        found = RemoteAgent.discover(receiver.url()).ask("x")
    assert (found["state"], found["text"]) == ("failed", "no such host")
    assert json.loads(receiver.got[-1].body)["method"] == "GetTask"


@pytest.mark.parametrize(
    ("replied", "sentence"),
    [
        (answer(200, b"<html>"), "without a JSON object"),
        (answer(500, b'{"error": "down"}'), "HTTP 500 down"),
        (answer(302, b"{}", Location="http://127.0.0.1:1/"), "offers no JSON-RPC"),
        (answer(200, json.dumps(card()).encode()), "offers no JSON-RPC"),
        (answer(200, b'{"url": "http://x", "name": 7}'), "offers no JSON-RPC"),
    ],
)
def test_what_shows_no_card_is_said_in_words(replied, sentence):
    with receiving() as receiver:
        receiver.answers = [replied]
        with pytest.raises(RemoteFailure, match=sentence):
            RemoteAgent.discover(receiver.url("/card.json"))


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"error": {"code": -32603, "message": "broken"}}, "elsewhere: broken"),
        ({"result": 7}, "its answer is no result"),
    ],
)
def test_what_an_agent_refuses_is_said_in_words(body, sentence):
    with receiving() as receiver:
        receiver.answers = replies(OLD_CARD, body)
        agent = RemoteAgent.discover(receiver.url("/card.json"))
        with pytest.raises(RemoteFailure, match=sentence):
            agent.ask("x")


def test_one_agent_that_is_away_does_not_hide_the_others():
    with receiving() as receiver:
        receiver.answers = replies(OLD_CARD)
        config = Settings.model_construct(
            agent_urls=("http://127.0.0.1:1/card.json", receiver.url("/card.json")),
            agent_api_key="",
        )
        away, there = remote_agents(config)
    assert "ConnectError" in str(away)
    assert isinstance(there, RemoteAgent)
