"""What a person reads before they decide on a request: one sentence first, then the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.db.models import QuerySet

from governance.access import DECIDE
from governance.approvals import obstacle, weighing
from governance.identity import decider
from governance.models import Approval, ApprovalStatus
from governance.templatetags.excerpts import as_json
from governance.templatetags.shown import long_texts
from governance.types import RISKY_CLASSES, Role

EARLIER: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What was written for it so far; `url` leads to all of it as text."""

    title: str
    text: str
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A request as somebody in particular is shown it.

    `because` says why they may not approve it, `trouble` why not all of the `preview` could be
    found out; `reach`, `place`, `tags` and `sensitivity` are what
    was found of the resource, `policy` why it is asked, `trace` the whole of it in words; `spent`
    what its ticket or task has cost so far, `changes` what was written for it.
    """

    approval: Approval
    sentence: str
    because: str
    may_deny: bool
    risk: str
    undo: str
    preview: str = ""
    trouble: str = ""
    earlier: Sequence[Approval] = ()
    reach: Sequence[str] = ()
    place: str = ""
    tags: Sequence[str] = ()
    sensitivity: Sequence[str] = ()
    policy: str = ""
    trace: str = ""
    spent: str = ""
    changes: Sequence[Change] = field(default_factory=tuple)

    @property
    def dangerous(self) -> bool:
        """Whether a yes is asked for twice."""
        return self.approval.action_class in RISKY_CLASSES and not self.approval.kind


def case_of(approval: Approval, user: Any, **known: Any) -> Case:
    """What governance itself knows of it; `known` are fields that somebody knows better."""
    usual: dict[str, Any] = {
        "sentence": weighing.sentence(approval),
        "because": because(approval, user),
        "may_deny": may_deny(approval, user),
        "risk": weighing.risk(approval),
        "undo": weighing.undo(approval),
        "preview": weighing.preview(approval),
        "trouble": weighing.trouble(approval),
        "earlier": list(earlier(approval)),
    }
    return Case(approval=approval, **(usual | known))


def because(approval: Approval, user: Any) -> str:
    """Why this person may not approve it; empty where they may, or nobody can any more."""
    if approval.status != ApprovalStatus.PENDING:
        return ""
    if not user.has_perm(DECIDE):
        return "you may look at this and not decide on it"
    return obstacle(approval, decider(user))


def may_deny(approval: Approval, user: Any) -> bool:
    """Whether they may say no: who asked for it may, unlike to a yes."""
    held = [Role(name).rank for name in decider(user).roles]
    wanted = Role(approval.approver_role).rank
    return user.has_perm(DECIDE) and max(held, default=-1) >= wanted


def earlier(approval: Approval) -> QuerySet[Approval]:
    """The last decisions on the same thing: this tool on this resource."""
    same = Approval.objects.filter(
        tool_name=approval.tool_name,
        resource_type=approval.resource_type,
        resource_name=approval.resource_name,
        decided_at__isnull=False,
    )
    shown = same.exclude(pk=approval.pk).order_by("-requested_at", "-pk")
    return shown.defer("arguments", "context")[:EARLIER]


def _arguments(approval: Approval) -> str:
    texts = (f"{name}:\n{text}" for name, text in long_texts(approval.arguments))
    return "\n\n".join([as_json(approval.arguments), *texts])


# What a page shows the beginning of, by the name in the URL of all of it.
WHOLE: Final[Mapping[str, Callable[[Approval], str]]] = {
    "preview": weighing.preview,
    "arguments": _arguments,
}
