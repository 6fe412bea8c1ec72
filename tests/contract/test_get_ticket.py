"""GET /api/tickets/:id"""

from __future__ import annotations

from decimal import Decimal

import pytest

from agents.models import ToolExecution
from agents.runtime import claims
from governance.models import Approval
from tests.builders import (
    ADA,
    PLAN,
    asked_while_planning,
    cancelled,
    done,
    executing,
    new_ticket,
    paused,
    pending_approval,
    pending_input,
    pending_plan_approval,
    planning,
    resolved,
    run_of,
    says,
    worker,
)
from tests.contract.wire import at, moment, ok, uuid4
from tickets import services
from tickets.models import Ticket

pytestmark = pytest.mark.django_db

DOCUMENTED = [
    "id",
    "title",
    "description",
    "status",
    "priority",
    "createdAt",
    "updatedAt",
    "plan",
    "currentTurn",
    "maxTurns",
    "tokenUsage",
    "workingBranch",
    "commits",
    "pendingApproval",
    "pendingQuestion",
]
ADDED = ["pendingPlanApproval", "planApprovedAt", "planApprovedBy", "resolvedAt", "lastError"]


def test_the_keys_are_the_documents_in_its_order_and_additions_come_after_them(api):
    assert list(ok(api.get(at(new_ticket())))) == DOCUMENTED + ADDED


def test_of_a_new_ticket_every_key_without_a_value_is_null(api):
    ticket = new_ticket(priority="high")
    body = ok(api.get(at(ticket)))
    assert uuid4(body["id"]) == ticket.pk
    assert moment(body["createdAt"]) == moment(body["updatedAt"])
    assert {k: v for k, v in body.items() if k not in {"id", "createdAt", "updatedAt"}} == {
        "title": "Deploy Redis cluster",
        "description": "Three nodes",
        "status": "draft",
        "priority": "high",
        "plan": None,
        "currentTurn": 0,
        "maxTurns": 50,
        "tokenUsage": {"promptTokens": 0, "completionTokens": 0, "totalTokens": 0},
        "workingBranch": None,
        "commits": [],
        "pendingApproval": None,
        "pendingQuestion": None,
        "pendingPlanApproval": None,
        "planApprovedAt": None,
        "planApprovedBy": None,
        "resolvedAt": None,
        "lastError": None,
    }


def test_a_plan_is_shown_as_documented(api):
    body = ok(api.get(at(pending_plan_approval())))
    assert body["status"] == "pending_plan_approval"
    plan = body["plan"]
    assert list(plan) == ["summary", "steps", "estimatedTools", "risks"]
    assert plan["summary"] == PLAN["summary"]
    assert plan["estimatedTools"] == PLAN["estimatedTools"]
    assert plan["risks"] == PLAN["risks"]
    assert [list(step)[:2] for step in plan["steps"]] == [["description", "tool"]] * 2
    assert [(s["description"], s["tool"]) for s in plan["steps"]] == [
        ("Write the StatefulSet", "git_write_file"),
        ("Commit it", "git_commit"),
    ]


def test_a_step_says_how_far_it_is(api):
    first, second = ok(api.get(at(pending_plan_approval())))["plan"]["steps"]
    uuid4(first.pop("id"))
    assert list(first.items())[2:] == [
        ("path", "redis/set.yaml"),
        ("index", 0),
        ("status", "pending"),
        ("startedAt", None),
        ("completedAt", None),
        ("output", ""),
        ("error", ""),
        ("retryCount", 0),
    ]
    assert second["index"] == 1
    assert "path" not in second


def test_tools_that_only_the_steps_name_are_in_estimated_tools_too(api):
    ticket = planning()
    with worker(ticket) as journal:
        call = says(journal, "submit_plan", **(PLAN | {"estimatedTools": ["argo_sync"]}))
        done(journal, call)
    plan = ok(api.get(at(ticket)))["plan"]
    assert plan["estimatedTools"] == ["argo_sync", "git_write_file", "git_commit"]


def test_a_plan_that_waits_is_neither_an_approval_nor_a_question(api):
    body = ok(api.get(at(pending_plan_approval())))
    assert body["pendingApproval"] is None
    assert body["pendingQuestion"] is None
    assert body["planApprovedAt"] is None


def test_an_approved_plan_says_when_and_by_whom(api):
    body = ok(api.get(at(executing())))
    moment(body["planApprovedAt"])
    assert body["planApprovedBy"] == "ada"


