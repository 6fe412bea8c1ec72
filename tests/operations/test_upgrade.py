"""From the release before to this one and back, with data."""

from __future__ import annotations

from django.core.management import call_command
from django.db import connection

from governance.audit.verify import verify
from tests import builders
from tests.operations.servers import new_database
from tests.tickets.conftest import OPS
from tickets import services
from tickets.models import Ticket

# What the first release had applied.
RELEASED = {
    "agents": "0001_initial",
    "governance": "0002_append_only",
    "tickets": "0001_initial",
}


def columns() -> dict[tuple[str, str], bool]:
    """(table, column) -> whether an insert that does not name it succeeds."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name,"
            " is_nullable = 'YES' OR column_default IS NOT NULL OR is_identity = 'YES'"
            " FROM information_schema.columns WHERE table_schema = 'public'"
        )
        return {(table, column): optional for table, column, optional in cursor.fetchall()}


def to_release() -> None:
    for app, name in RELEASED.items():
        call_command("migrate", app, name, verbosity=0)


def test_a_rollback_and_the_upgrade_after_it_keep_every_ticket_and_the_log(live, using, migrated):
    with using(new_database(live, "upgrade", template=migrated)):
        whole = columns()
        kept = {make().pk: status for status, make in builders.IN.items()}
        to_release()
        released = columns()
        _can_be_written_by_the_release_before(whole, released)
        call_command("migrate", verbosity=0)
        assert columns() == whole
        assert {t.pk: t.status for t in Ticket.objects.all()} == kept
        assert verify().valid
        waiting = Ticket.objects.get(status="pending_plan_approval")
        services.approve_plan(waiting, actor=OPS)
        services.run_ticket(builders.new_ticket(), actor=OPS)
        assert verify().valid


def _can_be_written_by_the_release_before(
    whole: dict[tuple[str, str], bool], released: dict[tuple[str, str], bool]
) -> None:
    """Old and new processes run side by side during an upgrade, and the old alone after a rollback:
    nothing it reads is gone, and what it does not know has a default in the database.
    """
    assert set(released) <= set(whole)
    tables = {table for table, _ in released}
    added = {key: optional for key, optional in whole.items() if key not in released}
    needed = [key for key, optional in added.items() if key[0] in tables and not optional]
    assert needed == []
