"""Seeing inside a running `up`: metrics, log lines and traces of one ticket."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from prometheus_client import CollectorRegistry, generate_latest

from aura.surfaces.gauges import DatabaseGauges
from tests.serving.instance import Instance, eventually
from tests.stubs.otlp import Collector, collector
from tickets.models import Status, Ticket

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
AUTHOR = ("-c", "user.name=t", "-c", "user.email=t@localhost")
PINNED = "tr_0f8fad5b-d9c"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A running instance, its client, its ticket, and the collector it exports to."""

    up: Instance
    api: httpx.Client
    ticket: str
    collector: Collector

    def lines(self, process: str, **having: object) -> list[dict[str, Any]]:
        """Lines of a log that have these fields."""
        text = (self.up.data / "log" / f"{process}.log").read_text()
        events = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        return [event for event in events if having.items() <= event.items()]

    def page(self) -> str:
        answer = httpx.get(
            self.up.url("AURA_SECBOT_PORT", "/metrics"), headers=dict(self.api.headers)
        )
        assert answer.status_code == 200
        return answer.text


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    repository = _repository(tmp_path_factory.mktemp("git"))
    with collector() as there:
        up = Instance(
            tmp_path_factory.mktemp("seen"),
            AURA_GIT_REPO_URL=repository,
            AURA_AUTH="on",
            OTEL_EXPORTER_OTLP_ENDPOINT=there.url,
        )
        up.start()
        try:
            up.wait_ready()
            token = (up.data / "first-token.txt").read_text().strip()
            with httpx.Client(
                base_url=up.url(), headers={"Authorization": f"Bearer {token}"}
            ) as api:
                ticket = _ticket(api)
                exported = partial(there.named, "segment")
                eventually(exported)  # before a test kills who has it
                yield Seen(up=up, api=api, ticket=ticket, collector=there)
        finally:
            up.clean()


def _repository(folder: Path) -> Path:
    made = folder / "gitops.git"
    for command in (
        ["init", "-q", "--initial-branch=main", str(folder / "w")],
        ["-C", str(folder / "w"), *AUTHOR, "commit", "-q", "--allow-empty", "-m", "begin"],
        ["clone", "-q", "--bare", str(folder / "w"), str(made)],
    ):
        subprocess.run(["git", *command], check=True)  # noqa: S603, S607 - ours
    return made


def _ticket(api: httpx.Client) -> str:
    """A ticket whose plan waits for approval, run by a request with a traceparent."""
    text = "Deploy nginx 1.27 with 2 replicas on port 80 in namespace web"
    body = {"title": 'Deploy nginx\n{"event": "forged"}', "description": text}
    made = api.post("/api/tickets", json=body, headers={"X-Trace-ID": PINNED})
    assert made.headers["X-Trace-ID"] == PINNED
    ticket: str = made.json()["id"]
    ran = api.post(f"/api/tickets/{ticket}/run", headers={"traceparent": f"00-{TRACE}-{SPAN}-01"})
    assert ran.headers["X-Trace-ID"] == TRACE
    where = f"/api/tickets/{ticket}"
    eventually(lambda: api.get(where).json()["status"] == "pending_plan_approval")
    return ticket


def test_the_access_line_leads_from_the_trace_to_the_ticket(seen: Seen) -> None:
    [made] = seen.lines("web", trace_id=PINNED)
    assert made["ticket"] == seen.ticket
    assert (made["method"], made["route"], made["status"]) == ("POST", "/api/tickets", 201)
    assert made["user"] == "operator"
    assert made["duration_ms"] > 0
    [ran] = seen.lines("web", trace_id=TRACE, logger="aura.access")
    assert ran["route"] == "/api/tickets/:id/run"
    assert ran["ticket"] == seen.ticket


def test_the_workers_lines_belong_to_the_request(seen: Seen) -> None:
    eventually(lambda: seen.lines("worker", trace_id=TRACE))
    assert {line["ticket"] for line in seen.lines("worker", trace_id=TRACE)} == {seen.ticket}


def test_health_checks_are_quiet_and_refusals_are_not(seen: Seen) -> None:
    httpx.get(seen.up.url(path="/api/health"))
    httpx.get(seen.up.url(path="/nowhere%0A%7B%22forged%22:1%7D?token=abc"))
    eventually(lambda: seen.lines("web", status=404))
    [lost] = seen.lines("web", status=404)
    assert (lost["route"], lost["path"]) == ("unmatched", '/nowhere\n{"forged":1}')
    assert not seen.lines("web", route="/api/health")


def test_the_terminal_stays_for_people(seen: Seen) -> None:
    assert not [line for line in seen.up.lines if line.startswith("{")]


