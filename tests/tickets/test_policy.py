"""What the policy says to a ticket's calls: obeyed, and kept beside each call in the log."""

from __future__ import annotations

import pytest
from django.test import override_settings

from governance.audit.record import data_of
from governance.models import AuditEvent
from governance.policy import activation, current
from governance.policy.replay import days_ago, recorded
from governance.policy.types import Effect
from governance.types import SYSTEM, Role
from tests.fakes import call, says
from tests.people import person
from tests.tickets.test_engine import PATH, approved
from tickets.models import Status

pytestmark = pytest.mark.django_db


READS_ONLY = """
policies:
  - name: reads-only
    resources: [{type: ticket}, {type: repository}, {type: file}]
    rules:
      - {action: read, effect: allow}
      - {action: [write, destructive], effect: deny}
"""


@pytest.fixture(autouse=True)
def nothing_remembered():
    current.forget()
    yield
    current.forget()


def decisions(ticket):
    """Tool -> the policy that decided it, and what is kept of the decision; the last of each."""
    events = AuditEvent.objects.filter(trace_id=str(ticket.pk), type="tool_called").order_by("id")
    calls = {event.action: data_of(event.body)["data"]["call"] for event in events}
    return {tool: (call["policy"], call.get("decision")) for tool, call in calls.items()}


def in_force(text, source="p.yaml"):
    version = activation.keep(text, source=source, by=SYSTEM)
    activation.propose(version, by=person("root", Role.ADMIN))


def test_every_call_keeps_what_decided_it(desk):
    ticket, script = approved(desk)
    desk.advance(ticket, *script)
    kept = decisions(ticket)
    version = current.version()
    assert kept["git_write_file"] == (
        "tickets",
        {"effect": "allow", "ruleIndex": 1, "version": version},
    )
    asked = {(one.tool, one.resource.name): one for one in recorded(days_ago(1))}
    assert asked["git_write_file", PATH].principal.name == "aura"
    assert current.policy().decide(asked["git_write_file", PATH]).effect is Effect.REQUIRE_APPROVAL


def test_what_a_policy_denies_is_not_done_inside_an_approved_plan(desk):
    in_force(READS_ONLY)
    ticket, script = approved(desk)
    desk.advance(ticket, script[0], says(call("give_up", reason="denied")))
    policy, decision = decisions(ticket)["git_write_file"]
    assert (policy, decision["effect"]) == ("reads-only", "deny")
    assert "commit_created" not in {
        event.type for event in AuditEvent.objects.filter(trace_id=str(ticket.pk))
    }


def test_a_policy_without_rules_for_tickets_says_which_one_is_missing(desk):
    in_force(READS_ONLY.replace("[write, destructive], effect: deny", "destructive, effect: deny"))
    ticket, script = approved(desk)
    desk.advance(ticket, script[0], says(call("give_up", reason="denied")))
    told = AuditEvent.objects.filter(trace_id=str(ticket.pk), action="git_write_file").last()
    said = data_of(told.body)["data"]["toolCall"]["result"]["error"]
    assert f"No rule of the policy in force decides write of file:{PATH}" in said
    assert "it needs one for the type file" in said


def test_a_plan_approved_under_another_policy_is_asked_for_again(desk):
    ticket, script = approved(desk)
    in_force(READS_ONLY)
    desk.advance(ticket, *script)
    assert ticket.status == Status.PENDING_PLAN_APPROVAL
    assert "git_write_file" not in decisions(ticket)


def test_in_read_only_mode_nothing_is_written(desk, settings):
    ticket, script = approved(desk)
    with override_settings(AURA=settings.AURA.model_copy(update={"operating_mode": "readonly"})):
        current.forget()
        desk.advance(ticket, script[0], says(call("give_up", reason="read-only")))
    assert decisions(ticket)["git_write_file"][0] == "readonly_mode"
