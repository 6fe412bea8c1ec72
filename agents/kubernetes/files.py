"""read_pod_file: the end of one file in a container, by `tail` over the exec of the API.

It starts a program in the container, which needs `pods/exec`; so it is a write, looked at by the
policy as such. What holds credentials by its place is refused: by the path that was asked for
before anybody is asked, and by the place of the open file, wherever links led, before it is shown.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from typing import Final

from pydantic import AliasChoices, Field

from agents.kubernetes import execution
from agents.kubernetes.client import Cluster
from agents.kubernetes.execution import ExecArguments
from agents.kubernetes.failures import ClusterError
from agents.kubernetes.kinds import POD, Object
from agents.kubernetes.logs import container_of
from agents.kubernetes.making import Effect
from agents.kubernetes.reading import parts, text
from agents.kubernetes.targets import Name, NamespaceArguments, OptionalName
from agents.runtime.tool import CallContext, Inspection, ToolResult
from governance.types import ActionClass

MAX_LINES: Final = 2000
TIMEOUT_S: Final = 20
# The machine itself, and where tokens are mounted.
_CLOSED: Final = ("/proc", "/sys", "/dev", "/var/run/secrets", "/run/secrets", "/etc/shadow")
_SECRET_VOLUMES: Final = ("secret", "projected", "csi")
# The file is opened first: what is read is where the first line says, however links are changed.
# Then where the mounted Secrets are (a path of a mount may lead over links too), and the content.
_SCRIPT: Final = (
    'exec <"$1" && readlink /proc/self/fd/0 && lines=$2 && shift 2'
    ' && for mounted; do readlink -f "$mounted" || exit; done && echo && exec tail -n "$lines"'
)
_SHELL: Final = ("sh", "-c", _SCRIPT, "sh")


class FileArguments(NamespaceArguments):
    pod_name: Name = Field(
        validation_alias=AliasChoices("pod_name", "pod"), description="Name of the pod"
    )
    container: OptionalName = Field(default="", description="Container; else the default one")
    path: str = Field(
        max_length=1000,
        pattern=r"^/[^\x00-\x1f]+$",
        description="The file in the container, from its root, e.g. /etc/nginx/nginx.conf",
    )
    tail_lines: int = Field(
        default=200, ge=1, le=MAX_LINES, description="How many lines from the end"
    )


def inspect(
    arguments: FileArguments, cluster: Cluster, namespace: str, context: CallContext
) -> Inspection:
    """The container and the words that would run in it."""
    said = _said(arguments, cluster.get(POD, arguments.pod_name, namespace))
    return execution.inspect(said, cluster, namespace, context)


def read(
    arguments: FileArguments, cluster: Cluster, namespace: str, context: CallContext
) -> ToolResult:
    """`{path, content, lines, cut, pod, container, namespace}`; `path` is where links led."""
    said = _said(arguments, cluster.get(POD, arguments.pod_name, namespace))
    done = execution.run(said, cluster, namespace, context)
    place, content = _opened(_plain(arguments.path), said, done)
    cut = bool(done.data["cut"])
    data = {
        "path": place,
        "content": content,
        "lines": len(content.splitlines()),
        "cut": cut,
        **{key: done.data[key] for key in ("pod", "container", "namespace")},
    }
    kept = execution.MAX_OUTPUT >> 10
    note = f"[cut after {kept} KB; ask for fewer lines]" if cut else ""
    shown = "\n".join(filter(None, [content.rstrip("\n"), note]))
    return ToolResult(content=shown or "The file is empty.", data=data)


def _said(arguments: FileArguments, pod: Object) -> ExecArguments:
    """The program. Raises `ClusterError` for a path that is closed."""
    path = _plain(arguments.path)
    container = container_of(pod, arguments.container)
    mounted = _secret_places(pod, container)
    _refuse(path, closed=mounted)
    return ExecArguments(
        pod=arguments.pod_name,
        container=container,
        command=(*_SHELL, path, str(arguments.tail_lines), *mounted),
        timeout_seconds=TIMEOUT_S,
    )


def _opened(path: str, said: ExecArguments, done: ToolResult) -> tuple[str, str]:
    """Where the file is that was read, and its end. Raises `ClusterError` for a place that is
    closed, and where the container did not say where it is.
    """
    mounted = said.command[len(_SHELL) + 2 :]
    head, _, content = str(done.data["stdout"]).partition("\n\n")
    place, *real = head.split("\n")
    _refuse(place, closed=[*mounted, *real])
    if done.data["exitCode"] != 0 and not done.data["cut"]:
        why = str(done.data["stderr"]).strip() or ("" if head else done.content)
        raise ClusterError(f"{path} cannot be read: {why[:500]}")
    if not place.startswith("/") or len(real) != len(mounted):
        raise ClusterError(f"{path} is no file, or cannot be told from a Secret: it is not read.")
    return place, content


def _refuse(path: str, *, closed: Sequence[str]) -> None:
    for place in (*_CLOSED, *closed):
        if path == place or path.startswith(f"{place}/"):
            raise ClusterError(f"{place} may hold credentials or is no file: it is not read.")


def _plain(path: str) -> str:
    """One way to write it; `normpath` alone leaves two slashes at the beginning as they are."""
    return posixpath.normpath(f"/{path.lstrip('/')}")


def _secret_places(pod: Object, container: str) -> list[str]:
    """Where the container has Secrets and tokens mounted."""
    volumes = {
        text(it, "name") for it in parts(pod, "spec", "volumes") if set(it) & {*_SECRET_VOLUMES}
    }
    return [
        _plain(text(mount, "mountPath"))
        for kind in ("containers", "initContainers", "ephemeralContainers")
        for it in parts(pod, "spec", kind)
        if text(it, "name") == container
        for mount in parts(it, "volumeMounts")
        if text(mount, "name") in volumes
    ]


# Reading twice leaves what reading once leaves.
FILE_READ: Final = Effect(
    run=read, inspect=inspect, idempotent=True, action_class=ActionClass.WRITE
)
