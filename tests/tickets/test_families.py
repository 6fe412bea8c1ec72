"""Documents, AGENTS.md and the shell inside a ticket: what the plan covers, and what is merged."""

from __future__ import annotations

import pytest

from agents.models import ToolExecution
from tests.fakes import call, git, plan, says
from tests.tickets.conftest import OPS, Desk
from tickets import services
from tickets.models import Status, Ticket

pytestmark = pytest.mark.django_db

STEPS = (
    {"description": "Explain it", "tool": "doc_write", "path": "docs/run.md"},
    {"description": "Remember it", "tool": "agents_md_update"},
    {"description": "Commit", "tool": "git_commit"},
)
WRITES = (
    says(call("doc_write", path="docs/run.md", content="# Run\n")),
    says(call("agents_md_update", section="Images", content="Pin them.")),
)
END = (
    says(call("git_stage", files=["."])),
    says(call("git_commit", message="Explain")),
    says(call("resolve", summary="explained")),
)


def approved(desk: Desk, *steps: dict[str, str], **settings: object) -> Ticket:
    ticket = desk.open("Explain the shop")
    desk.advance(ticket, says(plan(*steps, summary="Explain")), **settings)
    services.approve_plan(ticket, actor=OPS)
    return ticket


def test_documents_and_agents_md_that_the_plan_names_are_written_and_merged(desk):
    ticket = approved(desk, *STEPS)
    desk.advance(ticket, *WRITES, *END)
    assert ticket.status == Status.RESOLVED
    assert git(desk.repository, "show", "main:docs/run.md") == "# Run"
    assert git(desk.repository, "show", "main:AGENTS.md") == "## Images\n\nPin them."
    assert {step.status for step in ticket.steps.all()} == {"completed"}


def test_agents_md_outside_of_the_plan_takes_a_person(desk):
    ticket = approved(desk, STEPS[0], STEPS[2])
    desk.advance(ticket, *WRITES)
    assert ticket.status == Status.PENDING_APPROVAL
    waiting = ToolExecution.objects.get(run=ticket.run, state="waiting")
    assert waiting.resource == "file:AGENTS.md"


def test_shell_exec_is_asked_for_each_time_and_refused_without_a_sandbox(desk):
    on = {"shell_enabled": True, "shell_bwrap": "bwrap-that-is-not-there"}
    step = {"description": "Look", "tool": "shell_exec"}
    ticket = approved(desk, step, **on)
    script = [says(call("shell_exec", command=["ls"])), says(call("give_up", reason="no shell"))]
    desk.advance(ticket, *script, **on)
    refused = ToolExecution.objects.get(run=ticket.run, tool="shell_exec")
    assert refused.failed
    assert "without a sandbox nothing is run" in refused.result


def test_a_plan_may_not_name_a_shell_that_is_switched_off(desk):
    ticket = desk.open()
    model = desk.advance(
        ticket,
        says(plan({"description": "Look", "tool": "shell_exec"})),
        says(call("ask_question", question="And now?")),
    )
    assert "there is no tool shell_exec" in str(model.requests[-1].messages[-1].content)
