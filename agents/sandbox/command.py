"""The command line of the sandbox."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

from agents.sandbox import kubeconfig
from agents.sandbox.options import DEFAULT_HOST, Follow, Options, User, default_tokens
from agents.sandbox.running import Sandbox

PORT = 16443
ARGO_PORT = 16080


def parser(program: str = "sandbox") -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog=program, description="A simulated Kubernetes cluster with Argo CD."
    )
    add_arguments(made)
    return made


def add_arguments(made: argparse.ArgumentParser) -> None:
    add = made.add_argument
    add("--host", default=DEFAULT_HOST, help="address to listen on (default %(default)s)")
    add("--port", type=int, default=PORT, help="of the Kubernetes API (default %(default)s)")
    add("--argocd-port", type=int, default=ARGO_PORT, help="of Argo CD (default %(default)s)")
    add("--kubeconfig", type=Path, metavar="PATH", help="write a kubeconfig here")
    add("--repo", metavar="URL", help="Git repository to make applications from")
    add("--revision", default="HEAD", help="branch, tag or commit of it (default %(default)s)")
    add("--path", default="", help="directory in it; without it each one with manifests")
    add("--namespace", default="default", help="where they are deployed (default %(default)s)")
    add(
        "--make-namespace", action="append", default=[], metavar="NAME", help="there from the start"
    )
    add("--auto-sync", action="store_true", help="applications sync, prune and heal themselves")
    add("--pace", type=float, default=1.0, help="seconds until a container is ready (%(default)s)")
    add("--poll", type=float, default=3.0, help="seconds between looks at Git (%(default)s)")
    add("--nodes", type=int, default=2, help="worker nodes (default %(default)s)")
    add("--token", action="append", default=[], metavar="TOKEN=USER[,GROUP…]", help="one more user")
    add("--http", action="store_true", help="no TLS on the Kubernetes API (kubectl wants it)")


def main(arguments: list[str]) -> int:
    """Serve until SIGINT or SIGTERM; 0, or 1 with a sentence where it cannot start."""
    given = parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # an exec is no news
    try:
        made = Sandbox(
            _options(given), host=given.host, port=given.port, argo_port=given.argocd_port
        )
    except OSError as error:
        sys.stderr.write(f"The sandbox cannot listen on {given.host}: {error.strerror or error}\n")
        return 1
    if given.kubeconfig:
        kubeconfig.write(given.kubeconfig, made.kubeconfig())
    sys.stdout.write(f"Kubernetes {made.url}\nArgo CD    {made.argo_url}\n")
    if given.kubeconfig:
        sys.stdout.write(f"kubeconfig {given.kubeconfig}\n")
    sys.stdout.flush()
    asyncio.run(_serve(made))
    return 0


async def _serve(made: Sandbox) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, made.stop)
    await made.serve()


def _options(given: argparse.Namespace) -> Options:
    follow = None
    if given.repo:
        follow = Follow(
            url=given.repo,
            revision=given.revision,
            path=given.path,
            namespace=given.namespace,
            auto_sync=given.auto_sync,
        )
    return Options(
        pace_s=given.pace,
        poll_s=given.poll,
        nodes=given.nodes,
        tokens=default_tokens() | dict(_token(text) for text in given.token),
        follow=follow,
        namespaces=tuple(given.make_namespace),
        tls=not given.http,
    )


def _token(text: str) -> tuple[str, User]:
    token, _, rest = text.partition("=")
    name, *groups = rest.split(",")
    return token, User(name=name, groups=tuple(groups))
