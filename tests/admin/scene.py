"""A console with something of everything in it."""

from __future__ import annotations

from datetime import timedelta
from importlib import resources
from typing import Any

from django.contrib.auth.models import User
from django.utils.timezone import now

from governance import approvals, identity
from governance.audit import checking
from governance.audit.checkpoints import signer
from governance.audit.sequence import sequence
from governance.models import (
    Approval,
    AuditEvent,
    EmergencyReview,
    LogCheck,
    SecurityAlert,
    SecurityIncident,
)
from governance.policy import activation, current
from governance.secbot import closing
from governance.types import SYSTEM, Action, ActionClass, ActorKind, Principal, Resource, Role
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
from tests.admin.settings_rooms import locked_out, told
from tests.people import person
from tickets import daily
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


def policies(user: User) -> dict[str, str]:
    """Name -> path of the pages of policies: one is in force, one waits, one is tried."""
    in_force = current.built_in_text().replace("effect: allow", "effect: require_approval")
    loose = current.built_in_text().replace("tags: [inventory]", "name_pattern: '*'")
    activation.propose(activation.keep(in_force, source="policy.yaml", by=SYSTEM), by=user)
    example = resources.files("governance.policy").joinpath("examples", "production.yaml")
    tried = activation.keep(example.read_text("utf-8"), source="production.yaml", by=SYSTEM)
    activation.shadow(tried, by=user)
    wanted = activation.keep(loose, source="policy-2.yaml", by=SYSTEM)
    activation.propose(wanted, by=User.objects.get(username="ada"))
    base = "/admin/governance/policyversion/"
    question = "type=database&name=orders&action=destructive&role=dba&rows=5"
    return {
        "policies": base,
        "policy-waits": f"{base}{wanted.pk}/change/",
        "policy-tried": f"{base}{tried.pk}/change/",
        "policy-new": f"{base}add/",
        "policy-ask": f"{base}ask/?of={tried.pk}&{question}",
        "policy-cases": f"{base}{tried.pk}/cases/",
    }


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
    closed = SecurityIncident.objects.create(
        type="break_glass", subject="user:linus", opened_at=now() - timedelta(days=2)
    )
    closing.close(
        closed.pk, by=ADA, reason="Linus was on call and told us; the review says the same."
    )
    checked = AuditEvent.objects.filter(type="tool_called").latest("pk")
    checking.start(by=ADA)
    daily.count()
    identity.issue_token(user, name="ci")
    hook = WebhookEndpoint.objects.create(
        url="https://chat.example.com/hooks/aura", events=["ticket.failed"], created_by="grace"
    )
    sequence()
    signer.sign_head()
    heard = now() + timedelta(hours=1)  # of a worker that is at it as long as somebody looks
    LogCheck.objects.update(begun_at=heard, heard_at=heard, checked=61_000, events=204_000)
    return {
        "index": INDEX,
        "dashboard": "/admin/dashboard/",
        "tools": "/admin/tools/",
        "tool-read": "/admin/tools/k8s_agent/get_pods/",
        "tool-write": "/admin/tools/ticket/git_write_file/",
        "inventory": "/admin/inventory/",
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
        **policies(user),
        "log-filtered": f"{LOG}?type=any:Approvals&actor=user&says=a",
        "log-none": f"{LOG}?q=tr_none&since=2026-01-02T03:04:05",
        "event": f"{LOG}{checked.pk}/change/",
        "security": "/admin/governance/securityincident/",
        "security-open": f"/admin/governance/securityincident/{incident.pk}/change/",
        "security-closed": f"/admin/governance/securityincident/{closed.pk}/change/",
        "alerts": "/admin/governance/securityalert/",
        "stop": "/admin/agents/stopswitch/",
        "tasks": "/admin/agents/helpdesktask/",
        "incidents": "/admin/agents/incident/",
        "people": "/admin/auth/user/",
        "unlock": locked_out("linus"),
        "roles": "/admin/roles/",
        "notices": told(),
        "person": f"/admin/auth/user/{user.pk}/change/",
        "person-add": "/admin/auth/user/add/",
        "tokens": TOKENS,
        "token-add": f"{TOKENS}add/",
        "webhooks": "/admin/tickets/webhookendpoint/",
        "webhook": f"/admin/tickets/webhookendpoint/{hook.pk}/change/",
        "password": "/admin/password_change/",
    }
