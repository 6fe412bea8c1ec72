"""A console with something of everything in it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils.timezone import now

from governance import approvals, identity
from governance.audit.sequence import sequence
from governance.models import (
    Approval,
    EmergencyReview,
    SecurityAlert,
    SecurityIncident,
)
from governance.types import Action, ActionClass, ActorKind, Principal, Resource, Role
from tests import builders
from tests.admin.pages import (
    APPROVALS,
    INBOX,
    INDEX,
    LOG,
    OPEN,
    TICKETS,
    TOKENS,
    approval_page,
    page_of,
)
from tests.people import person
from tickets.models import WebhookEndpoint

ADA = Principal(kind=ActorKind.USER, name="ada", roles=frozenset({"approver"}))


def asked(name: str, action_class: ActionClass, **terms: Any) -> Approval:
    """A request of an agent outside of a ticket."""
    action = Action(
        tool=name,
        arguments={"pod": "web-1", "namespace": "shop"},
        action_class=action_class,
        resource=Resource(type="pod", name="production/shop/web-6c54d8f9b7-x2x9p"),
        principal=Principal(kind=ActorKind.AGENT, name="k8s"),
        trace_id="tr_1",
    )
    preview = "Deletes pod web-6c54d8f9b7-x2x9p; its ReplicaSet makes a new one.\nReady: 2 of 3."
    return approvals.request(
        action, policy="production", on_behalf_of=ADA, context={"preview": preview}, **terms
    )


def pages(user: User) -> dict[str, str]:
    """Name -> path of every page, filled."""
    for name, role in (("ada", Role.APPROVER), ("linus", Role.APPROVER), ("olga", Role.OPERATOR)):
        person(name, role)
    plan = builders.pending_plan_approval(title="Deploy Redis with Sentinel")
    action = builders.pending_approval(title="Remove the old cache")
    question = builders.pending_input(title="Which namespace is it to be?")
    builders.paused(title="Move the registry")
    failed = builders.failed(title="Upgrade ingress")
    resolved = builders.resolved(title="Nginx has too few replicas")
    asked("delete_pod", ActionClass.DESTRUCTIVE, quorum=2, expires_in=timedelta(minutes=20))
    scale = asked("scale_deployment", ActionClass.WRITE)
    released = asked("terminate_session", ActionClass.DESTRUCTIVE)
    EmergencyReview.objects.create(approval=released, opened_by="linus", reason="It was down")
    Approval.objects.filter(pk=released.pk).update(status="approved", use_by=now())
    incident = SecurityIncident.objects.create(
        type="high_volume", subject="agent:k8s", opened_at=now() - timedelta(hours=2)
    )
    SecurityAlert.objects.create(
        type="high_volume",
        severity="warning",
        subject="agent:k8s",
        message="130 calls in a minute",
        at=now(),
        incident=incident,
    )
    identity.issue_token(user, name="ci")
    hook = WebhookEndpoint.objects.create(
        url="https://chat.example.com/hooks/aura", events=["ticket.failed"], created_by="grace"
    )
    sequence()
    return {
        "index": INDEX,
        "inbox": INBOX,
        "inbox-mine": f"{INBOX}?mine=1&show=approvals",
        "tickets": TICKETS,
        "ticket-open": OPEN,
        "ticket-plan": page_of(plan),
        "ticket-action": page_of(action),
        "ticket-question": page_of(question),
        "ticket-failed": page_of(failed),
        "ticket-resolved": page_of(resolved),
        "approvals": APPROVALS,
        "approval": approval_page(scale),
        "reviews": "/admin/governance/emergencyreview/",
        "log": LOG,
        "alerts": "/admin/governance/securityalert/",
        "stop": "/admin/agents/stopswitch/",
        "tasks": "/admin/agents/helpdesktask/",
        "incidents": "/admin/agents/incident/",
        "people": "/admin/auth/user/",
        "person": f"/admin/auth/user/{user.pk}/change/",
        "person-add": "/admin/auth/user/add/",
        "tokens": TOKENS,
        "token-add": f"{TOKENS}add/",
        "webhooks": "/admin/tickets/webhookendpoint/",
        "webhook": f"/admin/tickets/webhookendpoint/{hook.pk}/change/",
        "password": "/admin/password_change/",
    }
