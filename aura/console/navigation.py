"""The console's rooms, grouped by what people do there. A new page is one row in `GROUPS`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.http import HttpRequest
from django.urls import reverse

from governance.access import READ_LOG

SEE: Final = "tickets.view_ticket"
APPROVALS: Final = "governance.view_approval"
ASK: Final = "agents.ask_agents"


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A page that the navigation leads to.

    `view` is the name of its URL. Whoever holds one of `permissions` is shown it, everybody in the
    console if there are none. `count` names what waits there, a key of `Counts.by_room`.
    """

    name: str
    view: str
    permissions: tuple[str, ...] = ()
    count: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A room as somebody is shown it. `current`: this is where they are."""

    name: str
    url: str
    current: bool
    count: str
    waiting: int


GROUPS: Final[tuple[tuple[str, tuple[Room, ...]], ...]] = (
    (
        "Work",
        (
            Room(
                name="Inbox",
                view="admin:inbox",
                permissions=(SEE, APPROVALS, READ_LOG),
                count="inbox",
            ),
            Room(
                name="Tickets",
                view="admin:tickets_ticket_changelist",
                permissions=(SEE, "tickets.change_ticket"),
            ),
            Room(name="Dashboard", view="admin:dashboard", permissions=(SEE,)),
            Room(name="Alerts", view="admin:tickets_alert_changelist", permissions=(SEE,)),
            Room(
                name="Questions to agents",
                view="admin:agents_helpdesktask_changelist",
                permissions=(ASK,),
            ),
        ),
    ),
    (
        "Governance",
        (
            Room(
                name="Approvals",
                view="admin:governance_approval_changelist",
                permissions=(APPROVALS,),
                count="approvals",
            ),
            Room(
                name="Break-glass reviews",
                view="admin:governance_emergencyreview_changelist",
                permissions=(APPROVALS,),
                count="reviews",
            ),
            Room(
                name="Policies",
                view="admin:governance_policyversion_changelist",
                permissions=(READ_LOG,),
                count="policies",
            ),
            Room(
                name="Log", view="admin:governance_auditevent_changelist", permissions=(READ_LOG,)
            ),
            Room(
                name="Security incidents",
                view="admin:governance_securityincident_changelist",
                permissions=(READ_LOG,),
                count="incidents",
            ),
            Room(
                name="Security alerts",
                view="admin:governance_securityalert_changelist",
                permissions=(READ_LOG,),
            ),
        ),
    ),
    (
        "Agents",
        (
            Room(name="Stop switch, budgets", view="admin:agents_stopswitch_changelist"),
            Room(name="Agents and tools", view="admin:tools", permissions=(SEE,)),
            Room(name="Inventory", view="admin:inventory", permissions=(SEE,)),
            Room(
                name="Incident bundles",
                view="admin:agents_incident_changelist",
                permissions=("agents.view_incident",),
            ),
        ),
    ),
    (
        "Settings",
        (
            Room(
                name="People",
                view="admin:auth_user_changelist",
                permissions=("auth.view_user",),
            ),
            Room(name="Roles", view="admin:roles"),
            Room(
                name="API tokens",
                view="admin:governance_apitoken_changelist",
                permissions=("governance.view_apitoken",),
            ),
            Room(
                name="Webhooks",
                view="admin:tickets_webhookendpoint_changelist",
                permissions=("tickets.view_webhookendpoint",),
            ),
            Room(
                name="Notices",
                view="admin:governance_notice_changelist",
                permissions=("governance.view_notice",),
            ),
        ),
    ),
)


def links(request: HttpRequest, waiting: Mapping[str, int]) -> list[tuple[str, list[Link]]]:
    """(group, its rooms) as this person may see them; a group without any is left out."""
    found = [
        (group, [_link(request, room, waiting) for room in rooms if _may_see(request, room)])
        for group, rooms in GROUPS
    ]
    return [(group, rooms) for group, rooms in found if rooms]


def _may_see(request: HttpRequest, room: Room) -> bool:
    return not room.permissions or any(request.user.has_perm(one) for one in room.permissions)


def _link(request: HttpRequest, room: Room, waiting: Mapping[str, int]) -> Link:
    url = reverse(room.view)
    return Link(
        name=room.name,
        url=url,
        current=request.path.startswith(url),
        count=room.count,
        waiting=waiting.get(room.count, 0),
    )
