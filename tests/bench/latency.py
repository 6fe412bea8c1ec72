"""`python -m tests.bench.latency`: from an approval to the first tool call, from a cancel to the
last one, in a real `up` over HTTP.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import psycopg

from aura.demo.repository import seeded
from aura.embedded.places import Places
from tests.bench.figures import Figure, say, show
from tests.bench.hop import Hop
from tests.bench.house import House
from tests.bench.turn import quieter
from tests.stubs.openai_server import Answer, ScriptedOpenAI, calls

APPROVALS, CANCELS = 15, 8
PATIENCE_S = 60.0
APPROVAL_MS, CANCEL_MS = 100.0, 1000.0

# When the calls of a ticket began, in seconds of the epoch, but for the plan's own.
BEGUN = """
SELECT extract(epoch FROM call.begun_at)::float8 FROM agents_toolexecution AS call
JOIN tickets_ticket AS ticket ON ticket.run_id = call.run_id
WHERE ticket.id = %s AND call.begun_at IS NOT NULL AND call.tool <> 'submit_plan'
ORDER BY 1
"""


class Desk:
    """A person with a token, and a look at the database beside."""

    def __init__(self, house: House) -> None:
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{house.port}/api",
            headers=house.operator_headers,
            timeout=30,
            trust_env=False,
        )
        self.approver = house.token
        self.database = psycopg.connect(house.database_url, autocommit=True)

    def post(self, path: str, body: Any = None) -> Any:
        answer = self.http.post(path, json=body) if body else self.http.post(path)
        answer.raise_for_status()
        return answer.json()

    def approve(self, ticket: str) -> None:
        """As somebody else than who opened it."""
        headers = {"Authorization": f"Bearer {self.approver}"}
        self.http.post(f"/tickets/{ticket}/approve-plan", headers=headers).raise_for_status()

    def open(self, title: str, description: str) -> str:
        ticket: str = self.post("/tickets", {"title": title, "description": description})["id"]
        self.post(f"/tickets/{ticket}/run")
        return ticket

    def begun(self, ticket: str) -> list[float]:
        return [row[0] for row in self.database.execute(BEGUN, [ticket])]

    def until(self, check: Callable[[], Any], *, what: str) -> Any:
        deadline = time.monotonic() + PATIENCE_S
        while not (found := check()):
            if time.monotonic() > deadline:
                raise TimeoutError(what)
            time.sleep(0.02)
        return found

    def wait(self, ticket: str, *statuses: str) -> None:
        path = f"/tickets/{ticket}"
        self.until(
            lambda: self.http.get(path).json()["status"] in statuses, what=f"{ticket}: {statuses}"
        )


def approval_ms(desk: Desk, number: int) -> tuple[float, float]:
    """From before the request until (the answer is there, the first call began)."""
    name = f"app{number}"
    ticket = desk.open(f"Deploy {name}", f"Deploy {name} with image nginx:1.27 in namespace web.")
    desk.wait(ticket, "pending_plan_approval")
    before = desk.begun(ticket)
    sent = time.time()
    desk.approve(ticket)
    answered = time.time()
    after = desk.until(
        lambda: desk.begun(ticket)[len(before) :], what="a tool call after the approval"
    )
    desk.wait(ticket, "resolved", "failed", "paused")
    return (answered - sent) * 1000, (after[0] - sent) * 1000


def cancel_ms(desk: Desk) -> float:
    """From before the request until the last call of the ticket began; below zero: none after."""
    ticket = desk.open("Read on and on", "Read the whole repository.")
    desk.until(lambda: len(desk.begun(ticket)) > 3, what="tool calls")
    sent = time.time()
    desk.post(f"/tickets/{ticket}/cancel")
    answered = time.time()
    time.sleep(1.5)  # what still came would be seen now
    began = desk.begun(ticket)
    say(f"cancel: answered in {(answered - sent) * 1000:.0f} ms after {len(began)} calls")
    return (began[-1] - sent) * 1000


def approvals(repository: Path) -> list[Figure]:
    with House(AURA_GIT_REPO_URL=seeded(repository)) as house:
        desk, bare = Desk(house), []
        socket = str(Places(house.instance.data).redis_socket)
        with Hop(socket, 9) as hop:
            approval_ms(desk, 0)
            seen = []
            for number in range(1, APPROVALS + 1):
                seen.append(approval_ms(desk, number))
                bare.append(hop.once_ms())
                say(f"approval: {seen[-1][1]:.0f} ms, of them the answer {seen[-1][0]:.0f} ms")
    first = [ms for _, ms in seen]
    return [
        Figure(
            name=name,
            ours=f"{of(first):.0f} ms",
            theirs=f"{of(bare):.0f} ms a bare Celery hop",
            ratio=of(first) / of(bare),
            promise=f"< {APPROVAL_MS:.0f} ms",
            held=of(first) < APPROVAL_MS,
        )
        for name, of in (
            ("approval to the first tool call, p50", median),
            ("the same, quieter half", quieter),
        )
    ]


def reading_on() -> Callable[[Any], Answer]:
    """A model that reads one file on and on, never the same part twice."""
    offsets = count()

    def answer(_: Any) -> Answer:
        return calls(("git_read_file", {"path": "README.md", "offset": next(offsets) % 500}))

    return answer


def cancels(repository: Path) -> Figure:
    with (
        ScriptedOpenAI(reading_on()) as model,
        House(
            AURA_GIT_REPO_URL=seeded(repository),
            AURA_LLM_MODEL="openai/bench",
            AURA_LLM_API_KEY="sk-bench",
            AURA_LLM_BASE_URL=model.base_url,
            AURA_AGENT_MAX_TURNS=10_000,
        ) as house,
    ):
        desk = Desk(house)
        worst = max(cancel_ms(desk) for _ in range(CANCELS))
    return Figure(
        name=f"cancel to the last tool call, worst of {CANCELS}",
        ours=f"{worst:.0f} ms" if worst > 0 else "none after the request",
        promise=f"< {CANCEL_MS:.0f} ms",
        held=worst < CANCEL_MS,
    )


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="aura-bench-") as directory:
        figures = approvals(Path(directory) / "approvals.git")
        figures.append(cancels(Path(directory) / "cancels.git"))
    show("Latency", figures)


if __name__ == "__main__":
    main()
