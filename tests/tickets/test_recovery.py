"""What happens when a worker dies, is late, or is not alone. Real commits, real threads."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, connections
from django.db.models.functions import Now

from agents.models import CallState, Run, ToolExecution
from agents.runtime import claims, executions, presence
from agents.runtime.tool import Toolset
from aura.kernel.errors import Problem
from governance.audit.record import data_of
from governance.models import Approval, ApprovalStatus, AuditEvent
from tests.fakes import NGINX, ScriptedModel, bare_repository, call, git, plan, says, whole_ticket
from tests.serving.instance import eventually
from tests.tickets.conftest import OPS, Desk
from tickets import agent, services
from tickets.models import Status, Ticket

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "apps/nginx/config.yaml"


class Killed(BaseException):
    """Stands for kill -9: nothing of ours catches it."""


def die_in(monkeypatch: pytest.MonkeyPatch, tool: str, *, after: bool) -> None:
    """The next run of this tool ends the worker, before or after its effect."""
    real = executions.run

    def run(bound):
        if bound.tool.name != tool:
            return real(bound)
        if after:
            real(bound)
        raise Killed(tool)

    monkeypatch.setattr(executions, "run", run)


def lapse(ticket: Ticket) -> None:
    """Let the dead worker's lease end."""
    Run.objects.filter(pk=ticket.run_id).update(lease_until=Now() - timedelta(seconds=1))


def executing(desk: Desk) -> tuple[Ticket, list[Any]]:
    ticket, script = desk.open(), whole_ticket()
    desk.advance(ticket, *script[:2])
    services.approve_plan(ticket, actor=OPS)
    return ticket, script[2:]


def killed_at(desk, monkeypatch, tool: str, *, after: bool) -> tuple[Ticket, list[Any]]:
    """A ticket whose worker died in this tool; the rest of the script."""
    ticket, script = executing(desk)
    model = ScriptedModel(list(script))
    with monkeypatch.context() as patch:
        die_in(patch, tool, after=after)
        with pytest.raises(Killed):
            desk.advance(ticket, model=model)
    lapse(ticket)
    ticket.refresh_from_db()
    return ticket, model.script


@pytest.mark.parametrize(
    "tool", ["git_write_file", "git_stage", "git_commit", "git_push", "resolve"]
)
@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
def test_a_worker_killed_in_a_tool_does_it_once_and_the_ticket_goes_on(
    desk, monkeypatch, tool, after
):
    ticket, rest = killed_at(desk, monkeypatch, tool, after=after)
    desk.advance(ticket, *rest)
    assert ticket.status == Status.RESOLVED
    subjects = git(desk.repository, "log", "--format=%s", "main").splitlines()
    assert subjects.count("Add nginx") == 1
    assert len([s for s in subjects if s.startswith("Merge") or "nginx was added" in s]) == 1
    assert len(ticket.commits) == 1
    commits = AuditEvent.objects.filter(trace_id=str(ticket.pk), type="commit_created")
    assert commits.count() == 1


def without_probe(monkeypatch: pytest.MonkeyPatch, tool: str) -> None:
    """The tool as one that cannot tell what it did."""
    real = agent.toolset

    def toolset(*arguments):
        tools = real(*arguments)
        return Toolset(replace(t, probe=None) if t.name == tool else t for t in tools)

    monkeypatch.setattr(agent, "toolset", toolset)


def test_a_tool_that_cannot_tell_is_not_run_again_and_a_person_sees_it(desk, monkeypatch):
    without_probe(monkeypatch, "git_rebase")
    ticket, _ = executing(desk)
    model = ScriptedModel([says(call("git_rebase", onto="main"))])
    with monkeypatch.context() as patch:
        die_in(patch, "git_rebase", after=True)
        desk.advance(ticket, model=model)
        services.decide_action(ticket, approved=True, actor=OPS)
        with pytest.raises(Killed):
            desk.advance(ticket, model=model)
    lapse(ticket)
    model = desk.advance(
        ticket, says(call("ask_question", question="It was interrupted; what now?"))
    )
    assert ticket.status == Status.PENDING_INPUT
    assert "outcome unknown" in model.requests[0].messages[-1].content
    errors = AuditEvent.objects.filter(trace_id=str(ticket.pk), type="error_occurred")
    assert "outcome unknown" in data_of(errors.get().body)["data"]["payload"]["message"]


def end_the_connection() -> None:
    with connection.cursor() as cursor, pytest.raises(OperationalError):
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


def test_a_database_that_goes_away_inside_a_tool_is_no_failure_of_the_tool(desk, monkeypatch):
    ticket, script = executing(desk)
    real, cuts = executions.run, 0

    def cut_off(bound):
        nonlocal cuts
        if bound.tool.name == "resolve" and not cuts:
            cuts += 1
            end_the_connection()
        return real(bound)  # asks the database what was approved

    monkeypatch.setattr(executions, "run", cut_off)
    desk.advance(ticket, *script)
    assert (ticket.status, cuts) == (Status.RESOLVED, 1)
    calls = AuditEvent.objects.filter(trace_id=str(ticket.pk), type="tool_called")
    assert calls.count() == len(whole_ticket())


