"""What came of a call, in words. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from agents.models import ENDED_TASK, HelpdeskTask, TaskFailure, TaskState


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`tone` is a class of the cards; `took_s` is None while the call has not ended."""

    heading: str
    tone: str
    words: str = ""
    took_s: float | None = None


FAILURES: Final = {
    TaskFailure.DENIED: ("Denied", "The policy or a person said no; nothing was done."),
    TaskFailure.FAILED: ("The tool could not do it", ""),
    TaskFailure.UNAVAILABLE: ("Nobody could run it", "Trying again later may help."),
}
STATES: Final = {
    TaskState.COMPLETED: ("Answer", "is-good", ""),
    TaskState.INPUT_REQUIRED: (
        "Needs an approval",
        "is-waiting",
        "The policy wants a person to approve this call. It goes on by itself then.",
    ),
    TaskState.CANCELED: ("Canceled", "is-error", ""),
    TaskState.REJECTED: ("Rejected", "is-error", ""),
}
AT_WORK: Final = (
    "Still at work",
    "is-waiting",
    "The call goes on whether you wait or not. Refresh to see what has come of it.",
)


def of(task: HelpdeskTask) -> Answer:
    """How the call stands."""
    state = TaskState(task.state)
    took_s = None
    if state in ENDED_TASK and task.ended_at is not None:
        took_s = (task.ended_at - task.created_at).total_seconds()
    if state is TaskState.FAILED:
        heading, words = FAILURES.get(TaskFailure(task.failure), ("Failed", ""))
        return Answer(heading=heading, tone="is-error", words=words, took_s=took_s)
    heading, tone, words = STATES.get(state, AT_WORK)
    return Answer(heading=heading, tone=tone, words=words, took_s=took_s)
