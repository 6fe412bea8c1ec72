"""The outside fails: the model and the Git remote, over their real protocols."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import now

from agents.models import CallState, Run, ToolExecution, Turn
from agents.runtime import executions
from agents.runtime.executions import Outcome
from agents.runtime.litellm_model import LiteLLM
from governance.audit.record import data_of
from governance.models import AuditEvent
from tests.agents.gitops.server import serving
from tests.fakes import NGINX, call, git, plan, whole_ticket
from tests.fakes import says as scripted
from tests.stubs.openai_server import ScriptedOpenAI, calls, error, hang, raw, says, status
from tests.tickets.conftest import OPS, Desk
from tests.tickets.test_stop import HANGS_S, SOON_S, start_all, stop_all, until, working
from tickets import services
from tickets.models import Status, Ticket

pytestmark = pytest.mark.django_db

PLAN = calls(("submit_plan", json.loads(plan().arguments)))
OVERFLOW = status(400, error("too long", code="context_length_exceeded"))
LOGIN = "aura:s3cret"
GIT = {"git_username": "aura", "git_token": "s3cret"}


@pytest.fixture
def provider():
    with ScriptedOpenAI() as running:
        yield running


def model(provider: ScriptedOpenAI, **changes: Any) -> LiteLLM:
    usual = {"model": "openai/scripted", "api_key": "sk-1", "base_url": provider.base_url}
    return LiteLLM(**{"timeout_s": 20.0, **usual, **changes})


def errors(ticket: Ticket) -> list[dict[str, Any]]:
    told = AuditEvent.objects.filter(trace_id=str(ticket.pk), type="error_occurred").order_by("id")
    return [data_of(event.body)["data"]["payload"] for event in told]


def run_of(ticket: Ticket) -> Run:
    return Run.objects.get(pk=ticket.run_id)


def pause_of(desk: Any, ticket: Ticket, *calls: Any, **more: Any) -> tuple[float, float]:
    """(least, most) seconds of pause after an advance: how long it was is seen from outside."""
    before = now()
    desk.advance(ticket, *calls, **more)
    due_at = run_of(ticket).due_at
    assert due_at is not None
    return (due_at - now()).total_seconds(), (due_at - before).total_seconds()


def in_a_while(ticket: Ticket) -> None:
    """The pause before the next try is over."""
    waiting = Run.objects.filter(pk=ticket.run_id, due_at__isnull=False)
    assert waiting.update(due_at=now() - timedelta(seconds=1)) == 1


# --- the model ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "changes"),
    [
        (status(429), {}),
        (status(500), {}),
        (status(503), {}),
        (hang(30), {"timeout_s": 0.3}),
        (None, {"base_url": "http://127.0.0.1:9/v1"}),
    ],
    ids=["rate limit", "500", "503", "timeout", "refused"],
)
def test_a_model_that_is_away_is_tried_again_then_pauses_and_resume_goes_on(
    desk, provider, answer, changes
):
    provider.play(lambda _: answer)
    ticket = desk.open()
    least, most = pause_of(desk, ticket, model=model(provider, **changes))
    assert ticket.status == Status.PLANNING
    assert most > 1
    assert least < 4
    in_a_while(ticket)
    desk.advance(ticket, model=model(provider, **changes), llm_retry_s=0)
    assert ticket.status == Status.PAUSED
    assert [e["recoverable"] for e in errors(ticket)] == [True, True]
    assert errors(ticket)[-1]["message"].endswith("Resume the ticket when it is mended.")
    provider.play([PLAN])
    services.resume_ticket(ticket, actor=OPS)
    desk.advance(ticket, model=model(provider))
    assert ticket.status == Status.PENDING_PLAN_APPROVAL
    assert run_of(ticket).failing_since is None


def test_the_pause_between_tries_doubles(desk, provider):
    provider.play(lambda _: status(429))
    ticket = desk.open()
    pauses = []
    for _ in range(4):
        pauses.append(pause_of(desk, ticket, model=model(provider)))
        in_a_while(ticket)
    assert all(1.2 * 2**n < most and least < 2.5 * 2**n for n, (least, most) in enumerate(pauses))
    assert len(errors(ticket)) == 1  # it is told once, not at every try


def test_a_provider_that_says_when_is_not_asked_before(desk, provider):
    provider.play([status(429, headers={"retry-after": "30"})])
    ticket = desk.open()
    least, most = pause_of(desk, ticket, model=model(provider))
    assert most > 29
    assert least < 34


def test_a_provider_that_wants_to_be_left_alone_for_too_long_pauses_the_ticket(desk, provider):
    provider.play([status(429, headers={"retry-after": "86400"})])
    ticket = desk.open()
    desk.advance(ticket, model=model(provider))
    assert ticket.status == Status.PAUSED
    assert "asks to be left alone for 86400 s" in ticket.last_error


@pytest.mark.parametrize(
    ("answer", "setting"),
    [
        (status(401), "AURA_LLM_API_KEY"),
        (status(403), "AURA_LLM_API_KEY"),
        (status(404), "AURA_LLM_MODEL"),
        (status(400), "AURA_LLM_MODEL"),
    ],
)
def test_what_only_a_person_can_mend_pauses_at_once_and_names_the_setting(
    desk, provider, answer, setting
):
    provider.play(lambda _: answer)
    ticket = desk.open()
    desk.advance(ticket, model=model(provider))
    assert ticket.status == Status.PAUSED
    assert len(provider.requests) == 1
    assert setting in ticket.last_error
    assert errors(ticket)[-1]["recoverable"] is True


@pytest.mark.parametrize("answer", [raw(b"<html>"), raw(b"{}"), says("")])
def test_garbage_is_asked_for_three_times_then_pauses(desk, provider, answer):
    provider.play(lambda _: answer)
    ticket = desk.open()
    for _ in range(2):
        desk.advance(ticket, model=model(provider))
        assert ticket.status == Status.PLANNING
        in_a_while(ticket)
    desk.advance(ticket, model=model(provider))
    assert ticket.status == Status.PAUSED
    assert "AURA_LLM_TOOL_MODE" in ticket.last_error
    assert "Gave up after 3 tries" in ticket.last_error


def test_a_bad_reply_after_outages_is_the_first_of_its_kind(desk, provider):
    ticket = desk.open()
    for answer in (status(503), status(503), raw(b"{}"), raw(b"{}")):
        provider.play([answer])
        desk.advance(ticket, model=model(provider))
        assert ticket.status == Status.PLANNING, ticket.last_error
        in_a_while(ticket)
    assert [e["message"].endswith("Trying again.") for e in errors(ticket)] == [True, True]
    provider.play([PLAN])
    desk.advance(ticket, model=model(provider))
    assert ticket.status == Status.PENDING_PLAN_APPROVAL
    run = run_of(ticket)
    assert (run.failing_since, run.outside_failures, run.bad_replies) == (None, 0, 0)


@pytest.mark.django_db(transaction=True)
def test_a_request_in_flight_is_abandoned_by_the_stop_and_its_answer_never_counts(desk, provider):
    ticket = desk.open()
    provider.play([hang(HANGS_S)])
    with working(desk, ticket, model(provider)) as thread:
        until(lambda: provider.requests, 60)
        stop_all()
        thread.join(SOON_S)
        assert not thread.is_alive()
    assert not Turn.objects.exists()
    start_all()
    desk.advance(ticket, scripted(plan()))
    assert ticket.status == Status.PENDING_PLAN_APPROVAL


# --- a conversation that grows too long -----------------------------------------------------------


def reading(provider: ScriptedOpenAI, *, limit: int, files: int) -> None:
    """A model that reads `files` large files and plans, and reads at most `limit` characters."""
    told: list[int] = []

    def answer(request: dict[str, Any]) -> Any:
        if len(json.dumps(request["messages"])) > limit:
            return OVERFLOW
        told.append(1)
        if len(told) > files:
            return PLAN
        return calls(("git_read_file", {"path": f"docs/{len(told)}.txt"}), ids=(f"r{len(told)}",))

    provider.play(answer)


@pytest.fixture
def library(desk: Desk) -> Desk:
    """A repository with eight files of 10,000 characters."""
    seed = desk.root / "seed"
    (seed / "docs").mkdir()
    for n in range(1, 9):
        (seed / "docs" / f"{n}.txt").write_text(f"{n} " * 5000)
    git(seed, "add", ".")
    git(seed, "commit", "--quiet", "-m", "Books")
    git(seed, "push", "--quiet", "origin", "main")
    return desk


def cuts(ticket: Ticket) -> list[int]:
    told = AuditEvent.objects.filter(trace_id=str(ticket.pk), type="conversation_cut")
    return [data_of(e.body)["data"]["payload"]["cutTurns"] for e in told.order_by("id")]


def test_a_conversation_that_is_too_long_is_cut_and_the_ticket_goes_on(library, provider):
    reading(provider, limit=45_000, files=8)
    ticket = library.open()
    library.advance(ticket, model=model(provider))
    assert ticket.status == Status.PENDING_PLAN_APPROVAL
    assert len(cuts(ticket)) >= 2
    assert cuts(ticket) == sorted(set(cuts(ticket)))
    assert run_of(ticket).cut_turns == cuts(ticket)[-1] < 8
    assert not errors(ticket)
    last = provider.requests[-1].json["messages"]
    assert last[0]["role"] == "system"
    assert any("The ticket to work on" in str(m["content"]) for m in last)
    said = [c["id"] for m in last for c in m.get("tool_calls", ())]
    assert [m["tool_call_id"] for m in last if m["role"] == "tool"] == said
    assert "cut: " in last[3]["content"]
    assert len(last[-1]["content"]) > 10_000
    rows = ToolExecution.objects.filter(run=ticket.run, tool="git_read_file")
    assert all(len(row.result) > 9_000 for row in rows)


def test_a_restart_sends_the_same_conversation(library, provider):
    reading(provider, limit=45_000, files=8)
    ticket = library.open()
    library.advance(ticket, model=model(provider))
    services.reject_plan(ticket, feedback="no", actor=OPS)
    before = provider.requests[-1].json["messages"]
    provider.play([PLAN])
    library.advance(ticket, model=model(provider))
    assert provider.requests[0].json["messages"][: len(before)] == before


def test_an_overflow_that_is_foreseen_is_not_sent(library, provider):
    reads = [
        calls(("git_read_file", {"path": "docs/1.txt"}), ids=(f"r{n}",), prompt_tokens=tokens)
        for n, tokens in enumerate([1000, 2000, 1000])
    ]
    provider.play([*reads, PLAN])
    ticket = library.open()
    small = model(provider, model="openai/gpt-4", max_tokens=3_000)  # reads 8192 tokens
    library.advance(ticket, model=small)
    assert ticket.status == Status.PENDING_PLAN_APPROVAL
    assert cuts(ticket) == [1]
    assert len(provider.requests) == 4  # none of them in vain


def test_what_cannot_be_cut_further_pauses_and_says_so(desk, provider):
    provider.play(lambda _: OVERFLOW)
    ticket = desk.open()
    desk.advance(ticket, model=model(provider))
    assert ticket.status == Status.PAUSED
    assert "left out already" in ticket.last_error
    assert "AURA_LLM_MODEL" in ticket.last_error


# --- the Git remote -------------------------------------------------------------------------------


@pytest.fixture
def remote(desk: Desk):
    """The desk's repository behind an HTTP server that can be made to fail."""
    with serving(desk.root, login=LOGIN) as server:
        desk.repository = f"{server.url}/remote.git"
        yield server


