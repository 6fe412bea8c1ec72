"""Who may vote on a request, and whose votes count."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

from aura.kernel.errors import Forbidden
from governance.access import DECIDE, deciding_role
from governance.models import Approval, Verdict, Vote
from governance.types import ANONYMOUS, ActorKind, Principal, Role, folded

SHOWN_NAMES = 10


def refuse_others(approval: Approval, by: Principal) -> None:
    """Raises `Forbidden` unless `by` is a person who holds the role that this request wants."""
    if by.kind is not ActorKind.USER or not by.name.strip():
        raise Forbidden("Only a person can decide on this: agents and the product itself cannot")
    if settings.AURA.auth == "on" and _rank(by) < Role(approval.approver_role).rank:
        raise Forbidden(f"You may not decide on this: {who_may(approval)}")


def refuse_requester(approval: Approval, by: Principal) -> None:
    """Raises `Forbidden` where the person behind the request would approve it."""
    if approval.four_eyes and is_requester(approval, by.name):
        raise Forbidden(f"{by.name} asked for this and cannot approve it too: {who_may(approval)}")


def is_requester(approval: Approval, name: str) -> bool:
    """Whether this is the name of the person behind the request."""
    kind, _, requester = approval.requested_by.partition(":")
    wanted_by = {folded(approval.requested_for)}
    if kind == ActorKind.USER:
        wanted_by.add(folded(requester))
    if settings.AURA.auth == "off":
        wanted_by.discard(ANONYMOUS)  # nobody's name
    return folded(name) in wanted_by - {""}


def may_withdraw(approval: Approval, by: Principal) -> bool:
    """Whether somebody may cancel a request: who asked, the person behind it, and who decides."""
    if settings.AURA.auth == "off":
        return True  # names are claims then
    mine = str(by) == approval.requested_by or is_requester(approval, by.name)
    return mine or _rank(by) >= Role.APPROVER.rank


def standing(approval: Approval) -> list[str]:
    """Names of the different people whose yes counts now.

    Somebody who lost the role or was locked since does not count, nor does a name that was only
    claimed, once authentication is on.
    """
    return counting(approval, approval.votes.all())


def counting(approval: Approval, votes: Iterable[Vote], *, present: str = "") -> list[str]:
    """`standing`, of these votes; `present` was looked at a moment ago."""
    people: dict[str, str] = {}
    for vote in votes:
        if vote.verdict != Verdict.APPROVE:
            continue
        mine = approval.four_eyes and is_requester(approval, vote.voter)
        known = vote.voter == present or _counts(vote, Role(approval.approver_role))
        if known and not mine:
            people.setdefault(folded(vote.voter), vote.voter)
    return list(people.values())


def eligible(approval: Approval, *, among: Iterable[str] | None = None) -> list[str]:
    """Names of people who could still say yes; at most `SHOWN_NAMES`.

    `among`: the `holders` of its role, where they are known already.
    """
    said = _said(approval)
    names = (
        name
        for name in (holders(Role(approval.approver_role)) if among is None else among)
        if folded(name) not in said and not (approval.four_eyes and is_requester(approval, name))
    )
    return list(islice(names, SHOWN_NAMES))


def holders(role: Role) -> QuerySet[User, str]:
    """Names of the people who decide with this role or one above it."""
    groups = [each.value for each in Role if each.rank >= role.rank]
    holds = Q(is_superuser=True) | Q(groups__name__in=groups)
    if role.rank <= Role.APPROVER.rank:  # the right beside the roles counts as an approver's
        app, _, codename = DECIDE.partition(".")
        for way in ("user_permissions", "groups__permissions"):
            right = {f"{way}__content_type__app_label": app, f"{way}__codename": codename}
            holds |= Q(**right)
    people = User.objects.filter(holds, is_active=True).distinct().order_by("username")
    return people.values_list("username", flat=True)


def obstacle(approval: Approval, by: Principal) -> str:
    """Why `by` cannot approve a pending request, in a few words; empty when they can."""
    if _rank(by) < Role(approval.approver_role).rank:
        return f"it takes the role {approval.approver_role} or above"
    if approval.four_eyes and is_requester(approval, by.name):
        return "you asked for it"
    return "you said yes" if folded(by.name) in _said(approval) else ""


def who_may(approval: Approval) -> str:
    """A sentence that tells who may approve."""
    others = " other than who asked for it" if approval.four_eyes else ""
    names = eligible(approval)
    known = f" ({', '.join(names)})" if names else " (there is nobody at the moment)"
    return f"it takes somebody with the role {approval.approver_role} or above{others}{known}"


def _said(approval: Approval) -> set[str]:
    if approval.quorum == 1:  # the first vote ends it
        return set()
    return {folded(vote.voter) for vote in approval.votes.all()}


def _rank(by: Principal) -> int:
    return max((role.rank for role in Role if role.value in by.roles), default=-1)


def _counts(vote: Vote, role: Role) -> bool:
    if not vote.verified:
        return bool(settings.AURA.auth == "off")
    user = User.objects.filter(username=vote.voter, is_active=True).first()
    held = deciding_role(user) if user else None
    return held is not None and held.rank >= role.rank
