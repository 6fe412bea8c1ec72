"""Who should know of requests: a webhook and people's mail (behaviour §2.5), if they are set.

Messages are rows beside the callbacks, made in the transaction of what they tell of and sent by the
same threads of a worker (`callbacks`).
"""

from __future__ import annotations

import json
import smtplib
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.utils.timezone import now

from aura.config import Settings
from aura.kernel.deliveries import Outcome
from aura.kernel.ids import iso
from aura.kernel.secrets import redact
from aura.kernel.unseen import visible
from governance.approvals import links
from governance.models import Approval, ApprovalCallback, ApprovalStatus

CREATED, RESOLVED = "approval_created", "approval_resolved"
SLACK: Final = "slack.com"
COLOURS: Final = {ApprovalStatus.PENDING: "#f2c744", ApprovalStatus.APPROVED: "#2eb67d"}
REFUSED: Final = "#e01e5a"
STARTTLS_PORT, TLS_PORT = 587, 465
TIMEOUT_S: Final = 10
Channel = ApprovalCallback.Channel


def webhook_configured() -> bool:
    config: Settings = settings.AURA
    return bool(config.approval_webhook)


def email_configured() -> bool:
    config: Settings = settings.AURA
    return bool(config.email_to and config.email_from and config.smtp_host)


def queue(approval: Approval, event: str) -> None:
    """Have the webhook told of it, and of a new or denied request people by mail."""
    if webhook_configured():
        _add(approval, Channel.WEBHOOK, json.dumps(_webhook_body(approval, event)))
    if email_configured() and approval.status in (ApprovalStatus.PENDING, ApprovalStatus.DENIED):
        _add(approval, Channel.EMAIL, json.dumps(_mail(approval)))


def _add(approval: Approval, channel: Channel, body: str) -> None:
    ApprovalCallback.objects.create(
        approval=approval,
        channel=channel,
        message_id=f"{approval.key}-{approval.status}-{channel}",
        body=body,
    )


def send_mail(body: str) -> Outcome:
    """One attempt at a stored mail. Whatever happens is the outcome."""
    config: Settings = settings.AURA
    said = json.loads(body)
    connection = get_connection(
        host=config.smtp_host,
        port=config.smtp_port,
        username=config.smtp_user or None,
        password=config.smtp_password or None,
        use_tls=config.smtp_port == STARTTLS_PORT,
        use_ssl=config.smtp_port == TLS_PORT,
        timeout=TIMEOUT_S,
    )
    message = EmailMessage(
        said["subject"],
        said["text"],
        from_email=config.email_from,
        to=list(config.email_to),
        connection=connection,
    )
    try:
        message.send()
    except (OSError, smtplib.SMTPException) as error:
        return Outcome(error=redact(f"{config.smtp_host}:{config.smtp_port}: {error}"))
    return Outcome(status_code=250)


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
        "url": _page(approval),
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
        "title_link": _page(approval),
        "fields": shown,
    }
    return {"attachments": [attachment]}


def _slack_text(text: str) -> str:
    """Nothing that Slack makes a mention or a link of."""
    shown = visible(redact(text))
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _mail(approval: Approval) -> dict[str, str]:
    waits = approval.status == ApprovalStatus.PENDING
    head = "APPROVAL REQUIRED" if waits else "APPROVAL DENIED"
    lines = [
        f"{approval.key}: {approval.tool_name} ({approval.shown_class})",
        f"on {approval.resource_type}/{approval.resource_name}",
        f"requested by {approval.requested_by} at {iso(approval.requested_at)}",
    ]
    if approval.requested_for:
        lines.append(f"for {approval.requested_for}")
    if reason := approval.reason if waits else approval.decision_reason:
        lines.append(f"reason: {reason}")
    if waits:
        lines += [f"until {iso(approval.expires_at)}", *_how(approval)]
    else:
        lines.append(f"denied by {approval.decided_by}")
    subject = visible(redact(f"[{head}] {approval.shown_class} - {approval.tool_name}"))
    text = "\n".join(visible(redact(line)) for line in lines)
    return {"subject": " ".join(subject.split())[:200], "text": f"{text}\n"}


def _how(approval: Approval) -> list[str]:
    """How it is decided: the console, the command line, curl."""
    config: Settings = settings.AURA
    base = config.approval_base_url.rstrip("/") or f"http://localhost:{config.ports.auditd}"
    url = f"{base}/v1/approvals/{approval.key}/approve"
    said = "-H 'Content-Type: application/json' -d '{\"reason\": \"…\"}'"
    return [
        "",
        f"Look at it and decide: {_page(approval)}",
        f'approvals approve {approval.key} --reason "…"',
        f'approvals deny {approval.key} --reason "…"',
        f"curl -X POST {url} -H 'Authorization: Bearer …' {said}",
    ]


def _page(approval: Approval) -> str:
    """Where people look at it: by a link that ends with the wait, while it waits."""
    config: Settings = settings.AURA
    base = config.public_url.rstrip("/") or f"http://localhost:{config.ports.api}"
    if approval.status == ApprovalStatus.PENDING:
        return f"{base}/admin/decide/{links.sign(approval)}/"
    return f"{base}/admin/governance/approval/{approval.pk}/change/"
