"""Which role may do what, as the groups of the database hold it."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from governance.access import held_by
from governance.types import Role

# What people call it; a permission that is not here is shown under Django's name for it.
WORDS: Final = {
    "tickets.view_ticket": "see tickets, plans, agents and the inventory",
    "governance.view_auditevent": "read the log, policies and security incidents",
    "governance.view_approval": "see requests for approval",
    "governance.view_apitoken": "see their own tokens",
    "governance.add_apitoken": "make tokens for themselves",
    "governance.delete_apitoken": "revoke and delete their tokens",
    "tickets.add_ticket": "open tickets, send alerts",
    "tickets.change_ticket": "run, answer, change, resume and cancel tickets",
    "agents.stop_everything": "stop and start all agents",
    "governance.add_auditevent": "tell the log of events (agents of others)",
    "governance.add_approval": "ask for approval (agents of others)",
    "governance.change_approval": "withdraw and take back requests",
    "agents.ask_agents": "ask agents, over the gateway, A2A and MCP",
    "agents.view_incident": "see and download incident bundles",
    "governance.decide_approval": "approve and deny; propose and confirm policies",
    "auth.view_user": "see people",
    "auth.add_user": "add people",
    "auth.change_user": "change people's roles and passwords, lock and unlock them",
    "governance.manage_tokens": "see, make and revoke tokens of others",
    "tickets.view_webhookendpoint": "see webhooks",
    "tickets.add_webhookendpoint": "add webhooks",
    "tickets.change_webhookendpoint": "change, test and replay webhooks",
    "tickets.delete_webhookendpoint": "delete webhooks",
    "governance.view_notice": "see what people were told by e-mail, ntfy and Slack",
    "governance.add_notice": "send test messages",
    "governance.break_glass": "release an action alone, in an emergency",
}


def roles(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """GET /admin/roles/"""
    rows = [
        {"code": code, "words": WORDS.get(code, name), "may": [role in held for role in Role]}
        for code, name, held in held_by()
    ]
    own = {"title": "Roles", "rows": rows, "names": list(Role)}
    return TemplateResponse(request, "admin/catalogue/roles.html", {**context, **own})