@pytest.mark.parametrize("tool", ["git_commit", "git_push", "resolve"])
def test_a_database_that_ends_the_connection_costs_neither_the_outcome_nor_an_attempt(
    desk, monkeypatch, tool
):
    ticket, script = executing(desk)
    probed: list[Any] = []
    real = executions.run

    def cut_off(bound):
        outcome = real(bound)
        if bound.tool.name == tool:
            end_the_connection()
        return outcome

    monkeypatch.setattr(executions, "run", cut_off)
    monkeypatch.setattr(executions, "recover", probed.append)
    desk.advance(ticket, *script)
    assert ticket.status == Status.RESOLVED
    assert probed == []
    assert Run.objects.get(pk=ticket.run_id).attempts == 0
    calls = AuditEvent.objects.filter(trace_id=str(ticket.pk), type="tool_called")
    assert calls.count() == len(whole_ticket())


def test_a_consumed_approval_is_not_asked_for_again_after_a_crash(desk, monkeypatch):
    ticket, _ = executing(desk)
    delete = says(call("git_delete_file", path="README.md"))
    desk.advance(ticket, delete)
    services.decide_action(ticket, approved=True, actor=OPS)
    with monkeypatch.context() as patch:
        die_in(patch, "git_delete_file", after=False)
        with pytest.raises(Killed):
            desk.advance(ticket)
    lapse(ticket)
    desk.advance(ticket, says(call("ask_question", question="?")))
    assert not (desk.root / "work" / "tickets" / str(ticket.pk) / "README.md").exists()
    asked = Approval.objects.filter(tool_name="git_delete_file")
    assert [a.status for a in asked] == [ApprovalStatus.CONSUMED]


def test_the_models_answer_survives_a_crash_in_the_tool_it_asked_for(desk, monkeypatch):
    ticket, rest = killed_at(desk, monkeypatch, "git_write_file", after=False)
    assert ticket.current_turn == 3
    model = desk.advance(ticket, *rest)
    assert "git_write_file" in [c.name for m in model.requests[0].messages for c in m.tool_calls]
    assert ticket.current_turn == 7


def test_two_workers_never_work_on_one_ticket(desk):
    ticket = desk.open()
    inside, leave = threading.Event(), threading.Event()

    def slow(request):
        inside.set()
        assert leave.wait(60)
        return says(plan())

    first = threading.Thread(target=_in_thread, args=(desk, ticket, [slow]))
    first.start()
    assert inside.wait(60)
    second = desk.advance(Ticket.objects.get(pk=ticket.pk), says(plan()))
    leave.set()
    first.join()
    assert second.requests == []
    ticket.refresh_from_db()
    assert (ticket.status, ticket.current_turn) == (Status.PENDING_PLAN_APPROVAL, 1)


def _in_thread(desk, ticket, script):
    try:
        desk.advance(Ticket.objects.get(pk=ticket.pk), *script)
    finally:
        connection.close()


def test_while_a_worker_of_this_machine_lives_nobody_begins_its_work_a_second_time(
    desk, monkeypatch
):
    """A database that was away so long that the lease ran out is no proof of a death."""
    monkeypatch.setattr(presence, "PATIENCE_S", 0.1)
    ticket = desk.open()
    others = []

    def outlasted(request):
        lapse(ticket)
        others.append(desk.advance(Ticket.objects.get(pk=ticket.pk), says(plan())))
        return says(plan())

    model = desk.advance(ticket, outlasted)
    assert len(model.requests) == 1
    assert [other.requests for other in others] == [[]]
    assert ticket.status == Status.PENDING_PLAN_APPROVAL


def test_the_run_of_a_killed_worker_is_free_at_once(desk):
    ticket = desk.open()
    connections.close_all()
    child = os.fork()
    if not child:
        with suppress(BaseException):
            desk.advance(ticket, lambda _: os.kill(os.getpid(), signal.SIGKILL))
        os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert not claims.due().exists()
    claims.release_abandoned()
    assert [run.pk for run in claims.due()] == [ticket.run_id]
    assert list(presence.abandoned()) == []
    desk.advance(ticket, says(plan()))
    assert ticket.status == Status.PENDING_PLAN_APPROVAL


def test_the_mark_of_a_claim_that_is_not_the_last_one_frees_nothing(desk):
    ticket = desk.open()
    child = os.fork()
    if not child:
        with presence.marked(ticket.run_id) as mark:
            mark.note(7)
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    Run.objects.filter(pk=ticket.run_id).update(token=8, lease_until=Now() + timedelta(seconds=9))
    claims.release_abandoned()
    assert claims.busy(ticket.run_id)


