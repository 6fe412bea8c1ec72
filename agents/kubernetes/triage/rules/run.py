"""Running: crashes by what their log says, memory, ends without an error, evictions."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from agents.kubernetes import quantities
from agents.kubernetes.kinds import Object
from agents.kubernetes.reading import part, parts, text
from agents.kubernetes.triage.history import back, is_newest
from agents.kubernetes.triage.logclasses import of_crash
from agents.kubernetes.triage.making import logs_of, of_pod, short
from agents.kubernetes.triage.pods import (
    RECENT_S,
    Container,
    containers,
    crashing,
    live,
    recent,
    workload_of,
)
from agents.kubernetes.triage.remedies import in_git, manual
from agents.kubernetes.triage.rules.start import starts_badly
from agents.kubernetes.triage.snapshot import Snapshot
from agents.triage.causes import CAUSES
from agents.triage.findings import Evidence, Finding, Remedy, Severity
from aura.kernel.text import cut

_KILLED, _TERMINATED, _SEGFAULT = 137, 143, 139
_LEAST: Final = Decimal(64 * 2**20)  # bytes that a remedy gives at the least
_SAID: Final = 160  # characters of a log line in a sentence


def out_of_memory(snapshot: Snapshot) -> Iterator[Finding]:
    """A container was ended because it needed more memory than its limit (OOMKilled)."""
    for pod in live(snapshot):
        for container in containers(pod):
            if _oom(container) and crashing(snapshot, container):
                which = (*container.path, container.end[0], "terminated")
                limit = (*container.spec_path, "resources", "limits", "memory")
                proof = snapshot.facts(pod, (*which, "reason"), (*which, "exitCode"), limit)
                most = text(container.spec, "resources", "limits", "memory")
                yield of_pod(
                    snapshot,
                    pod,
                    "run/oom-killed",
                    f"Container {container.name} is ended for using more memory than"
                    f" {'its limit of ' + most if most else 'the node has'}"
                    f" ({container.restarts} restarts).",
                    proof,
                    next_checks=(f'get_pod_resources(namespace="{snapshot.namespace}")',),
                    remedy=_more_memory(snapshot, pod, most),
                )


def _oom(container: Container) -> bool:
    return text(container.end[1], "reason") == "OOMKilled"


def _more_memory(snapshot: Snapshot, pod: Object, limit: str) -> Remedy:
    most = quantities.value(limit)
    if not most:
        return manual("Set a memory request that fits the program, or find what leaks.")
    wanted = quantities.mebibytes(max(most * 2, _LEAST))
    return in_git(
        f"Raise the memory limit to {wanted}, or find what leaks.",
        f"Set the memory limit of {short(workload_of(snapshot, pod))} to {wanted}",
    )


def crashes(snapshot: Snapshot) -> Iterator[Finding]:
    """A container ends again and again; its exit code and the end of its log tell why."""
    for pod in live(snapshot):
        for container in containers(pod):
            if not crashing(snapshot, container) or _oom(container):
                continue
            if starts_badly(snapshot, container) or _by_liveness(snapshot, container):
                continue
            yield _crash(snapshot, container)


def _by_liveness(snapshot: Snapshot, container: Container) -> bool:
    """Whether it ends because the kubelet ends it: a signal, and a probe that failed."""
    events = recent(snapshot, snapshot.events_of(container.pod, "Unhealthy", "Killing"))
    said = [it.message for it in events]
    kills = any("Liveness probe" in it or "Startup probe" in it or "liveness" in it for it in said)
    return kills and container.exit_code in (_KILLED, _TERMINATED, 0, 2, None)


def _crash(snapshot: Snapshot, container: Container) -> Finding:
    cause, line, previous = _log(snapshot, container)
    which = (*container.path, container.end[0], "terminated")
    proof: tuple[Evidence, ...] = ()
    if line:
        proof = snapshot.written(container.pod, container.name, line, previous=previous)
    proof += snapshot.facts(
        container.pod,
        (*container.path, "state", "waiting", "reason"),
        (*which, "reason"),
        (*which, "exitCode"),
        (*which, "message"),
        (*container.path, "restartCount"),
    )
    cause = _of_volume(container, line) if cause == "run/disk-full" else cause
    cause = cause or _by_code(container)
    return of_pod(
        snapshot,
        container.pod,
        cause,
        _summary(container, cause, line),
        proof or snapshot.listed(container.pod),
        confidence=_sure(cause, line),
        next_checks=(logs_of(snapshot, container, previous=True),),
        remedy=_remedy(snapshot, container, cause),
    )


def _of_volume(container: Container, line: str) -> str:
    """A full disk that is a claimed volume, by the path in the line."""
    claimed = {
        text(it, "name")
        for it in parts(container.pod, "spec", "volumes")
        if "persistentVolumeClaim" in it
    }
    mounts = parts(container.spec, "volumeMounts")
    paths = [text(it, "mountPath") for it in mounts if text(it, "name") in claimed]
    return "storage/volume-full" if any(it and it in line for it in paths) else "run/disk-full"


def _log(snapshot: Snapshot, container: Container) -> tuple[str, str, bool]:
    """(cause, line, previous): what the log says, that of the run that ended first."""
    before = container.end[0] == "lastState"
    ended = text(container.end[1], "message").splitlines()
    for previous in (before, not before):
        lines = snapshot.log(container.pod, container.name, previous=previous)
        cause, line = of_crash(lines)
        if cause:
            return cause, line, previous
        if lines:
            return "", next((it for it in reversed(lines) if it.strip()), ""), previous
    return (of_crash(ended)[0] if ended else ""), "", False


def _by_code(container: Container) -> str:
    if container.init:
        return "start/init-container"
    match container.exit_code:
        case 0:
            return "run/exits"
        case 139:
            return "run/segmentation-fault"
        case 137 | 143:
            return "run/killed"
        case _:
            return "run/crash"


def _summary(container: Container, cause: str, line: str) -> str:
    what = "Init container" if container.init else "Container"
    code = container.exit_code
    ends = (
        f"{what} {container.name} ends with exit code {code}"
        if code is not None
        else (f"{what} {container.name} ends again and again")
    )
    said = line.strip()
    if said and cause not in ("run/exits", "run/crash", "run/killed"):
        return f"{ends}: {cut(said, _SAID)}"
    return f"{ends}. {CAUSES[cause].about}"


def _sure(cause: str, line: str) -> float:
    if cause in ("run/crash", "run/killed", "start/init-container"):
        return 0.6
    return 0.95 if line else 0.8


_HELP: Final = {
    "application/missing-environment": "Set the environment variable that the log names.",
    "application/misconfigured-environment": "Correct the value that the log names.",
    "application/wrong-credentials": "Renew the credentials in the Secret that the pods use.",
    "application/missing-privilege": "Grant the program's user the right that the log names.",
    "application/missing-database": "Create the database or table, or run the migrations.",
    "application/dependency-unreachable": "Bring up what the log names, or correct its address.",
    "network/dns-failure": "Look at CoreDNS and at policies that keep pods from port 53.",
    "network/unknown-host": "Correct the host name, or create the Service of that name.",
    "network/certificate-expired": "Renew the certificate.",
    "network/certificate-untrusted": "Give the program the authority of the certificate.",
    "network/tls-mismatch": "Use the same scheme on both sides.",
    "run/bad-configuration": "Correct the configuration at the place that the log names.",
    "run/missing-file": "Put the file into the image or mount it.",
    "run/port-in-use": "Let one of the containers of the pod listen on another port.",
    "run/permission-denied": "Set runAsUser or fsGroup so that the program may use its files.",
    "storage/volume-full": "Make room on the volume, or make its claim larger.",
    "run/disk-full": "Make room on the volume, or make it larger.",
    "run/migration-failed": "Correct the migration; look at the state it left in the database.",
    "run/exits": "Let the command run on, or make it a Job.",
    "start/init-container": "Read the log of the init container.",
    "storage/read-only": "Mount a writable volume at the path that the log names.",
    "cluster/forbidden": "Grant the service account the right that the log names.",
}
_USUAL: Final = "Read the log before the restart, and correct the program."


def _remedy(snapshot: Snapshot, container: Container, cause: str) -> Remedy:
    """Back to the image before where the crash came with a new one; else by hand."""
    if is_newest(snapshot, container.pod):
        before = back(snapshot, container.pod, container.name)
        if before:
            return before
    return manual(_HELP.get(cause, _USUAL))


def evicted(snapshot: Snapshot) -> Iterator[Finding]:
    """Pods that the node ended for want of memory, disk or process ids."""
    for pod in snapshot.all("Pod"):
        if text(pod, "status", "reason") != "Evicted":
            continue
        begun = part(pod, "status").get("startTime")
        old = snapshot.since(begun) > RECENT_S and not recent(
            snapshot, snapshot.events_of(pod, "Evicted")
        )
        yield of_pod(
            snapshot,
            pod,
            "run/evicted",
            text(pod, "status", "message") or "The node ended the pod.",
            snapshot.facts(pod, ("status", "reason"), ("status", "message"))
            + snapshot.happened(*snapshot.events_of(pod, "Evicted")[-1:]),
            severity=Severity.INFO if old else Severity.WARNING,
            confidence=0.9,
            remedy=manual("Set requests that tell what the pods use; find what fills the node."),
        )


RULES: Final = (out_of_memory, crashes, evicted)