def ready_to_push(desk: Desk) -> tuple[Ticket, list[Any]]:
    """A ticket whose next call is git_push, and the replies from there on."""
    ticket, script = desk.open(), whole_ticket()
    desk.advance(ticket, *script[:2], **GIT)
    services.approve_plan(ticket, actor=OPS)
    question = scripted(call("ask_question", question="Push?"))
    desk.advance(ticket, *script[2:5], question, **GIT)
    services.answer_question(ticket, answer="yes", actor=OPS)
    return ticket, script[5:]


@pytest.mark.parametrize(
    ("failing", "words"),
    [
        ({"status": 503}, "does not answer properly"),
        ({"status": 429}, "does not answer properly"),
        ({"pause_s": 30}, "did not answer within"),
    ],
    ids=["out of order", "busy", "slow"],
)
def test_a_remote_that_is_away_is_tried_again_then_pauses_and_resume_pushes(
    desk, remote, failing, words, monkeypatch
):
    monkeypatch.setattr("agents.runtime.session.TRANSIENT_TRIES", 2)
    ticket, rest = ready_to_push(desk)
    for name, value in failing.items():
        setattr(remote, name, value)
    push = [rest[0]]
    limit_s = 1 if remote.pause_s else 30
    least, most = pause_of(desk, ticket, *push, **GIT, git_timeout_s=limit_s)
    assert ticket.status == Status.EXECUTING
    assert most > 1
    assert least < 3
    in_a_while(ticket)
    desk.advance(ticket, **GIT, git_timeout_s=limit_s)
    assert ticket.status == Status.PAUSED
    assert words in ticket.last_error
    assert "Resume the ticket" in ticket.last_error
    remote.status, remote.pause_s = None, 0
    services.resume_ticket(ticket, actor=OPS)
    desk.advance(ticket, *rest[1:], **GIT)
    assert ticket.status == Status.RESOLVED
    assert told(ticket, "push_executed") == 1
    assert git(desk.root / "remote.git", "show", "main:apps/nginx/config.yaml") == NGINX.strip()


