"""A simulated cluster with Argo CD, for as long as the demo lasts (`agents.sandbox`)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx

from aura.config import Settings
from aura.demo.server import DidNotStart, free_run
from aura.embedded.process import last_lines

NAMESPACES: Final = ("demo", "web")  # those of the repository, and of the ticket
APPLICATIONS: Final = "apps"  # the directory that Argo CD follows, and its application
ARGO_TOKEN: Final = "argocd-admin"  # noqa: S105 - of a cluster in memory, on loopback
FIRST_PORT: Final = 16_443
READY_S: Final = 30.0
STOP_S: Final = 5.0


@contextmanager
def simulated(config: Settings, bare: Path) -> Iterator[dict[str, str]]:
    """The settings that make Aura use it. Raises `DidNotStart`."""
    port = free_run("127.0.0.1", 2, start=FIRST_PORT)
    kubeconfig, log = config.data / "sandbox.kubeconfig", config.data / "log" / "sandbox.log"
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with log.open("w") as output:
        child = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "agents.sandbox", *_options(port, kubeconfig, bare)],
            env=os.environ,  # noqa: TID251 - handed on whole
            cwd=Path(__file__).resolve().parent.parent.parent,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _answers(child, f"http://127.0.0.1:{port}", log)
            yield {
                "AURA_KUBECONFIG": str(kubeconfig),
                "AURA_ARGOCD_SERVER": f"http://127.0.0.1:{port + 1}",
                "AURA_ARGOCD_TOKEN": ARGO_TOKEN,
                "AURA_ARGOCD_APP_NAME": APPLICATIONS,
                "AURA_ARGOCD_DEGRADED_S": "5",
            }
        finally:
            child.terminate()
            try:
                child.wait(STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()


def _options(port: int, kubeconfig: Path, bare: Path) -> list[str]:
    return [
        "--http",
        f"--port={port}",
        f"--argocd-port={port + 1}",
        f"--kubeconfig={kubeconfig}",
        f"--repo={bare}",
        "--revision=main",
        f"--path={APPLICATIONS}",
        "--auto-sync",
        *(f"--make-namespace={name}" for name in NAMESPACES),
    ]


def _answers(child: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + READY_S
    with httpx.Client(base_url=url) as api:
        while True:
            try:
                api.get("/healthz")
            except httpx.TransportError:
                if child.poll() is not None or time.monotonic() > deadline:
                    raise DidNotStart(last_lines(log) or f"see {log}") from None
                time.sleep(0.1)
            else:
                return