def test_turns_and_tokens_add_up(api):
    ticket = planning()
    for tokens in ((12_000, 2_000), (500, 300)):
        with worker(ticket) as journal:
            done(journal, says(journal, "git_list_files", tokens=tokens))
        claims.queue(run_of(ticket).pk)
    body = ok(api.get(at(ticket)))
    assert body["currentTurn"] == 2
    assert list(body["tokenUsage"].items()) == [
        ("promptTokens", 12_500),
        ("completionTokens", 2_300),
        ("totalTokens", 14_800),
    ]


def test_the_cost_is_shown_once_a_price_is_known_and_is_the_sum_of_the_turns(api):
    ticket = planning()
    for cost in (Decimal("0.194"), None, Decimal("0.000001")):
        with worker(ticket) as journal:
            done(journal, says(journal, "git_list_files", cost=cost))
        claims.queue(run_of(ticket).pk)
    usage = ok(api.get(at(ticket)))["tokenUsage"]
    assert list(usage)[-1] == "estimatedCost"
    assert usage["estimatedCost"] == 0.194001


def test_branch_and_commits_are_shown_as_they_are_stored(api):
    ticket = executing()
    Ticket.objects.update(working_branch=f"aura/ticket-{ticket.pk}", commits=["abc123f", "def456a"])
    body = ok(api.get(at(ticket)))
    assert body["workingBranch"] == f"aura/ticket-{ticket.pk}"
    assert body["commits"] == ["abc123f", "def456a"]


def test_a_pending_approval_names_exactly_what_would_run(api):
    ticket = pending_approval()
    pending = ok(api.get(at(ticket)))["pendingApproval"]
    assert list(pending.items()) == [
        ("id", str(Approval.objects.get(status="pending").pk)),
        ("action", "git_delete_file on file:redis/old.yaml"),
        ("reason", "git_delete_file is destructive and needs an approval of its own"),
        ("tool", "git_delete_file"),
        ("args", {"path": "redis/old.yaml"}),
        ("resources", ["file:redis/old.yaml"]),
        ("requestedAt", pending["requestedAt"]),
        ("reasonBy", "policy"),
        ("fingerprint", Approval.objects.get(status="pending").fingerprint),
        ("expiresAt", pending["expiresAt"]),
        ("approverRole", "approver"),
        ("quorum", 1),
        ("approvedBy", []),
        ("requestedBy", "agent:aura"),
        ("actionClass", "destructive"),
        ("risk", "It deletes or ends something that may not come back."),
        ("undo", pending["undo"]),
    ]
    assert moment(pending["requestedAt"]) < moment(pending["expiresAt"])
    assert ok(api.get(at(ticket)))["pendingQuestion"] is None


@pytest.mark.parametrize("asked", [pending_input, asked_while_planning])
def test_a_pending_question_is_shown_with_its_options(api, asked):
    ticket = asked()
    body = ok(api.get(at(ticket)))
    assert body["status"] == "pending_input"
    pending = body["pendingQuestion"]
    assert list(pending.items()) == [
        ("id", str(ToolExecution.objects.get(tool="ask_question").pk)),
        ("question", "Which namespace?"),
        ("options", ["data", "cache"]),
        ("askedAt", pending["askedAt"]),
    ]
    moment(pending["askedAt"])
    assert body["pendingApproval"] is None


def test_nothing_is_pending_once_the_ticket_is_cancelled(api):
    ticket = pending_approval()
    services.cancel_ticket(ticket, actor=ADA)
    body = ok(api.get(at(ticket)))
    assert (body["pendingApproval"], body["pendingQuestion"]) == (None, None)


@pytest.mark.parametrize("ended", [resolved, cancelled])
def test_a_ticket_that_is_over_says_since_when(api, ended):
    moment(ok(api.get(at(ended())))["resolvedAt"])


def test_a_paused_ticket_is_not_over(api):
    assert ok(api.get(at(paused())))["resolvedAt"] is None


def test_a_ticket_is_found_by_its_id_in_capitals(api):
    ticket = new_ticket()
    assert ok(api.get(at(str(ticket.pk).upper())))["id"] == str(ticket.pk)


@pytest.mark.parametrize("build", [new_ticket, pending_approval, executing])
def test_the_database_is_asked_a_handful_of_times(api, build, django_assert_max_num_queries):
    ticket = build()
    with django_assert_max_num_queries(3):
        ok(api.get(at(ticket)))