@pytest.mark.parametrize(
    ("code", "setting"), [(401, "AURA_GIT_"), (403, "AURA_GIT_"), (404, "AURA_GIT_REPO_URL")]
)
def test_access_that_was_lost_pauses_at_once_and_resume_pushes(desk, remote, code, setting):
    ticket, rest = ready_to_push(desk)
    remote.status = code
    desk.advance(ticket, rest[0], **GIT)
    assert ticket.status == Status.PAUSED
    assert setting in ticket.last_error
    assert errors(ticket)[-1]["recoverable"] is True
    remote.status = None
    services.resume_ticket(ticket, actor=OPS)
    desk.advance(ticket, *rest[1:], **GIT)
    assert ticket.status == Status.RESOLVED


def test_a_remote_that_is_away_at_the_start_is_tried_again(desk, remote):
    remote.status = 503
    ticket = desk.open()
    desk.advance(ticket, **GIT)
    assert ticket.status == Status.PLANNING
    assert len(errors(ticket)) == 1
    in_a_while(ticket)
    remote.status = None
    desk.advance(ticket, scripted(plan()), **GIT)
    assert ticket.status == Status.PENDING_PLAN_APPROVAL
    assert run_of(ticket).outside_failures == 0


def test_a_remote_that_refuses_the_connection_at_the_start_pauses_in_the_end(desk, monkeypatch):
    monkeypatch.setattr("tickets.failures.TRANSIENT_TRIES", 2)
    desk.repository = "http://127.0.0.1:9/remote.git"
    ticket = desk.open()
    desk.advance(ticket)
    in_a_while(ticket)
    desk.advance(ticket)
    assert ticket.status == Status.PAUSED
    assert ". Gave up after 2 tries" in ticket.last_error


