"""One line of the inbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from django.utils.timezone import now

SOON: Final = timedelta(minutes=15)


class Kind(StrEnum):
    """What waits, the riskiest first: the order of the list."""

    INCIDENT = "incident"
    REVIEW = "review"
    POLICY = "policy"
    DESTRUCTIVE = "destructive"
    ACTION = "action"
    PLAN = "plan"
    QUESTION = "question"
    PAUSED = "paused"
    FAILED = "failed"

    @property
    def stuck(self) -> bool:
        """Nobody was asked for anything: it only goes no further by itself."""
        return self in {Kind.PAUSED, Kind.FAILED}


# Name of a filter -> (what it is called, its kinds)
FILTERS: Final[dict[str, tuple[str, frozenset[Kind]]]] = {
    "approvals": ("Approvals", frozenset({Kind.DESTRUCTIVE, Kind.ACTION, Kind.PLAN})),
    "policies": ("Policies", frozenset({Kind.POLICY})),
    "questions": ("Questions", frozenset({Kind.QUESTION})),
    "security": ("Security", frozenset({Kind.INCIDENT, Kind.REVIEW})),
    "stuck": ("Paused, failed", frozenset({Kind.PAUSED, Kind.FAILED})),
}


VERBS: Final[dict[Kind, str]] = {
    Kind.INCIDENT: "look into it and close it",
    Kind.REVIEW: "review it",
    Kind.POLICY: "confirm it",
    Kind.DESTRUCTIVE: "decide",
    Kind.ACTION: "decide",
    Kind.PLAN: "decide",
    Kind.QUESTION: "answer",
    Kind.PAUSED: "resume or cancel it",
    Kind.FAILED: "start it again",
}


def hindered(because: str, others: Sequence[str]) -> str:
    """Why whoever looks may not decide, and whether that leaves nobody; empty where they may."""
    return because if others or not because else f"{because}; nobody else may either"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """`what` in one line; `url` is where it is decided.

    `badge` is what a person calls it, where that is not its kind. `yours`: whoever looks may settle
    it; else `because` says why not. `who` are others who may. `about` is the ticket it belongs to.
    """

    kind: Kind
    what: str
    url: str
    since: datetime | None
    badge: str = ""
    resource: str = ""
    asked_by: str = ""
    about: str = ""
    about_url: str = ""
    yours: bool = False
    because: str = ""
    who: str = ""
    votes: str = ""
    expires_at: datetime | None = None

    @property
    def verb(self) -> str:
        """What one does about it."""
        return VERBS[self.kind]

    @property
    def ends_soon(self) -> bool:
        return self.expires_at is not None and self.expires_at - now() < SOON
