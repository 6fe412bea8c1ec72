"""A repository, a cluster that follows it with Argo CD, and the offline planner between them."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.argocd.previewing import Mode
from agents.argocd.watched import Watched
from agents.models import Run
from agents.offline.planner import OfflinePlanner
from agents.runtime.tool import Tool, Toolset
from aura.demo.repository import seeded
from governance.audit.record import data_of
from governance.models import AuditEvent
from tests.agents.sandbox.running import Running, sandbox
from tests.fakes import git, workshop
from tests.tickets.conftest import OPS, Desk
from tickets import services, watching
from tickets.agent import Workshop, toolset
from tickets.models import Status, Ticket
from tickets.previews import preview_tool

PATIENCE_S = 60.0


class Site:
    """A desk, a cluster, and an application `shop` that follows the desk's repository."""

    def __init__(self, desk: Desk, cluster: Running, *, automated: bool = True) -> None:
        self.desk, self.cluster = desk, cluster
        self.settings: dict[str, Any] = {
            "argocd_server": cluster.argo_url,
            "argocd_token": "argocd-admin",
            "argocd_degraded_s": 1.0,
            "argocd_timeout_s": 30.0,
        }
        for name in ("demo", "web"):
            cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        self.automated = automated
        self.follow(Path(desk.repository))

    def follow(self, repository: Path) -> None:
        """Let desk and application use this repository."""
        self.desk.repository = repository
        policy = {"automated": {"prune": True, "selfHeal": True}} if self.automated else {}
        source = {"repoURL": str(repository), "path": "apps", "targetRevision": "main"}
        self.cluster.put(
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "Application",
                "metadata": {"name": "shop", "namespace": "argocd"},
                "spec": {
                    "project": "default",
                    "source": {**source, "directory": {"recurse": True}},
                    "destination": {
                        "server": "https://kubernetes.default.svc",
                        "namespace": "default",
                    },
                    "syncPolicy": {"syncOptions": ["CreateNamespace=true"], **policy},
                },
            }
        )

    def ticket(self, title: str, description: str) -> Ticket:
        """A ticket whose plan is approved."""
        ticket = self.planned(title, description)
        services.approve_plan(ticket, actor=OPS)
        return ticket

    def planned(self, title: str, description: str) -> Ticket:
        """A ticket whose plan waits for a decision."""
        ticket = services.create_ticket(title=title, description=description, actor=OPS)
        services.run_ticket(ticket, actor=OPS)
        self.advance(ticket)
        assert ticket.status == Status.PENDING_PLAN_APPROVAL, ticket.last_error
        return ticket

    def advance(self, ticket: Ticket) -> None:
        self.desk.advance(ticket, model=OfflinePlanner(), agent_four_eyes=False, **self.settings)

    def followed(self, ticket: Ticket, *, meanwhile: Callable[[], object] = bool) -> Ticket:
        """Driven whenever it is due, until it ends or waits for a person."""
        deadline = time.monotonic() + PATIENCE_S
        while ticket.status in {Status.EXECUTING, Status.OBSERVING}:
            assert time.monotonic() < deadline, (ticket.status, ticket.last_error)
            self.advance(ticket)
            meanwhile()
            time.sleep(0.1)
        return ticket

    def windows(self, *windows: dict[str, Any]) -> None:
        """The sync windows of the project."""
        project = self.cluster.get("AppProject", "default", "argocd")
        listed = [{"applications": ["shop"], **window} for window in windows]
        self.cluster.put({**project, "spec": {**project["spec"], "syncWindows": listed}})

    def due(self, ticket: Ticket) -> None:
        """Let the ticket be worked on at once."""
        Run.objects.filter(tickets=ticket).update(due_at=ticket.created_at)

    def shop(self) -> Workshop:
        """What a worker would work with."""
        place = self.desk.root / "work"
        return workshop(OfflinePlanner(), self.desk.repository, place, **self.settings)

    def tools(self, ticket: Ticket) -> Toolset:
        return toolset(ticket, self.shop())

    def watched(self, ticket: Ticket) -> Watched:
        shop = self.shop()
        watched = watching.watched(ticket, shop.workspace, shop.config)
        assert watched is not None
        return watched

    def tool(self, ticket: Ticket, mode: Mode) -> Tool:
        """`argo_preview_start` of the ticket."""
        return preview_tool(ticket, self.shop().workspace, self.watched(ticket), mode)

    def commit(self, path: str, text: str) -> None:
        """Somebody else's commit on main."""
        with tempfile.TemporaryDirectory() as scratch:
            git(scratch, "clone", "--quiet", str(self.desk.repository), "work")
            work = Path(scratch) / "work"
            (work / path).write_text(text)
            git(work, "add", ".")
            git(work, "commit", "--quiet", "-m", "Another change")
            git(work, "push", "--quiet", "origin", "HEAD:main")

    def image(self) -> str:
        deployment = self.cluster.get("Deployment", "nginx", "web")
        image: str = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
        return image


@pytest.fixture
def site(desk: Desk, tmp_path) -> Iterator[Site]:
    desk.repository = seeded(tmp_path / "origin.git")
    with sandbox() as cluster:
        yield Site(desk, cluster)


def payloads(ticket: Ticket, event_type: str) -> list[Any]:
    found = AuditEvent.objects.filter(trace_id=str(ticket.pk), type=event_type).order_by("pk")
    return [data_of(event.body)["data"]["payload"] for event in found]
