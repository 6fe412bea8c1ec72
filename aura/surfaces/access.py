"""Who may do what: the roles, and for every route and method of every port what it needs.

`tests/governance/test_access.py` walks the URL tables: a route or method without a row fails it,
and is answered by nobody but with 403.
"""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from aura.kernel.clients import address
from aura.kernel.errors import Forbidden, Unauthenticated
from aura.kernel.routes import StreamRoute
from governance import refusals
from governance.access import make_roles
from governance.identity import HOW_TO_LOG_IN, principal
from governance.identity import may as holds
from governance.types import Role

OPEN: Final = ""  # nobody is asked who they are
CONSOLE: Final = "console"  # the admin site asks by itself, page by page

SEE: Final = "tickets.view_ticket"
READ_LOG: Final = "governance.view_auditevent"
WRITE_LOG: Final = "governance.add_auditevent"
SEE_APPROVALS: Final = "governance.view_approval"
ASK: Final = "governance.add_approval"
WITHDRAW: Final = "governance.change_approval"
ADD: Final = "tickets.add_ticket"
CHANGE: Final = "tickets.change_ticket"
DECIDE: Final = "governance.decide_approval"
STOP: Final = "agents.stop_everything"
ASK_AGENTS: Final = "agents.ask_agents"  # over the gateway, A2A and MCP
SEE_BUNDLES: Final = "agents.view_incident"

# Each role holds the permissions of those above it too.
ROLES: Final[dict[Role, tuple[str, ...]]] = {
    Role.VIEWER: (
        SEE,
        READ_LOG,
        SEE_APPROVALS,
        # Tokens of their own, never more than they may do themselves.
        "governance.view_apitoken",
        "governance.add_apitoken",
        "governance.delete_apitoken",
    ),
    # Agents of others are operators: they tell what they do, and ask before they do it.
    Role.OPERATOR: (ADD, CHANGE, STOP, WRITE_LOG, ASK, WITHDRAW, ASK_AGENTS, SEE_BUNDLES),
    Role.APPROVER: (DECIDE,),
    Role.ADMIN: (
        "auth.view_user",
        "auth.add_user",
        "auth.change_user",
        "governance.manage_tokens",
        "tickets.view_webhookendpoint",
        "tickets.add_webhookendpoint",
        "tickets.change_webhookendpoint",
        "tickets.delete_webhookendpoint",
        "governance.view_notice",
        "governance.add_notice",
        # Not every approver may release something alone; who is on call gets it beside the roles.
        "governance.break_glass",
    ),
}

