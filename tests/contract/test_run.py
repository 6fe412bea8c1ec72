"""POST /api/tickets/:id/run"""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils.timezone import now

from agents.models import Run
from agents.runtime import claims, stop
from tests.builders import (
    ADA,
    IN,
    executing,
    failed,
    log_of,
    new_ticket,
    pending_plan_approval,
    run_of,
)
from tests.contract.wire import at, ok, refused, woken
from tickets.lifecycle import WORKING
from tickets.models import Ticket

pytestmark = pytest.mark.django_db

A_MINUTE = timedelta(minutes=1)


def test_a_draft_is_started(api, django_capture_on_commit_callbacks):
    ticket = new_ticket()
    with django_capture_on_commit_callbacks() as callbacks:
        body = ok(api.post(at(ticket, "/run")), 202)
    assert list(body.items()) == [("message", "Agent started"), ("ticketId", str(ticket.pk))]
    assert ok(api.get(at(ticket)))["status"] == "planning"
    ticket.refresh_from_db()
    assert run_of(ticket).due_at is not None
    assert woken(callbacks) == [ticket.pk]


def test_the_log_says_who_started_it(api):
    ticket = new_ticket()
    api.force_authenticate(User.objects.create_user("ada"))
    ok(api.post(at(ticket, "/run")), 202)
    event = log_of(ticket)[-1]
    assert (event.type, event.actor, event.actor_name) == ("status_changed", "user", "ada")


def test_a_body_is_ignored(api):
    assert ok(api.post(at(new_ticket(), "/run"), {"anything": 1}), 202)


def test_a_failed_ticket_begins_anew_with_a_new_plan(api):
    ticket = failed()
    old = ticket.run_id
    ok(api.post(at(ticket, "/run")), 202)
    shown = ok(api.get(at(ticket)))
    assert shown["status"] == "planning"
    assert [shown[key] for key in ("plan", "planApprovedAt", "resolvedAt", "lastError")] == [
        None
    ] * 4
    assert shown["currentTurn"] == 1
    assert Ticket.objects.get().run_id != old


@pytest.mark.parametrize("status", sorted(WORKING))
def test_while_a_worker_lives_the_agent_is_busy(api, status):
    ticket = IN[status]()
    assert claims.claim(run_of(ticket).pk) is not None
    Run.objects.update(due_at=now() - A_MINUTE)
    error = refused(api.post(at(ticket, "/run")), 409, "AGENT_BUSY")
    assert str(ticket.pk) in error["message"]


@pytest.mark.parametrize("status", sorted(WORKING))
def test_a_run_that_was_queued_a_moment_ago_is_busy_too(api, status):
    refused(api.post(at(IN[status](), "/run")), 409, "AGENT_BUSY")


@pytest.mark.parametrize("status", sorted(WORKING))
def test_after_the_worker_is_lost_the_agent_goes_on(
    api, status, django_capture_on_commit_callbacks
):
    ticket = IN[status]()
    held = claims.claim(run_of(ticket).pk)
    long_ago = now() - A_MINUTE
    Run.objects.update(lease_until=long_ago, due_at=long_ago)
    with django_capture_on_commit_callbacks() as callbacks:
        ok(api.post(at(ticket, "/run")), 202)
    assert woken(callbacks) == [ticket.pk]
    assert Ticket.objects.values_list("status", "run_id").get() == (status, held.pk)
    assert claims.claim(held.pk) is not None


def test_a_run_that_waits_for_its_next_try_may_be_hurried(api):
    ticket = executing()
    Run.objects.update(due_at=now() + A_MINUTE)
    ok(api.post(at(ticket, "/run")), 202)
    assert claims.claim(run_of(ticket).pk) is not None


def test_a_wake_up_that_was_lost_is_sent_again(api):
    ticket = executing()
    Run.objects.update(due_at=now() - A_MINUTE)
    ok(api.post(at(ticket, "/run")), 202)
    refused(api.post(at(ticket, "/run")), 409, "AGENT_BUSY")


def test_who_runs_after_approving_gets_no_second_worker(api):
    ticket = pending_plan_approval()
    ok(api.post(at(ticket, "/approve-plan")))
    refused(api.post(at(ticket, "/run")), 409, "AGENT_BUSY")


@pytest.mark.django_db(transaction=True)
def test_of_two_who_start_a_draft_at_once_one_starts_it_and_the_other_finds_it_busy(api):
    ticket = new_ticket()
    answers = []

    def start():
        answers.append(api.post(at(ticket, "/run")).status_code)
        connection.close()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [202, 409, 409, 409]
    assert Run.objects.count() == 1


def test_while_all_agents_are_stopped_a_working_ticket_says_so_and_is_not_busy(api):
    ticket = pending_plan_approval()
    stop.stop(actor=ADA, reason="smoke")
    ok(api.post(at(ticket, "/approve-plan")))
    answer = ok(api.post(at(ticket, "/run")), 202)
    assert answer["message"].startswith("All agents are stopped by ada (smoke). ")
    shown = ok(api.get(at(ticket)))
    assert (shown["status"], shown["lastError"]) == ("executing", answer["message"])
    stop.start(actor=ADA, reason="mended")
    assert ok(api.get(at(ticket)))["lastError"] is None
    refused(api.post(at(ticket, "/run")), 409, "AGENT_BUSY")
