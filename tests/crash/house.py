"""The running product of the rig: how each part of it is killed, and what its database says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psycopg
import redis

from aura.embedded import Places
from aura.kernel.ids import event_id
from tests.crash import armed, evidence
from tests.crash.listener import Listener
from tests.fakes import bare_repository
from tests.serving.instance import ROOT, Instance, bare_environment
from tickets.events import STREAMED

PATIENCE_S = 180.0  # for a machine that does much else; a quiet one needs a tenth
SETTINGS = "tests.crash.settings"
# No file that two tickets would change: conflicts are another suite's business.
SEED = {
    "AGENTS.md": "Applications live in `apps/<name>/`.\n",
    "apps/hello/deployment.yaml": (ROOT / "demo/gitops/apps/hello/deployment.yaml").read_text(),
}
VERIFY = """
import json
from governance.audit.sequence import sequence
from governance.audit.verify import verify
sequence()
verdict = verify()
print(json.dumps({"valid": verdict.valid, "events": verdict.events, "said": str(verdict)}))
"""


class House:
    """`up` with embedded services on a data directory and a repository of its own."""

    def __init__(self, root: Path, **settings: object) -> None:
        self.root = root
        self.repository = bare_repository(root, SEED)
        evidence.keep_pushes(self.repository)
        self.order = root / "order"
        more = {"DJANGO_SETTINGS_MODULE": SETTINGS, armed.VARIABLE: self.order}
        self.instance = Instance(
            root / "data", AURA_GIT_REPO_URL=self.repository, AURA_AUTH="off", **more, **settings
        )
        self.places = Places(root / "data")

    def start(self) -> None:
        self._start()
        self.until(lambda: self.instance.child("worker"), "worker")
        self.listener = Listener(f"{self.site}/api/stream")
        self.listener.wait_opened(PATIENCE_S)

    def _start(self) -> None:
        self.instance.start()
        self.instance.wait_line("is ready", PATIENCE_S)
        self.instance.wait_line("Data", PATIENCE_S)

    def close(self) -> None:
        with suppress(AttributeError):
            self.listener.stop()
        self.instance.clean()

    @property
    def site(self) -> str:
        return self.instance.url()

    # --- killing ----------------------------------------------------------------------------------

    def kill_worker(self) -> None:
        self._kill_child("worker")

    def kill_beat(self) -> None:
        self._kill_child("beat")

    def kill_web(self) -> None:
        """Web is `up` itself: nothing above it starts it again, so the rig does."""
        assert self.instance.process is not None
        self.instance.process.kill()
        self.instance.wait_end()
        self._start()

    def kill_redis(self) -> None:
        os.kill(self.redis_pid(), signal.SIGKILL)

    def kill_postgres(self) -> None:
        os.kill(self.postmaster_pid(), signal.SIGKILL)

    def kill_backend(self) -> None:
        """One session of the product: PostgreSQL then ends all others and recovers."""
        pids = self.ask("SELECT pid FROM pg_stat_activity WHERE application_name = 'aura'")
        with suppress(ProcessLookupError):
            os.kill(pids[0][0], signal.SIGKILL)

    def _kill_child(self, name: str) -> None:
        pid = self.until(lambda: self.instance.child(name), name)
        os.kill(pid, signal.SIGKILL)

    def redis_pid(self) -> int:
        with redis.Redis.from_url(self.places.redis_url()) as client:
            return int(client.info("server")["process_id"])

    def postmaster_pid(self) -> int:
        return int((self.places.postgres / "postmaster.pid").read_text().split()[0])

    # --- asking -----------------------------------------------------------------------------------

    def ask(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows, however long the database is away."""

        def rows() -> list[list[tuple[Any, ...]]]:
            with (
                suppress(psycopg.OperationalError),
                psycopg.connect(self.places.database_url()) as connection,
            ):
                return [connection.execute(sql, values).fetchall()]
            return []

        answer: list[list[tuple[Any, ...]]] = self.until(rows, "database")
        return answer[0]

    def events_of(self, ticket_id: str) -> int:
        """How much the log tells of a ticket."""
        sql = "SELECT count(*) FROM governance_auditevent WHERE trace_id = %s"
        count: int = self.ask(sql, ticket_id)[0][0]
        return count

    def streamed(self) -> list[int]:
        """The places in the log of everything that streams show."""
        rows = self.ask(
            "SELECT link.seq FROM governance_auditlink link JOIN governance_auditevent event"
            " ON event.id = link.event_id WHERE event.type = ANY(%s) ORDER BY link.seq",
            list(STREAMED),
        )
        return [row[0] for row in rows]

    def listener_saw_all(self) -> None:
        """Wait until the listener has all that is in the log now: each once, and in order."""
        log = [event_id(seq) for seq in self.streamed()]
        heard = self.listener.ids
        self.until(lambda: log[-1] in heard[-50:], "last event on the stream")
        # What happened before the first connection is not sent to it.
        assert heard[: heard.index(log[-1]) + 1] == log[log.index(heard[0]) :]

    def unlinked(self, ticket_id: str) -> int:
        """How many events of a ticket have no place in the chain yet."""
        sql = (
            "SELECT count(*) FROM governance_auditevent event WHERE trace_id = %s AND NOT EXISTS"
            " (SELECT FROM governance_auditlink link WHERE link.event_id = event.id)"
        )
        count: int = self.ask(sql, ticket_id)[0][0]
        return count

    def chain_is_whole(self) -> bool:
        """Every event has its place, and the places have no gap."""
        pending = "SELECT count(*) FROM governance_auditpending"
        places = "SELECT coalesce(max(seq), 0) - count(*) FROM governance_auditlink"
        return self.ask(pending) == self.ask(places) == [(0,)]

    def verify(self) -> dict[str, Any]:
        """The verdict of the product's own verifier, in a process of its own."""
        done = subprocess.run(  # noqa: S603 - our own code
            [sys.executable, "manage.py", "shell", "--no-imports", "-c", VERIFY],
            cwd=ROOT,
            env=bare_environment() | {k: str(v) for k, v in self.instance.settings.items()},
            capture_output=True,
            text=True,
            check=True,
        )
        verdict: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return verdict

    def answers(self) -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.site}/api/health", timeout=5).status_code == httpx.codes.OK
        return False

    def until(self, check: Callable[[], Any], what: str) -> Any:
        deadline = time.monotonic() + PATIENCE_S
        while not (found := check()):
            assert time.monotonic() < deadline, f"no {what} within {PATIENCE_S:g} s"
            time.sleep(0.05)
        return found

    def logs(self, lines: int = 25) -> str:
        """The end of every log, for a round that failed."""
        parts = ["--- up", *self.instance.lines[-lines:]]
        for path in sorted((self.root / "data" / "log").glob("*.log")):
            parts += [f"--- {path.name}", *path.read_text(errors="replace").splitlines()[-lines:]]
        return "\n".join(parts)
