"""Who may change the policy: approvers and admins, and nobody confirms what they proposed."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

from aura.config import Settings
from aura.kernel.errors import Forbidden
from governance.access import role_of
from governance.models import PolicyVersion
from governance.types import ActorKind, Role, folded


def may_change(person: User) -> bool:
    """Whether they have the role that a change of the policy needs."""
    role = role_of(person)
    return person.is_active and role is not None and role.rank >= Role.APPROVER.rank


def names() -> QuerySet[User, str]:
    """Of all who may, in their order."""
    roles = [role.value for role in Role if role.rank >= Role.APPROVER.rank]
    holds = Q(is_superuser=True) | Q(groups__name__in=roles)
    people = User.objects.filter(holds, is_active=True).distinct().order_by("username")
    return people.values_list("username", flat=True)


def require_role(person: User) -> None:
    """Raises `Forbidden`."""
    if not may_change(person):
        raise Forbidden(
            f"{person.get_username()} has not the role approver or admin, which a change of the"
            " policy needs"
        )


def proposed_by(version: PolicyVersion, person: User) -> bool:
    """Whether it was this person, under whatever spelling, who proposed the version."""
    kind, _, name = version.proposed_by.partition(":")
    return kind == ActorKind.USER and folded(name) == folded(person.get_username())


def obstacle(version: PolicyVersion, person: User, *, may: bool) -> str:
    """Why this person may not confirm a version that waits; empty: they may.

    `may`: what `may_change` says of them.
    """
    if not may:
        return "it takes the role approver or admin"
    if proposed_by(version, person):
        return "you proposed it, and another person confirms it"
    return ""


def path_of(version: PolicyVersion) -> str:
    """The path of its page in the console."""
    return f"/admin/governance/policyversion/{version.pk}/change/"


def page_of(version: PolicyVersion) -> str:
    """Where people find it in the console."""
    config: Settings = settings.AURA
    return f"{config.console_url}{path_of(version)}"
