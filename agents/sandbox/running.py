"""Puts a sandbox together: cluster, controllers, APIs, sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from typing import Any

from agents.sandbox import certificates, kubeconfig, seeds, serving
from agents.sandbox.api.control import PREFIX, Control
from agents.sandbox.api.server import Answer, Application
from agents.sandbox.argo.applications import Applications
from agents.sandbox.argo.fetching import Fetcher
from agents.sandbox.argo.following import follow
from agents.sandbox.argo.server import ArgoServer
from agents.sandbox.certificates import Pair
from agents.sandbox.cluster import Cluster
from agents.sandbox.controllers import everything
from agents.sandbox.options import DEFAULT_HOST, Options, User
from agents.sandbox.serving import Pump, Server

ARGO_PREFIX = "/argocd"  # on the port of Kubernetes, for whom one port is easier


class Sandbox:
    """Listens as soon as it is made, answers while `serve` runs.

    Raises OSError where a port is taken; port 0 is any free one.
    """

    def __init__(
        self,
        options: Options,
        *,
        host: str = DEFAULT_HOST,
        port: int = 0,
        argo_port: int = 0,
    ) -> None:
        self.cluster = Cluster(options)
        everything.start(self.cluster)
        self._fetcher = Fetcher(options.git_cache)
        applications = Applications(self.cluster, self._fetcher)
        self.cluster.engine.add(applications)
        self._argo = ArgoServer(self.cluster, self._fetcher, applications)
        self._sockets = [serving.listening(host, port), serving.listening(host, argo_port)]
        self._pair = certificates.pair(host, "localhost", "127.0.0.1") if options.tls else None
        if options.seeded:
            seeds.plant(self.cluster)
        control = Control(self.cluster)
        others: dict[str, Answer] = {PREFIX: control.answer, ARGO_PREFIX: self._argo.answer}
        self._servers = [
            Server(Application(self.cluster, others), self._pair),
            Server(Application(self.cluster, {"": self._argo.answer})),
        ]

    @property
    def url(self) -> str:
        """Of the Kubernetes API."""
        return serving.url_of(self._sockets[0], "https" if self._pair else "http")

    @property
    def argo_url(self) -> str:
        return serving.url_of(self._sockets[1])

    @property
    def started(self) -> bool:
        return all(server.started for server in self._servers)

    def kubeconfig(self) -> dict[str, Any]:
        return kubeconfig.kubeconfig(self.url, self._tokens, authority=_authority(self._pair))

    @property
    def _tokens(self) -> Mapping[str, User]:
        return self.cluster.options.tokens

    async def serve(self) -> None:
        """Until `stop`."""
        self._fetcher.deliver = asyncio.get_running_loop().call_soon_threadsafe
        if self.cluster.options.follow:
            follow(self.cluster, self._fetcher, self.cluster.options.follow)
        pump = Pump(self.cluster)
        pump.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                for server, found in zip(self._servers, self._sockets, strict=True):
                    tasks.create_task(_serve(server, found))
        finally:
            pump.stop()
            self._fetcher.close()

    def stop(self) -> None:
        for server in self._servers:
            server.should_exit = True


async def _serve(server: Server, found: socket.socket) -> None:
    await server.serve(sockets=[found])


def _authority(pair: Pair | None) -> str:
    return pair.certificate if pair else ""
