"""What Argo CD is watched for on behalf of a ticket."""

from __future__ import annotations

from agents.argocd import configured
from agents.argocd.watched import Goal, Watched
from agents.gitops import reaching
from agents.gitops.workspace import Workspace
from aura.config import Settings
from tickets import claims, previews
from tickets.journal import OBSERVED
from tickets.models import Status, Ticket
from tickets.permit import approved_paths

SHORT = 8  # characters of an id that people are shown
MOST = 5  # tickets that are named


def watched(ticket: Ticket, workspace: Workspace, config: Settings) -> Watched | None:
    """None where Argo CD is not configured."""
    desk = configured.desk(config)
    if desk is None:
        return None
    worktree = workspace.open(str(ticket.pk))

    def preview() -> Goal | None:
        running = previews.running(ticket)
        return Goal(app=running.app, sha=claims.pushed(ticket)) if running else None

    return Watched(
        desk=desk,
        app=config.argocd_app_name,
        repository=config.git_repo_url,
        branch=workspace.branch,
        timeout_s=config.argocd_timeout_s,
        degraded_s=config.argocd_degraded_s,
        window_s=config.argocd_window_s,
        expected=lambda: claims.expected(ticket),
        preview=preview,
        paths=lambda: approved_paths(ticket),
        made_from=lambda path: reaching.made_from(worktree.jail, path),
        others=lambda app: _others(ticket, app),
        holds=worktree.holds,
    )


def _others(ticket: Ticket, app: str) -> list[str]:
    """Other tickets that wait for this application, or try their branch in it."""
    watching = Ticket.objects.filter(
        status=Status.OBSERVING, **{f"run__context__{OBSERVED}__app": app}
    )
    trying = Ticket.objects.filter(previews__app=app, previews__ended_at=None)
    found = (watching | trying).exclude(pk=ticket.pk).order_by("pk").distinct()
    return [f"ticket {str(key)[:SHORT]}" for key in found.values_list("pk", flat=True)[:MOST]]
