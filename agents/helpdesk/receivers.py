"""What tasks do when governance says that a request was decided."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from agents.helpdesk import tasks
from agents.models import HelpdeskTask, TaskState
from governance.signals import approval_resolved


def connect() -> None:
    """Called once, when the app is ready."""
    approval_resolved.connect(go_on, dispatch_uid="agents.go_on")


def go_on(approval_id: UUID, **_: Any) -> None:
    """The task that waits for this request goes on."""
    waiting = HelpdeskTask.objects.filter(
        state=TaskState.INPUT_REQUIRED, run__calls__approval=approval_id
    )
    for task in waiting:
        tasks.settle(task)
