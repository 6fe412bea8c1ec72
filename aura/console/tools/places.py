"""What the inventory has to do with a tool: which places it can be called for, and may it be?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from aura.console.tools.known import Known
from aura.kernel.errors import Unavailable
from aura.kernel.unseen import visible
from governance.helpdesk import resources
from governance.identity import decider
from governance.inventory import Inventory
from governance.policy import current
from governance.policy.types import Effect, PolicyRequest
from governance.types import ActionClass, Resource

DATABASE: Final = "connection_string"
CLUSTERS: Final = ("context", "k8s_context")
MOST: Final = 20  # places that the policy is asked about
SAYS: Final = {
    Effect.ALLOW: "allowed",
    Effect.REQUIRE_APPROVAL: "needs an approval",
    Effect.DENY: "denied",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the policy says of calling a tool for one place."""

    place: str
    effect: Effect
    policy: str
    message: str

    @property
    def says(self) -> str:
        return SAYS[self.effect]


def offered(known: Known) -> dict[str, list[str]]:
    """Argument -> what the inventory offers for it; nothing that is not what it looks like."""
    found = _inventory()
    places = {DATABASE: found.db_servers, **dict.fromkeys(CLUSTERS, found.k8s_clusters)}
    return {
        name: [place for place in places[name] if visible(place) == place]
        for name in _names(known)
        if name in places
    }


def verdicts(known: Known, user: Any) -> list[Verdict]:
    """What the policy in force says of a call by this person, for each place of the inventory.

    Nothing of a tool that nobody calls directly, or whose class only its arguments tell. Rules
    about purposes, hours or amounts may decide otherwise when it is called.
    """
    action_class = known.tool.action_class
    if not known.direct or not isinstance(action_class, ActionClass):
        return []
    by, policy = decider(user), current.policy()
    found = []
    for place, resource in _resources(known)[:MOST]:
        decision = policy.decide(
            PolicyRequest(
                principal=by, tool=known.tool.name, action_class=action_class, resource=resource
            )
        )
        found.append(
            Verdict(
                place=place,
                effect=decision.effect,
                policy=decision.policy,
                message=decision.message,
            )
        )
    return found


def _resources(known: Known) -> list[tuple[str, Resource]]:
    found, names = _inventory(), _names(known)
    if DATABASE in names:
        pairs = [(key, found.database(key)) for key in found.db_servers]
    elif names & set(CLUSTERS):
        pairs = [(key, found.cluster(key)) for key in found.k8s_clusters]
    else:
        pairs = []
    return [(key, resource) for key, resource in pairs if resource is not None]


def _names(known: Known) -> set[str]:
    return {argument.name for argument in known.arguments}


def _inventory() -> Inventory:
    try:
        return resources.known()
    except Unavailable:
        return Inventory()
