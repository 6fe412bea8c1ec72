"""Roles: Django groups with a fixed set of permissions each, one containing the one before it.

What a role holds is told by the product (`aura.surfaces.access.ROLES`) and put in place after
every migration; rights beyond these four belong into groups of other names.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import reduce
from operator import or_

from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission, User
from django.db.models import Q, QuerySet

from governance.types import Role

DECIDE = "governance.decide_approval"
READ_LOG = "governance.view_auditevent"
NAMES = [role.value for role in Role]


def role_of(user: User) -> Role | None:
    """The highest role of a person; None for somebody who has none and may do nothing."""
    if user.is_superuser:
        return Role.ADMIN
    names = set(user.groups.filter(name__in=NAMES).values_list("name", flat=True))
    return max((Role(name) for name in names), key=lambda role: role.rank, default=None)


def deciding_role(user: User) -> Role | None:
    """The role with which a person votes on requests.

    The right to decide that somebody holds beside the roles counts as an approver's.
    """
    role = role_of(user)
    if (role is None or role.rank < Role.APPROVER.rank) and user.has_perm(DECIDE):
        return Role.APPROVER
    return role


def give_role(user: User, role: Role | None) -> None:
    """Make it the person's one role; groups of other names stay. Every role may see the console."""
    user.groups.remove(*Group.objects.filter(name__in=NAMES))
    if role is not None:
        user.groups.add(Group.objects.get(name=role))
    user.is_staff = user.is_superuser or role is not None
    user.save(update_fields=["is_staff"])


def held_by() -> list[tuple[str, str, set[Role]]]:
    """(permission, Django's name for it, who holds it) of all that the roles may do, the lowest
    role's first.
    """
    found: dict[str, tuple[str, set[Role]]] = {}
    for role in Role:
        rows = Permission.objects.filter(group__name=role).select_related("content_type")
        for row in rows.order_by("content_type__app_label", "pk"):
            code = f"{row.content_type.app_label}.{row.codename}"
            found.setdefault(code, (row.name, set()))[1].add(role)
    return [(code, name, roles) for code, (name, roles) in found.items()]


def make_roles(holds: Mapping[Role, Collection[str]]) -> None:
    """Give each role's group exactly its own permissions (`app.codename`) and all lower ones'."""
    for label in {code.partition(".")[0] for codes in holds.values() for code in codes}:
        create_permissions(apps.get_app_config(label), verbosity=0)  # a new database has none yet
    below: set[str] = set()
    for role in Role:
        below |= set(holds[role])
        group, _ = Group.objects.get_or_create(name=role)
        group.permissions.set(_rows(below))


def _rows(codes: Collection[str]) -> QuerySet[Permission]:
    pairs = (code.split(".") for code in codes)
    rows = Permission.objects.filter(
        reduce(or_, (Q(content_type__app_label=app, codename=name) for app, name in pairs))
    )
    if len(rows) != len(codes):
        raise LookupError(f"not all of these permissions exist: {sorted(codes)}")
    return rows
