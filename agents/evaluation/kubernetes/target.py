"""The cluster that is broken: a sandbox in a process of its own, a namespace a case."""

from __future__ import annotations

import itertools
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from agents.evaluation.case import TEST
from agents.kubernetes import kinds
from agents.kubernetes.client import Cluster
from agents.kubernetes.failures import NOT_FOUND, ClusterError
from agents.kubernetes.kinds import Object
from agents.kubernetes.triage.gather import gather
from agents.kubernetes.triage.judge import triage
from agents.triage.findings import Report

PACE_S: Final = 0.05
PATIENCE_S: Final = 60.0
CONTEXT: Final = "aura-sandbox"
_numbers = itertools.count(1)


class Unseen(Exception):
    """A fault was made and nothing of it is to be seen in time."""


class SandboxTarget:
    """A sandbox and the namespace of the case that runs."""

    tags: Final = frozenset({TEST})

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.namespace = ""

    def triage(self, question: str) -> Report:
        del question  # it names the namespace, and the namespace is what is looked at
        return triage(gather(self.cluster, self.namespace))

    # --- what cases are made of ---

    def put(self, obj: Object) -> None:
        """Create an object; in the namespace of the case where its kind has one."""
        kind = _kind(obj["kind"])
        namespace = self.namespace if kind.namespaced else ""
        self.cluster.create(kind, obj, namespace)

    def patch(self, kind: str, name: str, patch: Mapping[str, Any]) -> None:
        found = _kind(kind)
        self.cluster.patch(found, name, self.namespace if found.namespaced else "", patch)

    def fault(self, kind: str, name: str, fault: str) -> None:
        """Switch a fault on; "" heals."""
        namespaced = _kind(kind).namespaced
        body = {
            "kind": kind,
            "name": name,
            "fault": fault,
            **({"namespace": self.namespace} if namespaced else {}),
        }
        self.cluster.request("POST", "/sandbox/faults", body=body)

    def list(self, kind: str) -> list[Object]:
        found = _kind(kind)
        return self.cluster.list(found, self.namespace if found.namespaced else "").items

    def until(self, seen: Callable[[SandboxTarget], Any]) -> None:
        """Wait for what a person would see. Raises `Unseen`."""
        deadline = time.monotonic() + PATIENCE_S
        while not seen(self):
            if time.monotonic() > deadline:
                raise Unseen(f"nothing is to be seen of it after {PATIENCE_S:.0f} s")
            time.sleep(0.02)

    @contextmanager
    def fresh(self) -> Iterator[None]:
        """A namespace of its own, deleted afterwards."""
        self.namespace = f"shop-{next(_numbers)}"
        self.cluster.create(
            kinds.NAMESPACE,
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}},
            "",
        )
        try:
            yield
        finally:
            self._delete()

    def _delete(self) -> None:
        try:
            self.cluster.delete(kinds.NAMESPACE, self.namespace, "", {}, dry_run=False)
        except ClusterError as error:
            if error.status != NOT_FOUND:
                raise


def _kind(name: str) -> kinds.Kind:
    found = kinds.named(name)
    if found is None:
        raise ValueError(f"no kind is called {name}")
    return found


@contextmanager
def sandbox() -> Iterator[SandboxTarget]:
    """A sandbox of its own, ended afterwards."""
    with tempfile.TemporaryDirectory(prefix="aura-evaluation-") as folder:
        config, said = Path(folder) / "kubeconfig", Path(folder) / "stderr"
        command = [sys.executable, "-m", "agents.sandbox", "--port=0", "--argocd-port=0"]
        with said.open("w") as errors:
            process = subprocess.Popen(  # noqa: S603 - our own program
                [*command, f"--pace={PACE_S}", f"--kubeconfig={config}"],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        try:
            if process.stdout is None or not process.stdout.readline():
                raise Unseen(f"the sandbox did not start: {said.read_text().strip()[-300:]}")
            yield SandboxTarget(Cluster(str(config), CONTEXT))
        finally:
            process.terminate()
            process.wait()
