"""The further tools of a ticket: documents, Helm, cdk8s, secrets, a shell, notifications."""

from __future__ import annotations

from agents.cdk8s.tools import cdk8s_tools
from agents.gitops.charttools import chart_tools
from agents.gitops.documents import document_tools
from agents.gitops.sealed.tools import sealed_tools
from agents.gitops.workspace import Workspace
from agents.runtime.tool import Tool
from agents.shell.tools import shell_tools
from aura.config import Settings
from tickets.models import Ticket
from tickets.notifying import notify_tool
from tickets.secretvalues import TicketVault


def further_tools(ticket: Ticket, workspace: Workspace, config: Settings) -> list[Tool]:
    """Bound to this ticket; none of them touches anything before it is called."""
    key = str(ticket.pk)
    return [
        *document_tools(workspace, key),
        *chart_tools(workspace, key),
        *cdk8s_tools(workspace, key, config),
        *sealed_tools(workspace, key, TicketVault(ticket), config),
        *shell_tools(workspace, key, config),
        notify_tool(ticket, config),
    ]
