"""A running `manage.py up` with tickets in it, and a bearer token for its API."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Self

import psycopg

from aura.embedded.places import Places
from tests.serving.instance import ROOT, Instance, bare_environment

TOKEN = re.compile(r"\baura_[\w-]+")
# Every status and priority in turn, a second apart.
FILL = """
INSERT INTO tickets_ticket (id, title, description, priority, status, created_by, created_at,
    updated_at, max_turns, current_turn, prompt_tokens, completion_tokens, plan_version,
    plan_approved_by, working_branch, commits, last_error)
SELECT gen_random_uuid(), 'Deploy Redis cluster no. ' || n, repeat('Three nodes. ', 20),
    (ARRAY['low', 'medium', 'high', 'critical'])[1 + n %% 4],
    (ARRAY['draft', 'resolved', 'executing', 'cancelled', 'failed'])[1 + n %% 5], '',
    moment, moment, 50, 0, 0, 0, 0, '', '', '[]', ''
FROM generate_series(1, %s) AS n, LATERAL (SELECT now() - n * interval '1 second' AS moment) AS m
"""


class House:
    """An instance of its own data directory. Inside `with` it answers."""

    def __init__(self, **settings: object) -> None:
        self._stack = ExitStack()
        self._settings = settings

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            data = stack.enter_context(tempfile.TemporaryDirectory(prefix="aura-bench-"))
            self.instance = Instance(Path(data), AURA_AUTH="on", **self._settings)
            stack.callback(self.instance.clean)
            self.instance.start()
            self.instance.wait_ready()
            self.token = TOKEN.findall(self.manage("create_token", "admin"))[-1]
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def port(self) -> int:
        return self.instance.ports["AURA_SERVER_PORT"]

    @property
    def pid(self) -> int:
        assert self.instance.process is not None
        return self.instance.process.pid

    @property
    def database_url(self) -> str:
        return Places(self.instance.data).database_url()

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def operator_headers(self) -> dict[str, str]:
        """Of the first start's token: it opens tickets and approves none."""
        note = self.instance.data / "first-token.txt"
        return {"Authorization": f"Bearer {note.read_text().strip()}"}

    @property
    def environment(self) -> dict[str, str]:
        """Of a process that belongs to it."""
        given = {k: str(v) for k, v in self.instance.settings.items()}
        return bare_environment() | given

    def manage(self, *arguments: str) -> str:
        """What `manage.py` with these arguments prints."""
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def fill(self, tickets: int) -> None:
        """Add tickets, and let PostgreSQL tidy up as it would have meanwhile."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute(FILL, [tickets])
            connection.execute("VACUUM (ANALYZE) tickets_ticket")

    def linked(self) -> None:
        """Wait until every event has its place in the chain."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            while connection.execute("SELECT FROM governance_auditpending LIMIT 1").fetchone():
                time.sleep(0.05)

    def one_ticket(self) -> str:
        """The id of one."""
        with psycopg.connect(self.database_url) as connection:
            row = connection.execute("SELECT id FROM tickets_ticket LIMIT 1").fetchone()
        assert row is not None
        return str(row[0])


def pss_kb(pid: int) -> int:
    """Proportional set size of a process."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise ValueError(f"process {pid} has no memory")


@contextmanager
def serving(module: str, *arguments: str) -> Iterator[int]:
    """`python -m MODULE PORT ARGUMENTS…`, once it listens; its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", module, str(port), *arguments]
    process = subprocess.Popen(command, cwd=ROOT)  # noqa: S603 - our own module
    try:
        _wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on {port}")