def test_one_page_shows_what_web_worker_and_database_know(seen: Seen) -> None:
    # A process tells of itself once in a while, the last of them when it is at rest.
    beats = 'aura_process_resident_memory_bytes{process="%s-0"}'
    for name in ("worker", "beat"):
        eventually(lambda name=name: beats % name in seen.page())
    for sample in (
        'aura_http_requests_total{method="POST",route="/api/tickets",status="201",surface="api"} 1',
        'aura_turns_total{phase="planning"}',
        'aura_tool_call_duration_seconds_count{action_class="read",outcome="ok",tool="git_list',
        'aura_model_request_duration_seconds_count{outcome="ok",provider="offline"}',
        "aura_approvals_requested_total",
        'aura_tickets{status="pending_plan_approval"} 1',
        "aura_approvals_waiting 1",
        "aura_database_up 1",
    ):
        eventually(lambda sample=sample: f"\n{sample}" in seen.page())
    assert seen.ticket not in seen.page()


def test_a_killed_worker_lowers_no_total(seen: Seen) -> None:
    def turns() -> float:
        found = re.search(
            r'^aura_turns_total\{phase="planning"\} (\S+)$', seen.page(), re.MULTILINE
        )
        assert found
        return float(found[1])

    eventually(lambda: "\naura_turns_total" in seen.page())
    before, worker = turns(), seen.up.child("worker")
    assert worker
    subprocess.run(["kill", "-9", str(worker)], check=True)  # noqa: S603, S607 - a child of ours
    eventually(lambda: seen.up.child("worker") not in {None, worker})
    assert turns() >= before


def test_metrics_want_a_token(seen: Seen) -> None:
    url = seen.up.url("AURA_SECBOT_PORT", "/metrics")
    refused = httpx.get(url)
    assert refused.status_code == 401
    assert isinstance(refused.json()["error"], str)
    assert httpx.get(url, headers={"Authorization": "Bearer aura_no"}).status_code == 401


def test_an_open_stream_counts_while_it_is_open(seen: Seen) -> None:
    sample = 'aura_streams_open{surface="api"} '
    with seen.api.stream("GET", f"/api/tickets/{seen.ticket}/stream") as stream:
        assert stream.status_code == 200
        lines = stream.iter_lines()
        next(lines)
        assert re.findall(r"^aura_streams_open.*", seen.page(), re.MULTILINE) == [f"{sample}1.0"]
    eventually(lambda: f"{sample}0.0" in seen.page())
    eventually(lambda: seen.lines("web", route="/api/tickets/:id/stream", ticket=seen.ticket))


def test_one_trace_reaches_from_the_request_to_the_tool(seen: Seen) -> None:
    def below(name: str, parent: str) -> Any:
        """Each process sends its spans when it likes."""
        eventually(lambda: [s for s in seen.collector.named(name) if s.parent == parent])
        return next(s for s in seen.collector.named(name) if s.parent == parent)

    eventually(lambda: [s for s in seen.collector.named("segment") if s.trace == TRACE])
    request = below("POST /api/tickets/:id/run", SPAN)
    enqueued = below("enqueue", request.id)
    # A sweep may have been quicker than the message; then the run itself knew its request.
    parents = {request.id, enqueued.id}
    segment = next(s for s in seen.collector.named("segment") if s.parent in parents)
    turns = [s for s in seen.collector.named("turn") if s.parent == segment.id]
    asked = [s for s in seen.collector.named("model request") if s.parent in {t.id for t in turns}]
    tools = [s for s in seen.collector.named("tool call") if s.parent in {t.id for t in turns}]
    assert turns
    assert asked
    assert tools
    assert {s.trace for s in (request, enqueued, segment, *turns, *asked, *tools)} == {TRACE}
    assert (request.service, segment.service) == ("aura-web", "aura-worker")
    assert segment.attributes["aura.ticket"] == seen.ticket
    assert request.attributes["http.response.status_code"] == 202
    assert "git_list_files" in {s.attributes["gen_ai.tool.name"] for s in tools}


@pytest.mark.django_db
def test_what_waits_is_read_once_in_a_while_and_from_few_queries() -> None:
    Ticket.objects.create(title="a", description="b", status=Status.PAUSED)
    moment = [100.0]
    registry = CollectorRegistry()
    registry.register(DatabaseGauges(clock=lambda: moment[0]))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert b'aura_tickets{status="paused"} 1.0' in generate_latest(registry)
        Ticket.objects.update(status=Status.FAILED)
        assert b'aura_tickets{status="paused"} 1.0' in generate_latest(registry)
        moment[0] += 5
        assert b'aura_tickets{status="failed"} 1.0' in generate_latest(registry)
    assert len(queries) < 25
