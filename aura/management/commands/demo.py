"""`manage.py demo`: what `make demo` runs."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from aura.config import Settings
from aura.demo import repository, story
from aura.demo.client import Api
from aura.demo.cluster import simulated
from aura.demo.server import APPROVER_NOTE, Desk, DidNotStart, free_ports, running
from aura.embedded.instance import holder
from aura.serving.banner import curl, shell_token
from aura.serving.startup import LOGIN_NOTE, TOKEN_NOTE

TICKET = {
    "title": "Deploy nginx",
    "description": "Deploy nginx 1.27 with 2 replicas on port 80 in namespace web,"
    " for the landing page.",
    "priority": "medium",
}
ENDS = frozenset({"resolved", "failed", "cancelled", "paused"})


class Command(BaseCommand):
    help = (
        "Open a ticket, show its plan, wait for its approval, and follow it until the cluster runs"
        " what was merged."
    )
    requires_system_checks = []

    def handle(self, *_args: Any, **_options: Any) -> None:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends in order, as Ctrl-C does
        try:
            sys.exit(self._demo(settings.AURA))
        except KeyboardInterrupt:
            self._say("\nStopped.")
        except DidNotStart as error:
            self.stderr.write(str(error))
            sys.exit(1)

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()

    def _demo(self, config: Settings) -> int:
        if process := holder(config.data):
            raise DidNotStart(
                f"Aura already runs on {config.data} (process {process}): end it first (Ctrl-C"
                " there), or set AURA_DATA_DIR to another directory for a second demo."
            )
        bare = repository.seeded(config.data / "gitops.git")
        moved = free_ports(config)
        extra = {"AURA_GIT_REPO_URL": str(bare), "AURA_DATA_DIR": str(config.data), **moved}
        for name, other in moved.items():
            self._say(f"A documented port is taken here: using {name}={other}")
        self._say("Starting Aura: PostgreSQL, Redis, the web process, a worker …")
        self._say("and a simulated cluster whose Argo CD follows the repository.")
        with simulated(config, bare) as cluster, running(config, extra | cluster) as desk:
            port = int(extra.get("AURA_SERVER_PORT", config.server_port))
            return self._ticket(config, desk, bare, f"http://{config.server_host}:{port}")

    def _ticket(self, config: Settings, desk: Desk, bare: Path, site: str) -> int:
        api = desk.api
        ticket = api.post("/tickets", TICKET)
        page = f"{site}/admin/tickets/ticket/{ticket['id']}/change/"
        self._say(f"\nTicket: {TICKET['title']}\n  {TICKET['description']}\n  {page}\n")
        for event in api.events(ticket["id"]):
            if event["type"] == "connected":
                self._start(api, ticket["id"], event)
            if words := story.line(event):
                self._say(f"  {words}")
            if event["type"] == "plan_generated":
                self._plan(config, desk, ticket["id"], page)
            if event["type"] == "resolved":
                return self._resolved(config, bare, page)
            if event["type"] == "status_changed" and event["payload"]["to"] in ENDS - {"resolved"}:
                self._say(f"\nThe ticket did not get through; {page} says why.")
                return 1
        return 1

    def _start(self, api: Api, ticket_id: str, event: dict[str, Any]) -> None:
        """The stream is open, so nothing of the run can be missed."""
        if event["payload"]["currentStatus"] == "draft":
            api.post(f"/tickets/{ticket_id}/run")

    def _plan(self, config: Settings, desk: Desk, ticket_id: str, page: str) -> None:
        self._say(f"\n{story.plan(desk.api.get(f'/tickets/{ticket_id}'))}\n")
        if config.demo_approves:
            self._say("DEMO_APPROVE is set: approving through the API, as admin.\n")
            self._approve(desk.approver, ticket_id)
            return
        url = f"{desk.api.base}/tickets/{ticket_id}/approve-plan"
        by_hand = curl(url, "-X POST", token=shell_token(config, APPROVER_NOTE))
        self._say(self._commands(config, f"{desk.api.base}/tickets/{ticket_id}"))
        self._say(f"and approve it through the API, with a token of admin:\n  {by_hand}")
        questions = self._questions(config, f"{desk.gateway}/api/v1/query")
        self._say(f"\nWhile it waits, ask the agents:\n{questions}")
        self._say(f"\nApprove it, or ask for changes:  {page}#decide\n{self._login(config)}")
        self._say("Who opened it, operator, cannot approve it.\n")

    def _questions(self, config: Settings, url: str) -> str:
        """The cluster and the database can be asked about for as long as the demo runs."""
        asked = {"k8s": "Is the cluster healthy?", "database": "Who is connected to prod-db?"}
        json_is_sent = ["-X POST", '-H "Content-Type: application/json"']
        return "\n".join(
            "  " + curl(url, *json_is_sent, f"-d '{json.dumps(said)}'", token=shell_token(config))
            for said in ({"agent": agent, "message": text} for agent, text in asked.items())
        )

    def _commands(self, config: Settings, url: str) -> str:
        """What the demo does, for somebody who wants to do it by hand in another shell."""
        note, token = config.data / TOKEN_NOTE, shell_token(config)
        return "\n".join(
            [
                f"\nThe API's token, of operator: {note.read_text().strip()}  (kept in {note})",
                f"  {curl(url, token=token)}",
                f"  {curl(f'{url}/audit', token=token)}",
                f"  {curl(f'{url}/stream', '-N', token=token)}",
            ]
        )

    def _approve(self, api: Api, ticket_id: str) -> None:
        """The plan is told a moment before the ticket waits for it: both are one commit."""
        api.post(f"/tickets/{ticket_id}/approve-plan", {"approvedBy": "demo"})

    def _login(self, config: Settings) -> str:
        note = config.data / LOGIN_NOTE
        if not note.is_file():
            return "Log in as the admin you made."
        _, login = note.read_text().strip().split("\n", 1)  # without the page it is for
        return login

    def _resolved(self, config: Settings, bare: Path, page: str) -> int:
        self._say(f"\nMerged into main of {bare}:\n{repository.newest(bare)}\n")
        for path in repository.changed(bare):
            self._say(f"--- {path}\n{repository.show(bare, path)}\n")
        if config.demo_approves:
            self._say("Aura ends with this demo; without DEMO_APPROVE it goes on, to look around.")
            return 0
        self._say(f"The ticket and its log: {page}")
        self._say("Aura keeps running for you to look around; Ctrl-C ends it.")
        signal.pause()
        return 0
