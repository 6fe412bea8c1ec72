"""Agents of others: asked through the same door, over real A2A."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from agents.helpdesk import cards, catalogue, drive, tasks
from agents.models import TaskState
from governance import approvals
from tests.agents import others
from tests.agents.helpdesk.desk import ADA, BEA

pytestmark = pytest.mark.django_db(transaction=True)


class Handler(BaseHTTPRequestHandler):
    """An agent of A2A 0.3 that says what it was asked."""

    def do_GET(self) -> None:
        host = self.headers["Host"]
        self.answer(
            {
                "name": "echo",
                "description": "says it again",
                "version": "1",
                "url": f"http://{host}/",
                "preferredTransport": "JSONRPC",
                "protocolVersion": "0.3.0",
                "skills": [],
            }
        )

    def do_POST(self) -> None:
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = said["params"]["message"]["parts"][0]["text"]
        status = {
            "state": "completed",
            "message": {"role": "agent", "parts": [{"kind": "text", "text": f"echo: {text}"}]},
        }
        task = {"kind": "task", "id": "t1", "contextId": "c1", "status": status}
        self.answer({"jsonrpc": "2.0", "id": said["id"], "result": task})

    def answer(self, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def echo(settings, monkeypatch) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    name = f"127.0.0.1:{server.server_address[1]}"
    settings.AURA = settings.AURA.model_copy(update={"agent_urls": (f"http://{name}",)})
    others.in_place(monkeypatch, catalogue.agents())
    yield name
    server.shutdown()


def test_it_is_asked_once_a_person_says_so_and_its_answer_comes_back(echo):
    agent = catalogue.by_alias(echo)
    assert agent is not None
    task = tasks.ask(agent.name, "how are you?", by=ADA)
    drive.advance(task.run_id)
    waiting = tasks.find(task.key)
    assert waiting.state == TaskState.INPUT_REQUIRED
    approvals.approve(waiting.approval, by=BEA, reason="it is a friend")
    drive.advance(task.run_id)
    done = tasks.find(task.key)
    assert (done.state, done.text) == (TaskState.COMPLETED, "echo: how are you?")


def test_it_is_listed_and_speaks_on_no_port_of_ours(echo):
    assert echo in [agent["name"] for agent in cards.listed()]
    assert echo not in [agent.name for agent in catalogue.agents()]


def test_one_that_is_away_is_a_failure_in_words(settings, monkeypatch):
    settings.AURA = settings.AURA.model_copy(update={"agent_urls": ("http://127.0.0.1:9",)})
    others.in_place(monkeypatch, catalogue.agents())
    task = tasks.ask("127.0.0.1:9", "hello?", by=ADA)
    drive.advance(task.run_id)
    approvals.approve(tasks.find(task.key).approval, by=BEA, reason="try")
    drive.advance(task.run_id)
    done = tasks.find(task.key)
    assert "not available" in done.text
