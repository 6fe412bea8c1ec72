"""A real cluster in the place of the sandbox, for tests marked `real_cluster`.

    KUBECONFIG=~/.kube/config pytest tests/agents -m real_cluster --real-cluster kind-test

It has the part of `tests.agents.sandbox.running.Running` that goes over the public API, so that the
same test runs on both. It writes into namespaces that it has made itself, and nowhere else: each is
deleted afterwards.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import yaml
from kubernetes import client, config, dynamic
from kubernetes.client.exceptions import ApiException
from kubernetes.config.kube_config import KUBE_CONFIG_DEFAULT_LOCATION

from agents.sandbox.kinds import BUILT_IN

T = TypeVar("T")
Object = dict[str, Any]
PATIENCE_S = 180.0  # images are pulled
PACE_S = 0.3
LABEL = "aura.dev/test"


class RealCluster:
    """Objects of one context, by the official client."""

    def __init__(self, context: str, kubeconfig: str = KUBE_CONFIG_DEFAULT_LOCATION) -> None:
        self.context = context
        self.kubeconfig = Path(kubeconfig)
        self._api = config.new_client_from_config(kubeconfig, context=context)
        self._client = dynamic.DynamicClient(self._api)
        self._own: set[str] = set()

    @contextmanager
    def namespace(self) -> Iterator[str]:
        """A namespace of the test's own."""
        name = f"aura-test-{uuid4().hex[:10]}"
        core = client.CoreV1Api(self._api)
        core.create_namespace({"metadata": {"name": name, "labels": {LABEL: "true"}}})
        self._own.add(name)
        try:
            yield name
        finally:
            core.delete_namespace(name)

    def put(self, obj: Object) -> Object:
        """Create or replace an object in a namespace of ours."""
        metadata = obj["metadata"]
        if metadata.get("namespace") not in self._own:
            raise AssertionError(f"{obj['kind']} {metadata['name']} is outside our namespaces")
        kind = self._client.resources.get(api_version=obj["apiVersion"], kind=obj["kind"])
        try:
            made = kind.create(body=obj, namespace=metadata["namespace"])
        except ApiException as error:
            if error.status != 409:
                raise
            made = kind.patch(
                body=obj,
                namespace=metadata["namespace"],
                content_type="application/merge-patch+json",
            )
        return dict(made.to_dict())

    def apply(self, text: str) -> list[Object]:
        return [self.put(each) for each in yaml.safe_load_all(text) if each]

    def get(self, kind: str, name: str, namespace: str = "default") -> Object:
        resource = self._resource(kind)
        where = {"namespace": namespace} if resource.namespaced else {}
        return dict(resource.get(name=name, **where).to_dict())

    def list(self, kind: str, namespace: str | None = "default") -> list[Object]:
        resource = self._resource(kind)
        where = {"namespace": namespace} if resource.namespaced and namespace else {}
        return list(resource.get(**where).to_dict()["items"])

    def until(self, condition: Callable[[], T], patience_s: float = PATIENCE_S) -> T:
        """Wait for `condition` to be true; exceptions count as not yet."""
        deadline, failure = time.monotonic() + max(patience_s, PATIENCE_S), None
        while time.monotonic() < deadline:
            try:
                if result := condition():
                    return result
            except Exception as error:  # noqa: BLE001 - not yet is any failure
                failure = error
            time.sleep(PACE_S)
        raise AssertionError("the condition did not come true in time") from failure

    def ready(self, name: str, namespace: str = "default") -> Object:
        """Wait until a deployment has rolled out; the deployment."""

        def done() -> Object | None:
            obj = self.get("Deployment", name, namespace)
            status, wanted = obj.get("status") or {}, obj["spec"]["replicas"]
            fresh = status.get("observedGeneration") == obj["metadata"]["generation"]
            names = ("replicas", "updatedReplicas", "readyReplicas")
            return obj if fresh and [status.get(key, 0) for key in names] == [wanted] * 3 else None

        found = self.until(done)
        assert found is not None
        return found

    def _resource(self, kind: str) -> Any:
        known = next(each for each in BUILT_IN if each.kind == kind)
        return self._client.resources.get(api_version=known.api_version, kind=kind)
