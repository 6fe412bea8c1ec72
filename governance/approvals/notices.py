"""Who is told of requests: a webhook of the settings (behaviour §2.5), and people.

Messages to the webhook are rows beside the callbacks, sent by the same threads of a worker
(`callbacks`); those to people are `governance.notices`. Both are made in the transaction of what
they tell of.
"""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.timezone import now

from aura.config import NoticeChannel, Settings
from aura.kernel.ids import iso
from aura.kernel.secrets import redact
from aura.kernel.unseen import visible
from governance import notices
from governance.models import Approval, ApprovalCallback, ApprovalStatus
from governance.notices import Kind, Message, links, slack
from governance.types import RISKY_CLASSES

CREATED, RESOLVED = "approval_created", "approval_resolved"
SLACK: Final = "slack.com"
COLOURS: Final = {ApprovalStatus.PENDING: "#f2c744", ApprovalStatus.APPROVED: "#2eb67d"}
REFUSED: Final = "#e01e5a"
PLAN: Final = "plan"  # a `kind`, as `Approval` has it
REVIEWS: Final = "/admin/governance/emergencyreview/"
Channel = ApprovalCallback.Channel


def webhook_configured() -> bool:
    config: Settings = settings.AURA
    return bool(config.approval_webhook)


def email_configured() -> bool:
    config: Settings = settings.AURA
    return NoticeChannel.EMAIL in config.notice_channels


def queue(approval: Approval, event: str) -> None:
    """Have the webhook told of it, and people of what they should look at."""
    if webhook_configured():
        ApprovalCallback.objects.create(
            approval=approval,
            channel=Channel.WEBHOOK,
            message_id=f"{approval.key}-{approval.status}-{Channel.WEBHOOK}",
            body=json.dumps(_webhook_body(approval, event)),
        )
    if approval.status != ApprovalStatus.PENDING:
        notices.withdraw(_waits(approval).key)
    tell_as_it_stands(approval)


def tell_as_it_stands(approval: Approval) -> None:
    """Have people told of what they should look at; the second time is nothing."""
    if approval.status == ApprovalStatus.PENDING:
        notices.tell(_waits(approval))
    elif approval.broke_glass and approval.status == ApprovalStatus.APPROVED:
        notices.tell(_emergency(approval))
    elif approval.status == ApprovalStatus.DENIED:
        notices.tell(_denied(approval))


# --- what is told ---


def _webhook_body(approval: Approval, event: str) -> dict[str, Any]:
    """The document's JSON; where the address is Slack's, what Slack shows."""
    host = urlsplit(settings.AURA.approval_webhook).hostname or ""
    if host == SLACK or host.endswith(f".{SLACK}"):
        return _slack(approval)
    said = {
        "event_type": event,
        "approval_id": approval.key,
        "status": approval.status,
        "action": approval.shown_class,
        "tool": redact(approval.tool_name),
        "agent": redact(approval.agent_name),
        "resource": redact(f"{approval.resource_type}/{approval.resource_name}"),
        "requested_by": redact(approval.requested_by),
        "requested_at": iso(approval.requested_at),
        "timestamp": iso(now()),
        "resolved_by": approval.decided_by,
        "resolved_at": iso(approval.decided_at) if approval.decided_at else "",
        "reason": redact(approval.decision_reason or approval.reason),
        "expires_at": iso(approval.expires_at),
        "url": _link(approval),
    }
    return {name: value for name, value in said.items() if value}


def _slack(approval: Approval) -> dict[str, Any]:
    status = ApprovalStatus(approval.status)
    fields = {
        "Tool": approval.tool_name,
        "Class": approval.shown_class,
        "Resource": f"{approval.resource_type}/{approval.resource_name}",
        "Requested by": approval.requested_by,
        "Decided by": approval.decided_by,
        "Reason": approval.decision_reason or approval.reason,
    }
    shown = [
        {"title": title, "value": _slack_text(text), "short": title != "Reason"}
        for title, text in fields.items()
        if text
    ]
    attachment = {
        "color": COLOURS.get(status, REFUSED),
        "title": f"Approval {approval.key}: {status.label.lower()}",
        "title_link": _link(approval),
        "fields": shown,
    }
    return {"attachments": [attachment]}


def _slack_text(text: str) -> str:
    return slack.escaped(visible(redact(text)))


def _waits(approval: Approval) -> Message:
    plan, risky = approval.kind == PLAN, approval.action_class in RISKY_CLASSES
    lines = [*_what(approval)]
    if approval.reason:
        lines.append(f"reason: {approval.reason}")
    return Message(
        key=f"{approval.key}-{ApprovalStatus.PENDING}",
        kind=Kind.PLAN if plan else Kind.ACTION,
        head="APPROVAL REQUIRED",
        what=f"{approval.shown_class} - {approval.tool_name}",
        lines=[*lines, f"until {iso(approval.expires_at)}"],
        how=_how(approval),
        page=f"{_page(approval)}#decide",
        call="Look at it and decide",
        until=approval.expires_at,
        priority=notices.URGENT if risky and not plan else notices.HIGH,
        tags=["clipboard"] if plan else ["rotating_light"] if risky else ["raised_hand"],
    )


def _denied(approval: Approval) -> Message:
    return Message(
        key=f"{approval.key}-{approval.status}",
        kind=Kind.DENIED,
        head="APPROVAL DENIED",
        what=f"{approval.shown_class} - {approval.tool_name}",
        lines=[
            *_what(approval),
            f"reason: {approval.decision_reason}",
            f"denied by {approval.decided_by}",
        ],
        page=_page(approval),
        priority=notices.LOW,
        tags=["no_entry"],
    )


def _emergency(approval: Approval) -> Message:
    return Message(
        key=f"{approval.key}-break-glass",
        kind=Kind.EMERGENCY,
        head="BREAK-GLASS",
        what=f"{approval.decided_by} released {approval.tool_name} alone",
        lines=[*_what(approval), f"reason: {approval.decision_reason}"],
        page=REVIEWS,
        call="Somebody else reviews it",
        priority=notices.URGENT,
        tags=["rotating_light"],
    )


def _what(approval: Approval) -> list[str]:
    lines = [
        f"{approval.key}: {approval.tool_name} ({approval.shown_class})",
        f"on {approval.resource_type}/{approval.resource_name}",
        f"requested by {approval.requested_by} at {iso(approval.requested_at)}",
    ]
    return [*lines, f"for {approval.requested_for}"] if approval.requested_for else lines


def _how(approval: Approval) -> list[str]:
    """How it is decided without the console: the command line, curl."""
    config: Settings = settings.AURA
    base = config.approval_base_url.rstrip("/") or f"http://localhost:{config.ports.auditd}"
    url = f"{base}/v1/approvals/{approval.key}/approve"
    said = "-H 'Content-Type: application/json' -d '{\"reason\": \"…\"}'"
    return [
        f'approvals approve {approval.key} --reason "…"',
        f'approvals deny {approval.key} --reason "…"',
        f"curl -X POST {url} -H 'Authorization: Bearer …' {said}",
    ]


def _page(approval: Approval) -> str:
    return f"/admin/governance/approval/{approval.pk}/change/"


def _link(approval: Approval) -> str:
    """Where people look at it: while it waits by a link that ends with the wait."""
    if approval.status == ApprovalStatus.PENDING:
        return links.url(f"{_page(approval)}#decide", until=approval.expires_at)
    return links.address(_page(approval))
