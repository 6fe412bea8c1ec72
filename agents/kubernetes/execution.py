"""kubectl_exec: one command in a container, over the websocket of the official client."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

from pydantic import AliasChoices, Field

from agents.kubernetes import podstate
from agents.kubernetes.client import API_TIMEOUT_S, Cluster
from agents.kubernetes.failures import ClusterError
from agents.kubernetes.kinds import POD, Object
from agents.kubernetes.kubectl import OneNamespaceArguments
from agents.kubernetes.logs import container_of, status_of
from agents.kubernetes.making import Effect
from agents.kubernetes.reading import at, parts, text, uid_of
from agents.kubernetes.targets import Name, OptionalName
from agents.kubernetes.words import plain
from agents.runtime.interrupt import current
from agents.runtime.tool import CallContext, Inspection, ToolResult
from aura.kernel.secrets import redact
from governance.types import Impact

if TYPE_CHECKING:
    from agents.kubernetes.frames import Frames

MAX_WORDS: Final = 64
MAX_WORD: Final = 4096  # characters
MAX_OUTPUT: Final = 64 << 10  # bytes of each stream
MAX_SECONDS: Final = 300
_STDOUT, _STDERR, _ERROR = 1, 2, 3
_PACE_S: Final = 1.0  # how often somebody looks whether the run was stopped


class ExecArguments(OneNamespaceArguments):
    pod: Name = Field(
        validation_alias=AliasChoices("pod", "pod_name"), description="Name of the pod"
    )
    container: OptionalName = Field(default="", description="Container; else the default one")
    command: tuple[str, ...] = Field(
        min_length=1,
        max_length=MAX_WORDS,
        description="Program and its arguments, one word each; there is no shell in between",
    )
    timeout_seconds: int = Field(
        default=30, ge=1, le=MAX_SECONDS, description="How long the command may take"
    )


def inspect(
    arguments: ExecArguments, cluster: Cluster, namespace: str, context: CallContext
) -> Inspection:
    """The container the command would run in."""
    del context
    pod = cluster.get(POD, arguments.pod, namespace)
    container = _running(pod, arguments.container)
    plan = (
        f"Run in container {container} of pod {arguments.pod}, namespace {namespace}"
        f" (uid {uid_of(pod)}, {podstate.status(pod)}):\n{list(arguments.command)}"
    )
    return Inspection(impact=Impact(pods=1), plan=plan, preconditions={"uid": uid_of(pod)})


def run(
    arguments: ExecArguments, cluster: Cluster, namespace: str, context: CallContext
) -> ToolResult:
    pod = cluster.get(POD, arguments.pod, namespace)
    if uid_of(pod) != str(context.preconditions.get("uid") or uid_of(pod)):
        raise ClusterError("The pod was replaced by another of the same name; look again.")
    container = _running(pod, arguments.container)
    query = [
        *(("command", word) for word in arguments.command),
        ("container", container),
        ("stdin", "false"),
        ("stdout", "true"),
        ("stderr", "true"),
        ("tty", "false"),
    ]
    path = POD.path(namespace=namespace, name=arguments.pod, subresource="exec")
    frames = cluster.wire.frames(path, query, timeout_s=API_TIMEOUT_S)
    try:
        with current().ending(frames.close):
            output = _collected(frames, arguments.timeout_seconds)
    finally:
        frames.close()
    current().check()
    return _result(arguments, namespace, container, output)


def _running(pod: Object, wanted: str) -> str:
    """The container's name. Raises `ClusterError` where it does not run."""
    name = container_of(pod, wanted)
    status = status_of(pod, name)
    if not at(status, "state", "running"):
        state = podstate.state_words(at(status, "state"))
        raise ClusterError(f"Nothing can run in container {name}: it is {state}.")
    return name


class _Output:
    """What a command has said so far; each stream is kept up to its limit."""

    def __init__(self) -> None:
        self._kept = {channel: bytearray() for channel in (_STDOUT, _STDERR, _ERROR)}
        self.cut = False
        self.broken_off = False

    def take(self, channel: int, data: bytes) -> None:
        kept = self._kept.get(channel)
        if kept is not None:
            room = MAX_OUTPUT - len(kept)
            kept += data[:room]
            self.cut = self.cut or len(data) > room

    def text(self, channel: int) -> str:
        return redact(plain(self._kept[channel].decode("utf-8", "replace")))

    @property
    def status(self) -> dict[str, Any] | None:
        """The Status object that the server sends at the end."""
        try:
            said = json.loads(self._kept[_ERROR])
        except ValueError:
            return None
        return said if isinstance(said, dict) else None


def _collected(frames: Frames, seconds: float) -> _Output:
    """Reads until the command ends, its time is up, or it has said more than is kept."""
    output, end = _Output(), time.monotonic() + seconds
    while frames.open and not output.cut and (left := end - time.monotonic()) > 0:
        current().check()
        if piece := frames.next(min(left, _PACE_S)):
            output.take(*piece)
    output.broken_off = not frames.open and output.status is None
    return output


def _result(
    arguments: ExecArguments, namespace: str, container: str, output: _Output
) -> ToolResult:
    code = _exit_code(output.status)
    stdout, stderr = output.text(_STDOUT), output.text(_STDERR)
    notes = []
    if output.cut:
        notes.append(
            f"[cut: only {MAX_OUTPUT >> 10} KB of each stream are kept; the rest was left]"
        )
    elif output.broken_off:
        notes.append("[the connection broke off; how the command ended is not known]")
    elif output.status is None:
        notes.append(
            f"[the command did not end within {arguments.timeout_seconds} s; it may still run]"
        )
    elif code is None:
        notes.append(f"[it could not be run: {text(output.status, 'message')}]")
    said = f"exit code {code}" if code is not None else "no exit code"
    shown = [stdout.rstrip("\n"), f"stderr:\n{stderr}".rstrip() if stderr else "", *notes, said]
    data = {
        "exitCode": code,
        "stdout": stdout,
        "stderr": stderr,
        "cut": output.cut,
        "pod": arguments.pod,
        "container": container,
        "namespace": namespace,
    }
    return ToolResult(content="\n".join(filter(None, shown)), data=data)


def _exit_code(status: dict[str, Any] | None) -> int | None:
    """0, that of the Status object at the end, or None when there is none."""
    if not status:
        return None
    if status.get("status") == "Success":
        return 0
    causes = {text(it, "reason"): text(it, "message") for it in parts(status, "details", "causes")}
    said = causes.get("ExitCode", "")
    return int(said) if said.isdecimal() else None


# Nothing tells after a crash whether a command ran.
EXECUTION: Final = Effect(run=run, inspect=inspect)
