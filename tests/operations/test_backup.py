"""What docs/operations.md says of backup and restore, with its own commands."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from agents.offline.planner import OfflinePlanner
from governance.audit import record as recording
from governance.audit.sequence import sequence
from governance.audit.verify import verify
from governance.models import AuditEvent, AuditLink, AuditPending
from governance.types import SYSTEM
from tests import builders
from tests.fakes import git
from tests.operations.servers import pg
from tests.tickets.conftest import OPS, Desk
from tests.tickets.test_recovery import Killed, die_in, killed_at
from tickets import services
from tickets.models import Status, Ticket
from tickets.selectors import question_of


def dump(url: str, file: Path) -> Path:
    pg("pg_dump", url, "--format=custom", f"--file={file}")
    return file


def restore(file: Path, url: str) -> None:
    pg("pg_restore", url, "--exit-on-error", "--no-owner", str(file))


def counts() -> dict[str, int]:
    tables = [
        model
        for app in ("tickets", "agents", "governance")
        for model in apps.get_app_config(app).get_models()
    ]
    return {model._meta.label: model._default_manager.count() for model in tables}


def leave_unlinked(monkeypatch: pytest.MonkeyPatch) -> int:
    """An event of a process that died between its commit and the sequencer."""
    with monkeypatch.context() as patch, transaction.atomic():
        patch.setattr(recording, "sequence_soon", lambda: None)
        return recording.record("error_occurred", actor=SYSTEM, action="left alone").pk


@pytest.fixture
def restored(databases, using, tmp_path, monkeypatch):
    """A ticket in each status and one whose worker died in a push, on a new server."""
    source, target = databases("everything")
    desk = Desk(tmp_path)
    with using(source):
        kept = {status: make().pk for status, make in builders.IN.items()}
        dead, rest = killed_at(desk, monkeypatch, "git_push", after=True)
        unlinked = leave_unlinked(monkeypatch)
        before = counts()
    restore(dump(source, tmp_path / "aura.dump"), target)
    with using(target):
        yield desk, kept, dead, rest, unlinked, before


def test_a_restored_database_is_whole_and_work_goes_on(restored):
    desk, kept, dead, rest, unlinked, before = restored
    assert counts() == before
    assert {status: Ticket.objects.get(pk=pk).status for status, pk in kept.items()} == {
        status: status for status in kept
    }
    _log_is_guarded(unlinked)
    _people_can_go_on(kept)
    desk.advance(dead, *rest)  # its push was begun; the remote has it
    assert dead.status == Status.RESOLVED
    subjects = git(desk.repository, "log", "--format=%s", "main").splitlines()
    assert subjects.count("Add nginx") == 1
    types = [event.type for event in builders.log_of(dead)]
    assert (types.count("push_executed"), types.count("commit_created")) == (1, 1)
    assert verify().valid


def _log_is_guarded(unlinked: int) -> None:
    assert list(AuditPending.objects.values_list("event_id", flat=True)) == [unlinked]
    for statement in (
        "UPDATE governance_auditevent SET action = 'x'",
        "DELETE FROM governance_auditlink",
        "TRUNCATE governance_auditevent CASCADE",
    ):
        with (
            pytest.raises(DatabaseError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
    assert sequence() == 1
    last = AuditLink.objects.order_by("-seq").first()
    assert last.event_id == unlinked
    assert verify().valid


def _people_can_go_on(kept: dict[str, Any]) -> None:
    """Also that numbers go on after the last one: a reused key would fail at the insert."""
    newest = AuditEvent.objects.order_by("-id").values_list("id", flat=True)[0]
    services.approve_plan(Ticket.objects.get(pk=kept["pending_plan_approval"]), actor=OPS)
    services.decide_action(
        Ticket.objects.get(pk=kept["pending_approval"]), approved=True, actor=OPS
    )
    services.answer_question(Ticket.objects.get(pk=kept["pending_input"]), answer="data", actor=OPS)
    services.resume_ticket(Ticket.objects.get(pk=kept["paused"]), additional_turns=5, actor=OPS)
    services.run_ticket(builders.new_ticket(), actor=OPS)
    assert AuditEvent.objects.order_by("id").filter(id__gt=newest).count() >= 6


DEPLOY = "Deploy nginx 1.27 with 2 replicas on port 80 in namespace web"


def approved(desk: Desk) -> Ticket:
    """A ticket of the offline planner whose plan was approved a moment ago."""
    ticket = services.create_ticket(title="Deploy nginx", description=DEPLOY, actor=SYSTEM)
    services.run_ticket(ticket, actor=OPS)
    desk.advance(ticket, model=OfflinePlanner())
    services.approve_plan(ticket, actor=OPS)
    return ticket


@pytest.mark.parametrize("disk", ["kept", "lost"])
@pytest.mark.parametrize("reached", ["committed", "pushed", "merged"])
def test_an_older_backup_does_not_repeat_what_git_already_has(
    databases, using, tmp_path, monkeypatch, reached, disk
):
    """The database forgot what the repository and perhaps the worker's disk remember."""
    source, target = databases("older")
    desk = Desk(tmp_path)
    with using(source):
        ticket = approved(desk)
        backup = dump(source, tmp_path / "older.dump")
        end_after(monkeypatch, desk, ticket, reached)
    main = git(desk.repository, "rev-parse", "main")
    if disk == "lost":
        shutil.rmtree(tmp_path / "work")
    restore(backup, target)
    with using(target):
        ticket.refresh_from_db()
        call_command("log_key", "--restored", "the disk died")
        desk.advance(ticket, model=OfflinePlanner())
        _is_noticed(
            desk, ticket, main=main, effect_is_lost=(reached, disk) == ("committed", "lost")
        )
        assert verify().valid


def _is_noticed(desk: Desk, ticket: Ticket, *, main: str, effect_is_lost: bool) -> None:
    """A person is asked; only what went down with the disk is done again, and once."""
    subjects = git(desk.repository, "log", "--all", "--format=%s").splitlines()
    if effect_is_lost:
        assert ticket.status == Status.RESOLVED
        assert len([subject for subject in subjects if subject.startswith("Deploy nginx")]) == 1
        return
    assert ticket.status == Status.PENDING_INPUT
    question = question_of(ticket)
    assert question is not None
    assert "nothing is staged" in question["question"]
    assert git(desk.repository, "rev-parse", "main") == main
    assert len([subject for subject in subjects if subject.startswith("Deploy nginx")]) <= 1
    services.cancel_ticket(ticket, actor=OPS)


def end_after(monkeypatch: pytest.MonkeyPatch, desk: Desk, ticket: Ticket, reached: str) -> None:
    """Let the ticket get there, and no further."""
    tool = {"committed": "git_commit", "pushed": "git_push"}.get(reached)
    with monkeypatch.context() as patch:
        if tool is None:
            desk.advance(ticket, model=OfflinePlanner())
            assert ticket.status == Status.RESOLVED
            return
        die_in(patch, tool, after=True)
        with pytest.raises(Killed):
            desk.advance(ticket, model=OfflinePlanner())
