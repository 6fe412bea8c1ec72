"""Requests for approval: asked for one exact action, voted on by people, used for it and no other.

asking     a request: what is asked for, of whom, until when
deciding   votes: who may, how many it takes, and that they read what they decide on
rules      who may vote, and whose votes still count
ends       cancel, revoke, expire: every other way a request ends
weighing   how bad what is asked for can be, and how it is undone, in words
using      an approval is used up, or used again within the window its approver stated
emergency  break-glass, and the review that stays open until somebody else closes it
waiting    `wait`: a long poll that holds neither a thread nor a connection
callbacks  the end of a request, told to the URL it came with
moves      what the verbs above are made of: lock, move, tell

Every move locks the request's row, compares by the database's clock, and is an event of the log in
the same transaction. Whoever locks a run or a ticket too does that before.
"""

from governance.approvals.asking import find, listed, request
from governance.approvals.deciding import UNSEEN, Seen, approve, deny, how_it_ended
from governance.approvals.emergency import break_glass, close_review
from governance.approvals.ends import cancel, cancel_all, expire_due, revoke
from governance.approvals.errors import (
    AlreadyVoted,
    ApprovalNotFound,
    ApprovalNotPending,
    ReasonRequired,
    ShownIsStale,
)
from governance.approvals.rules import eligible, holders, obstacle, standing
from governance.approvals.using import consume, reusable
from governance.approvals.waiting import wait

__all__ = [
    "UNSEEN",
    "AlreadyVoted",
    "ApprovalNotFound",
    "ApprovalNotPending",
    "ReasonRequired",
    "Seen",
    "ShownIsStale",
    "approve",
    "break_glass",
    "cancel",
    "cancel_all",
    "close_review",
    "consume",
    "deny",
    "eligible",
    "expire_due",
    "find",
    "holders",
    "how_it_ended",
    "listed",
    "obstacle",
    "request",
    "reusable",
    "revoke",
    "standing",
    "wait",
]
