"""The OpenAPI document against the running server, by machine, over HTTP and with a token.

Every phase (examples, coverage, fuzzing, chains along the document's links) and every check: no
server error, no status, header, media type or body that is not described, nothing that the document
forbids accepted, nothing without a login. `--machine-examples 200` looks longer.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from django.conf import settings
from django.core.management import call_command

from tests import builders
from tests.operations.servers import new_database_beside, working_on
from tests.serving.instance import ROOT, bare_environment, eventually, free_ports

CONFIG = Path(__file__).with_name("schemathesis.toml")
ACCESS = re.compile(r'"method": "(\w+)", "route": "([^"]+)", "status": (\d+)')


@dataclass
class Target:
    """A server with tickets in every status; their ids are in `<status>.txt` below `folder`."""

    url: str
    auditd: str
    token: str
    folder: Path
    log: Path
    examples: int

    def answered(self) -> dict[str, set[int]]:
        """Statuses that each operation has answered with."""
        seen: dict[str, set[int]] = defaultdict(set)
        for method, route, status in ACCESS.findall(self.log.read_text()):
            seen[f"{method} {route}"].add(int(status))
        return seen


@pytest.fixture(scope="module")
def target(
    request: pytest.FixtureRequest, tmp_path_factory: Any, django_db_blocker: Any
) -> Iterator[Target]:
    examples = request.config.getoption("--machine-examples")
    folder = tmp_path_factory.mktemp("schemathesis")
    own = urlsplit(settings.DATABASE_URL).path.strip("/")  # of this run
    database = new_database_beside(settings.DATABASE_URL, f"{own}_machine")
    printed = io.StringIO()
    with working_on(django_db_blocker, database):
        call_command("migrate", verbosity=0)
        call_command("first_login", stdout=io.StringIO())
        call_command("create_token", "admin", "--role", "approver", stdout=printed)
        for status, make in builders.IN.items():
            ids = [f'"{make().pk}"' for _ in range(4 + examples // 4)]
            (folder / f"{status}.txt").write_text("\n".join(ids))
    ports = free_ports()
    environment = bare_environment() | {name: str(port) for name, port in ports.items()}
    environment |= {
        "AURA_DATABASE_URL": database,
        "AURA_REDIS_URL": settings.REDIS_URL,
        "AURA_DATA_DIR": str(folder / "data"),
        "AURA_LOGGING_FORMAT": "json",
    }
    log = folder / "web.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "web"],
            cwd=ROOT,
            env=environment,
            stdout=file,
            stderr=file,
        )
    url = f"http://127.0.0.1:{ports['AURA_SERVER_PORT']}"
    try:
        eventually(lambda: _answers(url), 80)
        auditd = f"http://127.0.0.1:{ports['AURA_AUDITD_PORT']}"
        yield Target(url, auditd, printed.getvalue().strip(), folder, log, examples)
    finally:
        process.terminate()
        process.wait(20)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/api/health", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)


def _run(target: Target, document: str, *options: str) -> str:
    """What Schemathesis printed, which found nothing."""
    shutil.copy(CONFIG, target.folder)
    done = subprocess.run(  # noqa: S603 - our own arguments
        [
            str(Path(sys.executable).with_name("schemathesis")),
            f"--config-file={CONFIG.name}",
            "run",
            document,
            f"--header=Authorization: Bearer {target.token}",
            "--no-color",
            *options,
        ],
        cwd=target.folder,
        env=bare_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
    assert "Traceback" not in target.log.read_text()
    return done.stdout


@pytest.mark.timeout(3600)
def test_the_api_does_what_its_document_says_and_nothing_else(target):
    printed = _run(
        target,
        f"{target.url}/api/schema",
        f"--max-examples={target.examples}",
        # Workers look there, and none runs here; what an alert is depends on its sender.
        "--exclude-path-regex=^/api/(cluster|argo|alerts)/",
    )
    for phase in ("Examples", "Coverage", "Fuzzing", "Stateful"):
        assert re.search(rf"✅ +{phase}", printed), printed[-3000:]
    _every_verb_was_also_obeyed(target.answered())


@pytest.mark.timeout(3600)
def test_auditd_does_what_its_document_says(target):
    """The gateway's calls would wait for a worker, and none runs here."""
    printed = _run(
        target,
        f"{target.auditd}/v1/schema",
        f"--max-examples={max(1, target.examples // 2)}",
        "--phases=fuzzing",
        f"--checks={','.join(CHECKS)}",
        "--exclude-path-regex=/wait$",  # for as long as it is told to
    )
    assert re.search(r"✅ +Fuzzing", printed), printed[-3000:]


def _every_verb_was_also_obeyed(answered: dict[str, set[int]]) -> None:
    """A machine that only meets refusals proves little."""
    for operation, status in {
        "POST /api/tickets": 201,
        "GET /api/tickets/:id": 200,
        "PATCH /api/tickets/:id": 200,
        "POST /api/tickets/:id/cancel": 200,
        "POST /api/tickets/:id/approve-plan": 200,
        "POST /api/tickets/:id/reject-plan": 200,
        "POST /api/tickets/:id/approve": 200,
        "POST /api/tickets/:id/answer": 200,
        "POST /api/tickets/:id/resume": 200,
        "POST /api/tickets/:id/run": 202,
        "GET /api/tickets/:id/stream": 200,
        "GET /api/stream": 200,
    }.items():
        assert status in answered[operation], (operation, answered[operation])
