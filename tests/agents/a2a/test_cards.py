"""What an agent says of itself."""

from __future__ import annotations

import json

import httpx
import pytest

from agents.a2a import cards
from aura.config import ConfigError, Settings, load
from tests.agents.standin import AGENTS, SECRET_WORDS

served = pytest.mark.django_db(transaction=True)

OLD, NEW = "/.well-known/agent.json", "/.well-known/agent-card.json"
AGENT = AGENTS[0]


@served
def test_the_documents_path_has_the_documents_card(client):
    answer = httpx.get(client.url + OLD, headers={"Origin": "https://elsewhere.example"})
    card = answer.json()
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")
    assert card["name"] == "postgres_database_agent"
    assert (card["version"], card["url"]) == ("1.0.0", "http://localhost:1100")
    assert (card["protocolVersion"], card["preferredTransport"]) == ("0.3.0", "JSONRPC")
    assert card["skills"][0] == {
        "id": "echo",
        "name": "Echo a Text",
        "description": "echo: for tests",
        "tags": ["lighthouse", "inspection"],
        "examples": ["Echo hello"],
    }
    assert card["skills"][3]["name"] == "Write Down"


@served
def test_a_card_that_has_not_changed_is_not_sent_again_and_each_version_is_shown_its_own(client):
    first = httpx.get(client.url + NEW)
    again = httpx.get(client.url + NEW, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert httpx.head(client.url + NEW).headers["etag"] == first.headers["etag"]
    assert httpx.post(client.url + NEW).status_code == 405

    def at(**headers: str) -> set[str]:
        return set(httpx.get(client.url + NEW, headers=headers).json())

    assert "url" not in at(**{"A2A-Version": "1.0"})
    assert "supportedInterfaces" not in at(**{"A2A-Version": "0.3"})
    assert {"url", "supportedInterfaces"} <= at()


@pytest.mark.parametrize("flavour", ["0.3", "1.0", "both"])
@pytest.mark.parametrize("auth", ["on", "off"])
def test_no_card_has_a_word_of_the_instructions(flavour, auth):
    config = Settings(auth=auth)
    said = cards.card(AGENT, config, flavour).body.decode()
    assert SECRET_WORDS not in said
    assert ("bearer" in said) == (auth == "on")


def test_with_logins_every_flavour_says_how_to_log_in():
    card = json.loads(cards.card(AGENT, Settings(auth="on"), "both").body)
    scheme = card["securitySchemes"]["bearer"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    assert scheme["httpAuthSecurityScheme"]["scheme"] == "bearer"
    assert card["security"] == [{"bearer": []}]
    assert card["securityRequirements"] == [{"schemes": {"bearer": {"list": []}}}]


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({"server_host": "0.0.0.0"}, "http://localhost:1100"),  # noqa: S104
        ({"server_host": "::1"}, "http://localhost:1100"),
        ({"server_host": "fd00::7", "agent_port": 2000}, "http://[fd00::7]:2000"),
        ({"agent_url": "https://a.example/{agent}"}, "https://a.example/postgres_database_agent"),
        ({"agent_url": "https://a.example:{port}"}, "https://a.example:1100"),
    ],
)
def test_the_address_is_what_the_settings_say(settings, url):
    assert cards.address(AGENT, Settings.model_construct(**settings)) == url


def test_one_address_for_four_agents_is_refused(monkeypatch):
    monkeypatch.setenv("HELPDESK_AGENT_URL", "https://agents.example.com/")
    with pytest.raises(ConfigError, match=r"HELPDESK_AGENT_URL: must hold \{port\} or \{agent\}"):
        load()


@served
def test_cards_are_open_and_calls_are_not(client, login_required):
    assert httpx.get(client.url + OLD).status_code == 200
    answer = httpx.post(client.url, json={"jsonrpc": "2.0", "id": 1, "method": "tasks/get"})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json()["error"]["code"] == -32000