def test_several_reads_that_fail_at_once_pause_the_ticket_once(desk, remote, monkeypatch):
    monkeypatch.setattr("agents.runtime.session.TRANSIENT_TRIES", 1)
    ticket, _ = ready_to_push(desk)
    remote.status = 503
    fetches = [call("git_fetch", _id=f"f{n}") for n in range(3)]
    desk.advance(ticket, scripted(*fetches), **GIT)
    assert ticket.status == Status.PAUSED
    assert len(errors(ticket)) == 1


def test_an_approval_is_not_asked_for_again_because_the_outside_was_away(desk, monkeypatch):
    ticket, script = desk.open(), whole_ticket()
    desk.advance(ticket, *script[:2])
    services.approve_plan(ticket, actor=OPS)
    desk.advance(ticket, scripted(call("git_delete_file", path="README.md")))
    services.decide_action(ticket, approved=True, actor=OPS)
    with monkeypatch.context() as patch:
        away = Outcome(failure="nobody answers", transient=True)
        patch.setattr(executions, "run", lambda _: away)
        desk.advance(ticket)
    assert ticket.status == Status.EXECUTING
    in_a_while(ticket)
    desk.advance(ticket, scripted(call("ask_question", question="And now?")))
    assert ticket.status == Status.PENDING_INPUT
    deleted = ToolExecution.objects.get(run=ticket.run, tool="git_delete_file")
    assert (deleted.state, deleted.failed) == (CallState.DONE, False)
    assert told(ticket, "approval_requested") == 1


def told(ticket: Ticket, event_type: str) -> int:
    return AuditEvent.objects.filter(trace_id=str(ticket.pk), type=event_type).count()
