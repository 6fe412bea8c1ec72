"""Tickets in the middle of their story: alerts, findings, commits, a request with a preview."""

from __future__ import annotations

import uuid
from typing import Any

from django.utils.timezone import now

from agents.models import ToolExecution
from agents.runtime import claims
from agents.runtime.door import PLACE
from agents.types import WaitKind
from governance.models import Approval
from governance.types import ActionClass
from tests import builders
from tickets.events import AGENT, tell
from tickets.models import Alert, Ticket

DIFF = """diff --git a/apps/redis/set.yaml b/apps/redis/set.yaml
--- a/apps/redis/set.yaml
+++ b/apps/redis/set.yaml
@@ -1,4 +1,4 @@
 kind: StatefulSet
 spec:
-  replicas: 1
+  replicas: 3
"""
PREVIEW = """Pod production/shop/web-6c54d8f9b7-x2x9p on node k3s-2, of ReplicaSet web-6c54d8f9b7
2 of 3 pods of its Deployment are ready; a new one is made at once.
1 open connection to it would be cut."""
TRIAGE: dict[str, Any] = {
    "about": "namespace shop",
    "roots": [
        {
            "cause": "oom_killed",
            "title": "the container runs out of memory",
            "object": "Deployment shop/web",
            "severity": "critical",
            "confidence": 0.95,
            "summary": "It was killed 14 times in 20 minutes at its limit of 128 Mi.",
            "evidence": [
                {"id": "E1", "source": "pod status", "line": "lastState: OOMKilled, exit 137"},
                {"id": "E2", "source": "events", "line": "BackOff restarting failed container"},
            ],
            "symptoms": [{"object": "Service shop/web", "title": "has too few endpoints"}],
            "remedy": {"text": "Raise the memory limit to 256 Mi."},
        }
    ],
    "missing": ["metrics of node k3s-2"],
    "lookedAt": {"pods": 3},
}


def alert_of(ticket: Ticket, **fields: Any) -> Alert:
    """An alert that opened it."""
    usual: dict[str, Any] = {
        "source": "alertmanager",
        "fingerprint": uuid.uuid4().hex,
        "group": "g",
        "name": "KubePodCrashLooping",
        "labels": {"namespace": "shop", "pod": "web-6c54d8f9b7-x2x9p"},
        "annotations": {"summary": "Pod shop/web is restarting 14 times in 20 minutes"},
        "link": "https://alerts.example.com/1",
    }
    return Alert.objects.create(ticket=ticket, **(usual | fields))


def triaged(ticket: Ticket, data: Any = None, content: str = "found") -> None:
    """The agent looked, and found something."""
    with builders.worker(ticket) as journal:
        call = builders.says(journal, "triage_namespace", text="I look first", namespace="shop")
        builders.done(journal, call, content, **(TRIAGE if data is None else data))


def committed(ticket: Ticket, diff: str = DIFF, sha: str = "ab12cd3") -> ToolExecution:
    """A commit with its diff, as `git_commit` leaves it."""
    with builders.worker(ticket) as journal:
        call = builders.says(journal, "git_commit", message="Three replicas", text="I commit it")
        builders.done(journal, call, "ok", sha=sha, message="Three replicas", diff=diff)
        payload = {"sha": sha, "message": "Three replicas"}
        tell(ticket, "commit_created", actor=AGENT, action="git_commit", payload=payload)
    return call


def asks_to_delete(ticket: Ticket, preview: str = PREVIEW, **said: Any) -> Approval:
    """The agent wants to delete a pod; what the call would touch was looked at."""
    arguments = {"namespace": "shop", "pod_name": "web-6c54d8f9b7-x2x9p", **said}
    with builders.worker(ticket) as journal:
        call = builders.says(journal, "delete_pod", text="It hangs since an hour.", **arguments)
        call.resource = "kubernetes:shop/web-6c54d8f9b7-x2x9p"
        call.inspection = {
            "impact": {"rows": None, "pods": 1, "xact_age_s": None},
            "plan": preview,
            "preconditions": {},
            PLACE: "production (k3s-production)",
        }
        call.decision = {
            "effect": "require_approval",
            "ruleIndex": 0,
            "tags": ["inventory", "production"],
            "sensitivity": ["pii"],
        }
        message = "Destructive work in production needs a person."
        builders.parked(journal, call, WaitKind.APPROVAL, message=message)
    approval = Approval.objects.get(pk=call.approval_id)
    approval.context = {"preview": preview}
    approval.save()
    return approval


def earlier(approval: Approval, **fields: Any) -> Approval:
    """A decision of yesterday on the same thing."""
    usual: dict[str, Any] = {
        "fingerprint": "e" * 64,
        "tool_name": approval.tool_name,
        "resource_type": approval.resource_type,
        "resource_name": approval.resource_name,
        "action_class": ActionClass.DESTRUCTIVE,
        "requested_by": "agent:aura",
        "trace_id": "tr_old",
        "policy_name": "p",
        "status": "denied",
        "decided_at": now(),
        "decided_by": "linus",
        "decision_reason": "look at its log first",
    }
    return Approval.objects.create(**(usual | fields))


def incident() -> tuple[Ticket, Approval]:
    """All of it in one ticket, which waits for a yes to delete a pod."""
    title = "KubePodCrashLooping: shop/web"
    ticket = builders.executing(title=title, description="Pods of web restart again and again.")
    alert_of(ticket)
    triaged(ticket)
    claims.queue(builders.run_of(ticket).pk)
    committed(ticket)
    claims.queue(builders.run_of(ticket).pk)
    approval = asks_to_delete(ticket)
    earlier(approval)
    return ticket, approval
