"""`wait`: a long poll for the answer to a request. auditd: GET /v1/approvals/{id}/wait."""

from __future__ import annotations

from aura.kernel.longpoll import LongPoll
from governance.approvals.news import CHANNEL
from governance.audit.canonical import storable
from governance.models import Approval, ApprovalStatus


async def wait(key: str, timeout_s: float) -> Approval | None:
    """The request once it is answered, or as it stands after `timeout_s`. None: there is none.

    Returns at once when it is answered already, or `timeout_s` is not above 0. Raises `Unavailable`
    when the database does not answer then.
    """
    # A key that no query can hold would fail those of all waiters.
    return await _polls.wait(str(storable(key)), _answered, timeout_s)


def _answered(approval: Approval) -> bool:
    return approval.status != ApprovalStatus.PENDING


def _rows(keys: list[str]) -> dict[str, Approval]:
    found = Approval.objects.filter(key__in=keys).prefetch_related("votes")
    return {row.key: row for row in found}


_polls = LongPoll(CHANNEL, _rows)
