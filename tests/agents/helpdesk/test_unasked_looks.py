"""What a policy denies is not even looked at: the look tells, and a dry run may do something."""

from __future__ import annotations

import pytest

from agents.helpdesk import drive, tasks
from agents.models import TaskFailure
from governance.types import Resource
from tests.agents.helpdesk.desk import ADA, NAME, Desk

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_target_that_is_denied_is_not_inspected(desk: Desk) -> None:
    desk.resource = Resource(type="database", name="payroll")
    desk.uninspectable = "there is no session 42 on payroll"
    task = tasks.call(NAME, "destroy", {"text": "x"}, by=ADA)
    drive.advance(task.run_id)
    found = tasks.find(task.key)
    assert found is not None
    assert "there is no session" not in found.text
    assert found.failure == TaskFailure.DENIED
