"""A worker killed between intent, effect and outcome of every tool that changes something.

Each worker is a process of its own (a fork) that ends itself by SIGKILL, so nothing of Python's
cleaning up happens; the next one finds what it left, in the database, on disk and at the remote.
"""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from pathlib import Path

import pytest
from django.db import connections

from agents.models import CallState, ToolExecution
from agents.runtime import claims
from agents.runtime.llm import Reply, Request
from governance.audit.record import data_of
from governance.audit.sequence import sequence
from governance.audit.verify import verify
from governance.models import AuditEvent
from governance.types import ActionClass
from tests.crash import evidence
from tests.crash.trap import PHASES, Trap
from tests.fakes import NGINX, call, plan, says, workshop
from tests.tickets.conftest import OPS, Desk
from tickets import agent, drive, services
from tickets.lifecycle import ENDED
from tickets.models import Status, Ticket

pytestmark = pytest.mark.django_db(transaction=True)

FIRST, SECOND = "apps/nginx/config.yaml", "apps/nginx/more.yaml"
MORE = NGINX.replace("name: nginx", "name: more")
MOST_COMMANDS = 24  # of git in one call; the tools use fewer
COMMANDS_IN_SUITE = 2

# Every tool with an effect, at least once, as a model would use them.
SCRIPT = [
    says(
        plan(
            {"description": "Write", "tool": "git_write_file", "path": FIRST},
            {"description": "Write", "tool": "git_write_file", "path": SECOND},
            {"description": "Prepare", "tool": "git_clone_worktree"},
            {"description": "Stand", "tool": "git_checkout_branch"},
            {"description": "Commit", "tool": "git_commit"},
            {"description": "Push", "tool": "git_push"},
            {"description": "Fetch", "tool": "git_fetch"},
            {"description": "Delete", "tool": "git_delete_file", "path": "OLD.md"},
        )
    ),
    says(call("git_clone_worktree")),
    says(call("git_checkout_branch")),
    says(call("git_write_file", path=FIRST, content=NGINX)),
    says(call("git_stage", files=["."])),
    says(call("git_commit", message="Add nginx")),
    says(call("git_push")),
    says(call("git_fetch")),
    says(call("git_rebase", onto="origin/main")),
    says(call("git_write_file", path=SECOND, content=MORE)),
    says(call("git_delete_file", path="OLD.md")),
    says(call("git_stage", files=["."])),
    says(call("git_commit", message="Add more")),
    says(call("git_push")),
    says(call("resolve", summary="nginx was added")),
]
# Those beside Git's, which each have their own tests; that a crash leaves them recoverable is seen
# here too.
FURTHER = {
    "agents_md_update",
    "doc_write",
    "helm_set_values",
    "notify_user",
    "sealed_secret_create",
    "sealed_secret_update",
}
USED = {each.name for reply in SCRIPT for each in reply.tool_calls}


class Rehearsed:
    """A model without memory: what it says follows from how often it has spoken."""

    name = "rehearsed"

    def complete(self, request: Request) -> Reply:
        spoken = sum(1 for message in request.messages if message.role == "assistant")
        return SCRIPT[spoken]


class Case:
    """One ticket whose worker dies at one phase of every call."""

    def __init__(self, root: Path, phase: str) -> None:
        self.desk = Desk(root)
        self.repository = Path(self.desk.repository)
        evidence.keep_pushes(self.repository)
        evidence.add_file(self.repository, "OLD.md", "old\n")
        self.phase = phase
        self.ticket = self.desk.open()
        self.deaths: Counter[str] = Counter()
        self._fired = root / "fired"
        self._fired.touch()

    def drive(self) -> None:
        """Worker after worker, until the ticket is over; a person approves what is asked."""
        for _ in range(6 * len(SCRIPT)):
            self.ticket.refresh_from_db()
            match Status(self.ticket.status):
                case ended if ended in ENDED or ended is Status.PAUSED:
                    return
                case Status.PENDING_PLAN_APPROVAL:
                    services.approve_plan(self.ticket, actor=OPS)
                case Status.PENDING_APPROVAL:
                    services.decide_action(self.ticket, approved=True, actor=OPS)
                case _:
                    self._one_worker()
        raise AssertionError(f"{self.phase}: the ticket did not end: {self.deaths}")

    def tidy(self) -> None:
        """What the next worker does of itself after its start."""
        drive.tidy_leftovers(workshop(Rehearsed(), self.desk.repository, self.desk.root / "work"))

    def _one_worker(self) -> None:
        claims.release_abandoned()
        connections.close_all()
        before = len(self._points())
        child = os.fork()
        if not child:
            self._work_and_exit()
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL
            self.deaths[self._points()[-1].split()[0]] += 1
            assert len(self._points()) == before + 1
        else:
            assert os.WEXITSTATUS(status) == 0, "the worker broke down"

    def _work_and_exit(self) -> None:
        code = 1
        try:
            Trap(self._armed).install()
            shop = workshop(Rehearsed(), self.desk.repository, self.desk.root / "work")
            drive.advance(self.ticket.pk, shop)
            code = 0
        finally:
            os._exit(code)

    def _armed(self, point: str) -> bool:
        """Once for each turn: each call of the script dies once."""
        if not point.endswith(f":{self.phase}"):
            return False
        seen = f"{point} {Ticket.objects.get(pk=self.ticket.pk).current_turn}"
        if seen in self._points():
            return False
        with self._fired.open("a") as file:
            file.write(f"{seen}\n")
        return True

    def _points(self) -> list[str]:
        return self._fired.read_text().splitlines()