def test_a_stray_file_among_the_marks_is_no_claim(settings):
    stray = settings.AURA.data / "claims" / "notes"
    stray.parent.mkdir(parents=True, exist_ok=True)
    stray.write_text("7")
    claims.release_abandoned()
    assert not stray.exists()


def test_a_long_model_call_keeps_its_lease(desk, monkeypatch):
    monkeypatch.setattr(claims, "RENEW_S", 0.1)
    ticket = desk.open()

    def lease():
        return Run.objects.get(pk=ticket.run_id).lease_until

    def slow(request):
        taken = lease()
        eventually(lambda: lease() > taken + timedelta(seconds=0.5))
        assert claims.busy(ticket.run_id)
        return says(plan())

    desk.advance(ticket, slow)
    assert ticket.status == Status.PENDING_PLAN_APPROVAL
    assert not claims.busy(ticket.run_id)


def test_a_worker_that_lost_its_lease_writes_nothing_more(desk):
    ticket = desk.open()

    def robbed(request):
        Run.objects.filter(pk=ticket.run_id).update(token=99)
        return says(plan())

    desk.advance(ticket, robbed)
    assert (ticket.status, ticket.current_turn, ticket.plan) == (Status.PLANNING, 0, None)


def test_an_effect_under_way_when_the_ticket_is_cancelled_is_still_recorded(desk, monkeypatch):
    ticket, script = executing(desk)
    real = executions.run

    def cancelled_meanwhile(bound):
        outcome = real(bound)
        if bound.tool.name == "git_write_file":
            services.cancel_ticket(Ticket.objects.get(pk=ticket.pk), actor=OPS)
        return outcome

    monkeypatch.setattr(executions, "run", cancelled_meanwhile)
    desk.advance(ticket, *script)
    assert ticket.status == Status.CANCELLED
    written = ToolExecution.objects.get(tool="git_write_file")
    assert (written.state, written.failed) == (CallState.DONE, False)
    told = AuditEvent.objects.filter(trace_id=str(ticket.pk), type="tool_called").latest("id")
    assert "taken from this worker" in data_of(told.body)["data"]["payload"]["note"]
    assert ticket.commits == []


def test_of_two_approvals_at_once_exactly_one_wins(desk):
    ticket = desk.open()
    desk.advance(ticket, says(plan()))
    results: list[str] = []
    start = threading.Barrier(8)

    def approve():
        try:
            mine = Ticket.objects.get(pk=ticket.pk)
            start.wait(60)
            services.approve_plan(mine, actor=OPS)
            results.append("won")
        except Problem as problem:
            results.append(problem.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=approve) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["INVALID_TRANSITION"] * 7 + ["won"]
    decided = AuditEvent.objects.filter(trace_id=str(ticket.pk), type="plan_approved")
    assert decided.count() == 1


def test_the_sweep_finds_a_ticket_whose_worker_died(desk, monkeypatch):
    from tickets import tasks, wakeups

    ticket, _ = killed_at(desk, monkeypatch, "git_stage", after=False)
    woken: list[Any] = []
    monkeypatch.setattr(tasks, "wake_now", woken.append)
    del wakeups
    tasks.sweep()
    assert woken == [ticket.pk]


def test_a_decision_in_the_approvals_queue_moves_the_ticket(desk):
    from governance import approvals

    ticket = desk.open()
    desk.advance(ticket, says(plan()))
    approvals.approve(Approval.objects.get().pk, by=OPS)
    ticket.refresh_from_db()
    assert (ticket.status, ticket.plan_approved_by) == (Status.EXECUTING, "ops")


def test_the_log_of_everything_above_is_a_whole_chain(desk):
    from governance.audit.sequence import sequence
    from governance.audit.verify import verify

    ticket, script = executing(desk)
    desk.advance(ticket, *script)
    sequence()
    verdict = verify()
    assert verdict.valid
    assert verdict.events == AuditEvent.objects.count()


def test_six_tickets_at_once_on_one_repository_lose_no_commit(tmp_path):
    desk = Desk.__new__(Desk)
    desk.root, desk.repository = tmp_path, bare_repository(tmp_path)
    tickets = [desk.open(title=f"Add app {n}") for n in range(6)]

    def drive(n: int) -> None:
        path = f"apps/app{n}/config.yaml"
        script = whole_ticket(path, NGINX.replace("nginx", f"app{n}"))
        try:
            mine = Ticket.objects.get(pk=tickets[n].pk)
            desk.advance(mine, *script, agent_plan_approval=False)
        finally:
            connection.close()

    threads = [threading.Thread(target=drive, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(Ticket.objects.values_list("status", flat=True)) == {Status.RESOLVED}
    files = git(desk.repository, "ls-tree", "-r", "--name-only", "main").splitlines()
    assert {f"apps/app{n}/config.yaml" for n in range(6)} <= set(files)