# Port's URL table -> route as Django has it -> method -> permission. HEAD counts as GET.
ROUTES: Final[dict[str, dict[str, dict[str, str]]]] = {
    "aura.surfaces.api": {
        "api/tickets": {"GET": SEE, "POST": ADD},
        "api/tickets/<str:id>": {"GET": SEE, "PATCH": CHANGE},
        "api/tickets/<str:id>/cancel": {"POST": CHANGE},
        "api/tickets/<str:id>/approve-plan": {"POST": DECIDE},
        "api/tickets/<str:id>/reject-plan": {"POST": DECIDE},
        "api/tickets/<str:id>/approve": {"POST": DECIDE},
        "api/tickets/<str:id>/answer": {"POST": CHANGE},
        "api/tickets/<str:id>/secrets/<str:name>": {"PUT": CHANGE},
        "api/tickets/<str:id>/resume": {"POST": CHANGE},
        "api/tickets/<str:id>/run": {"POST": CHANGE},
        "api/tickets/<str:id>/audit": {"GET": READ_LOG},
        "api/audit": {"GET": READ_LOG},
        "api/tickets/<str:id>/stream": {"GET": SEE},
        "api/stream": {"GET": SEE},
        # An orchestrator asks without a token and learns the status alone; see the view.
        "api/health": {"GET": OPEN},
        "api/info": {"GET": SEE},
        "api/stats": {"GET": SEE},
        "api/cluster/namespaces": {"GET": ASK_AGENTS},
        "api/cluster/pods": {"GET": ASK_AGENTS},
        "api/cluster/services": {"GET": ASK_AGENTS},
        "api/cluster/deployments": {"GET": ASK_AGENTS},
        "api/cluster/events": {"GET": ASK_AGENTS},
        "api/argo/apps": {"GET": ASK_AGENTS},
        "api/argo/apps/<str:name>": {"GET": ASK_AGENTS},
        "api/alerts": {"GET": SEE},
        "api/alerts/<str:source>": {"POST": ADD},
        "api/schema": {"GET": OPEN},
        "api/docs": {"GET": OPEN},
        "": {"GET": OPEN},
        "admin/": {"GET": CONSOLE, "POST": CONSOLE},
    },
    "aura.surfaces.gateway": {
        "api/v1/agents": {"GET": SEE},
        "api/v1/query": {"POST": ASK_AGENTS},
        "api/v1/incidents": {"POST": ASK_AGENTS, "GET": ASK_AGENTS},
        "api/v1/db/<str:tool>": {"POST": ASK_AGENTS},
        "api/v1/k8s/<str:tool>": {"POST": ASK_AGENTS},
        "api/v1/research": {"POST": ASK_AGENTS},
        "api/v1/tools": {"GET": SEE},
        "api/v1/tools/<str:name>": {"GET": SEE},
        "api/v1/tasks": {"GET": ASK_AGENTS},
        "api/v1/tasks/<str:task_id>": {"GET": ASK_AGENTS},
        "api/v1/tasks/<str:task_id>/cancel": {"POST": ASK_AGENTS},
        "api/v1/infrastructure": {"GET": SEE},
        "api/v1/databases": {"GET": SEE},
        "api/v1/governance": {"GET": READ_LOG},
        "api/v1/governance/policies": {"GET": READ_LOG},
        "api/v1/governance/explain": {"GET": READ_LOG},
        "api/v1/governance/events": {"GET": READ_LOG},
        "api/v1/governance/events/<str:event_id>": {"GET": READ_LOG},
        "api/v1/governance/approvals/pending": {"GET": SEE_APPROVALS},
        "api/v1/governance/approvals": {"GET": SEE_APPROVALS},
        "api/v1/governance/verify": {"GET": READ_LOG},
        "api/v1/governance/journeys": {"GET": READ_LOG},
        "api/v1/schema": {"GET": OPEN},
        "health": {"GET": OPEN},
    },
    "aura.surfaces.auditd": {
        "v1/events": {"GET": READ_LOG, "POST": WRITE_LOG},
        "v1/events/<str:event_id>/outcome": {"POST": WRITE_LOG},
        "v1/events/<str:event_id>": {"GET": READ_LOG},
        "v1/verify": {"GET": READ_LOG},
        "v1/approvals": {"GET": SEE_APPROVALS, "POST": ASK},
        "v1/approvals/pending": {"GET": SEE_APPROVALS},
        "v1/approvals/<str:approval_id>": {"GET": SEE_APPROVALS},
        "v1/approvals/<str:approval_id>/wait": {"GET": SEE_APPROVALS},
        "v1/approvals/<str:approval_id>/approve": {"POST": DECIDE},
        "v1/approvals/<str:approval_id>/deny": {"POST": DECIDE},
        "v1/approvals/<str:approval_id>/cancel": {"POST": WITHDRAW},
        "v1/approvals/<str:approval_id>/revoke": {"POST": WITHDRAW},
        "v1/governance/info": {"GET": READ_LOG},
        "v1/governance/policies": {"GET": READ_LOG},
        "v1/governance/explain": {"GET": READ_LOG},
        "v1/governance/check": {"POST": WRITE_LOG},
        "v1/journeys": {"GET": READ_LOG},
        "v1/schema": {"GET": OPEN},
        "health": {"GET": OPEN},
    },
    "aura.surfaces.agent": {},
    "aura.surfaces.secbot": {
        "health": {"GET": OPEN},
        "metrics": {"GET": SEE},
        "callback": {"POST": WRITE_LOG},
    },
    "aura.surfaces.empty": {},
}


def needed(table: str, route: str, method: str) -> str | None:
    """The permission that a route needs, `OPEN`, or None when there is no row for it."""
    return ROUTES.get(table, {}).get(route, {}).get("GET" if method == "HEAD" else method)


def stream_permission(stream: StreamRoute) -> str:
    """What reading this stream needs."""
    return ROUTES["aura.surfaces.api"][stream.route]["GET"]


class MayUseApi(BasePermission):
    """With authentication on: somebody known, who may do what the row of the route says.

    With authentication off: everybody on this machine. Raises `Unauthenticated` or `Forbidden`.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if settings.AURA.auth == "off":
            return True
        match = request.resolver_match
        table = str(getattr(request, "urlconf", ""))
        permission = needed(table, match.route, str(request.method)) if match else None
        if permission == OPEN:
            return True
        if not request.user.is_authenticated:
            raise Unauthenticated(HOW_TO_LOG_IN)
        if permission is None and not _handled(request, view):
            return True  # the view itself says 405, or tells of itself (OPTIONS)
        if permission is None or not holds(request.user, request.auth, permission):
            self._refuse(request, permission)
        return True

    def _refuse(self, request: Request, permission: str | None) -> None:
        refusals.note(
            refusals.Kind.NOT_ALLOWED,
            actor=principal(request.user, request.auth),
            address=address(request.META),
            route=f"{request.method} {request.path}",
            reason=f"needs {permission or 'a row in the table of routes'}",
        )
        raise Forbidden(_who_may(permission))


def _who_may(permission: str | None) -> str:
    """What to tell somebody who may not do this."""
    role = next((role for role, held in ROLES.items() if permission in held), None)
    if role is None:
        return f"You are not allowed to do this; it needs the permission {permission}"
    sentence = f"You are not allowed to do this: it takes the role {role} or above ({permission})"
    if permission != DECIDE:
        return sentence
    return f"{sentence}, and not who asked for it: with such a person's token, or at /admin/"


def _handled(request: Request, view: Any) -> bool:
    method = str(request.method).lower()
    return method != "options" and callable(getattr(view, method, None))


def put_roles_in_place(**_: Any) -> None:
    """Receiver of `post_migrate`."""
    make_roles(ROLES)
