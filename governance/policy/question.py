"""A supposed request, as people ask about it: `policy explain` and the console's form."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import User

from aura.config import Settings
from governance.access import role_of
from governance.inventory import configured
from governance.policy.types import NOT_MEASURED, PolicyRequest
from governance.types import ANONYMOUS, ActionClass, ActorKind, Impact, Principal, Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """May `user` or `service` do this? `tags`: instead of those of the inventory; None: those.

    Without `roles` a user has the role of the person of ours with that name.
    """

    type: str
    name: str
    action: ActionClass
    tool: str = ""
    namespace: str = ""
    tags: frozenset[str] | None = None
    sensitivity: frozenset[str] = frozenset()
    user: str = ""
    service: str = ""
    roles: frozenset[str] = frozenset()
    purpose: str = ""
    impact: Impact = NOT_MEASURED
    at: datetime | None = None

    def request(self) -> PolicyRequest:
        """What the policy is asked. Raises `InventoryRefused`."""
        return PolicyRequest(
            principal=self._principal(),
            tool=self.tool,
            action_class=self.action,
            resource=self._resource(),
            purpose=self.purpose,
            impact=self.impact,
            at=self.at,
        )

    def _resource(self) -> Resource:
        resource = Resource(
            type=self.type,
            name=self.name,
            namespace=self.namespace,
            tags=self.tags or frozenset(),
            sensitivity=self.sensitivity,
        )
        if self.tags is not None:
            return resource
        config: Settings = settings.AURA
        return configured(config.inventory).described(resource)

    def _principal(self) -> Principal:
        roles = self.roles
        if self.user and not roles:
            person = User.objects.filter(username=self.user).first()
            role = role_of(person) if person else None
            roles = frozenset([role.value] if role else ())
        kind = ActorKind.AGENT if self.service else ActorKind.USER
        return Principal(kind=kind, name=self.service or self.user or ANONYMOUS, roles=roles)


def listed(text: str) -> frozenset[str]:
    """The words of a comma list."""
    return frozenset(part.strip() for part in text.split(",") if part.strip())
