"""What can go wrong with a request for approval."""

from __future__ import annotations

from aura.kernel.errors import Problem, ValidationFailed


class ApprovalNotFound(Problem):
    code, status = "APPROVAL_NOT_FOUND", 404


class ApprovalNotPending(Problem):
    """It was decided, has ended, or was used: nothing was changed."""

    code, status = "APPROVAL_NOT_PENDING", 400


class ShownIsStale(Problem):
    """What the person read is not what would be decided, so nothing was done."""

    code, status = "SHOWN_IS_STALE", 409


class AlreadyVoted(Problem):
    code, status = "ALREADY_VOTED", 409


class ReasonRequired(ValidationFailed):
    """A reason is wanted and none was given."""

    def __init__(self, message: str) -> None:
        super().__init__(message, details={"reason": [message]})