def effect_tools(ticket: Ticket, desk: Desk) -> set[str]:
    """The tools of a ticket whose calls may change something."""
    shop = workshop(Rehearsed(), desk.repository, desk.root / "work")
    return {t.name for t in agent.toolset(ticket, shop) if t.action_class is not ActionClass.READ}


def test_every_tool_with_an_effect_is_in_the_script_and_can_be_recovered(tmp_path):
    desk = Desk(tmp_path)
    ticket = desk.open()
    assert effect_tools(ticket, desk) - FURTHER == USED - {"submit_plan"}
    shop = workshop(Rehearsed(), desk.repository, desk.root / "work")
    for tool in agent.toolset(ticket, shop):
        if tool.action_class is not ActionClass.READ:
            assert tool.idempotent or tool.probe, f"{tool.name} cannot tell what it did"


def inner(chosen: random.Random, rounds: int) -> list[str]:
    commands = range(1, MOST_COMMANDS + 1)
    picked = commands if rounds > 25 else sorted(chosen.sample(commands, COMMANDS_IN_SUITE))
    return [f"git-{n}" for n in picked]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "phase" in metafunc.fixturenames:
        options = metafunc.config.option
        chosen = random.Random(options.crash_seed)  # noqa: S311 - repeatable, not secret
        metafunc.parametrize("phase", [*PHASES, *inner(chosen, options.crash_rounds)])


def test_a_worker_killed_there_in_every_call_does_everything_once(tmp_path, phase):
    case = Case(tmp_path, phase)
    case.drive()
    ticket = case.ticket
    assert ticket.status == Status.RESOLVED, (case.deaths, ticket.last_error)
    expected = USED - {"submit_plan"}
    if phase in PHASES:
        assert set(case.deaths) == {f"{tool}:{phase}" for tool in USED}
    else:
        assert {point.split(":")[0] for point in case.deaths} <= expected
    case.tidy()
    whole(case)
    assert not (case.desk.root / "work" / "tickets" / str(ticket.pk)).exists()


def whole(case: Case) -> None:
    """Repository, log and rows say the same, and say it once."""
    ticket, repository = case.ticket, case.repository
    commits = evidence.commits_of(repository, str(ticket.pk))
    assert sorted(c.subject for c in commits) == ["Add more", "Add nginx"]
    assert len({c.call for c in commits}) == 2
    assert len(evidence.merges_of(repository, str(ticket.pk))) == 1
    pushes = evidence.pushes_of(repository, str(ticket.pk))
    assert [p.kind for p in pushes] == ["created", "moved", "deleted"]
    files = evidence.files_of(repository)
    assert {FIRST, SECOND} <= files
    assert "OLD.md" not in files
    assert not ToolExecution.objects.exclude(state=CallState.DONE).exists()
    told = Counter(
        AuditEvent.objects.filter(trace_id=str(ticket.pk)).values_list("type", flat=True)
    )
    assert told["commit_created"] == told["push_executed"] == 2
    assert told["worktree_created"] == told["merge_completed"] == told["ticket_resolved"] == 1
    assert told["tool_called"] == told["turn_completed"] == len(SCRIPT) == ticket.current_turn
    assert told["error_occurred"] == 0, errors(ticket)
    sequence()
    assert verify().valid


def errors(ticket: Ticket) -> list[str]:
    found = AuditEvent.objects.filter(trace_id=str(ticket.pk), type="error_occurred")
    return [data_of(event.body)["data"]["payload"]["message"] for event in found]
