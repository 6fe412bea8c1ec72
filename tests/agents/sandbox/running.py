"""Starts a sandbox in this process, on a thread of its own, and reaches into it.

with sandbox() as running:
    running.url, running.argo_url       # Kubernetes, Argo CD
    running.kubeconfig                  # a path; contexts aura-sandbox, aura-sandbox-viewer, ...
    running.tokens["viewer"]            # admin, editor, viewer, nobody
    running.put(DEPLOYMENT_DICT)        # create or replace, as a client with all rights
    running.apply("text of YAML")       # the same for a text of several documents
    running.seed(OBJECT_WITH_STATUS)    # straight into the store: nothing validated
    running.fault("Deployment", "web", "crash-loop", namespace="default")
    running.heal("Deployment", "web")
    running.until(lambda: running.get("Deployment", "web")["status"].get("readyReplicas") == 2)
"""

from __future__ import annotations

import asyncio
import queue
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import yaml

from agents.sandbox import kubeconfig, seeds
from agents.sandbox.cluster import Cluster
from agents.sandbox.kinds import BUILT_IN, Kind
from agents.sandbox.objects import Object, copy_of
from agents.sandbox.options import Options
from agents.sandbox.running import Sandbox

T = TypeVar("T")
FAULT = "sandbox.aura.dev/fault"
PACE_S = 0.05
PATIENCE_S = 60.0


@dataclass
class Running:
    cluster: Cluster
    url: str
    argo_url: str
    kubeconfig: Path
    loop: asyncio.AbstractEventLoop
    tokens: dict[str, str] = field(default_factory=dict)

    def call(self, function: Callable[[], T]) -> T:
        """Run `function` on the sandbox's own thread and give its result."""

        async def inside() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(inside(), self.loop).result(PATIENCE_S)

    def put(self, obj: Object) -> Object:
        """Create or replace an object through defaults, validation and admission."""
        kind = self._kind(obj["kind"], obj["apiVersion"])
        obj = copy_of(obj)
        if kind.namespaced:
            obj["metadata"].setdefault("namespace", "default")
        namespace, name = obj["metadata"].get("namespace", ""), obj["metadata"].get("name", "")

        def write() -> Object:
            if self.cluster.store.find(kind, namespace, name) is None:
                return self.cluster.registry.create(kind, obj)
            return self.cluster.registry.update(kind, obj)

        return self.call(write)

    def apply(self, text: str) -> list[Object]:
        return [self.put(each) for each in yaml.safe_load_all(text) if each]

    def seed(self, obj: Object) -> Object:
        """Put an object with its status straight into the store. Controllers leave it alone when it
        is annotated `sandbox.aura.dev/unmanaged: "true"`.
        """
        return self.call(lambda: seeds.put(self.cluster, copy_of(obj)))

    def get(self, kind: str, name: str, namespace: str = "default") -> Object:
        found = self._kind(kind)
        where = namespace if found.namespaced else ""
        return self.call(lambda: self.cluster.store.get(found, where, name))

    def list(self, kind: str, namespace: str | None = "default") -> list[Object]:
        found = self._kind(kind)
        where = namespace if found.namespaced else None
        return self.call(lambda: self.cluster.store.all(found, where))

    def fault(self, kind: str, name: str, fault: str, namespace: str = "default") -> None:
        self._annotate(kind, name, namespace, fault)

    def heal(self, kind: str, name: str, namespace: str = "default") -> None:
        self._annotate(kind, name, namespace, None)

    def log(self, pod: str, *lines: str, container: str = "", namespace: str = "default") -> None:
        """Add lines to what a container has written."""
        found = self.get("Pod", pod, namespace)
        name = container or found["spec"]["containers"][0]["name"]
        self.call(lambda: self.cluster.logs.write(found["metadata"]["uid"], name, *lines))

    def until(self, condition: Callable[[], T], patience_s: float = PATIENCE_S) -> T:
        """Wait for `condition` to be true; exceptions count as not yet."""
        deadline, failure = time.monotonic() + patience_s, None
        while time.monotonic() < deadline:
            try:
                if result := condition():
                    return result
            except Exception as error:  # noqa: BLE001 - not yet is any failure
                failure = error
            time.sleep(0.01)
        raise AssertionError("the condition did not come true in time") from failure

    def ready(self, name: str, namespace: str = "default") -> Object:
        """Wait until a deployment has rolled out; the deployment."""

        def done() -> Object | None:
            obj = self.get("Deployment", name, namespace)
            status, wanted = obj.get("status") or {}, obj["spec"]["replicas"]
            fresh = status.get("observedGeneration") == obj["metadata"]["generation"]
            counts = [
                status.get(key, 0) for key in ("replicas", "updatedReplicas", "readyReplicas")
            ]
            return obj if fresh and counts == [wanted] * 3 else None

        found = self.until(done)
        assert found is not None
        return found

    def _annotate(self, kind: str, name: str, namespace: str, fault: str | None) -> None:
        found = self._kind(kind)
        where = namespace if found.namespaced else ""

        def write() -> None:
            obj = copy_of(self.cluster.store.get(found, where, name))
            annotations = obj["metadata"].setdefault("annotations", {})
            annotations.pop(FAULT, None)
            if fault:
                annotations[FAULT] = fault
            self.cluster.store.update(found, obj)

        self.call(write)

    def _kind(self, kind: str, api_version: str = "") -> Kind:
        named = [each for each in BUILT_IN if each.kind == kind]
        found = [each for each in named if api_version in ("", each.api_version)]
        return found[0]


@contextmanager
def sandbox(
    options: Options | None = None, *, pace_s: float = PACE_S, tls: bool = False
) -> Iterator[Running]:
    """A running sandbox on free loopback ports; with `tls` for kubectl, which wants it."""
    made = Sandbox(options or Options(pace_s=pace_s, poll_s=0.2, tls=tls))
    loops: queue.Queue[asyncio.AbstractEventLoop] = queue.Queue()
    thread = threading.Thread(target=_serve, args=(loops, made), daemon=True)
    thread.start()
    loop = loops.get(timeout=PATIENCE_S)
    with tempfile.TemporaryDirectory(prefix="sandbox-") as directory:
        path = Path(directory) / "kubeconfig"
        tokens = made.cluster.options.tokens
        kubeconfig.write(path, made.kubeconfig())
        running = Running(
            cluster=made.cluster,
            url=made.url,
            argo_url=made.argo_url,
            kubeconfig=path,
            loop=loop,
            tokens={user.name: token for token, user in tokens.items()},
        )
        try:
            running.until(lambda: made.started)
            yield running
        finally:
            made.stop()
            thread.join(PATIENCE_S)


def _serve(loops: queue.Queue[asyncio.AbstractEventLoop], made: Sandbox) -> None:
    with asyncio.Runner() as runner:
        loops.put(runner.get_loop())
        runner.run(made.serve())
