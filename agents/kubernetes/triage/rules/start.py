"""Starting: command, configuration, secret, init container, sandbox, lifecycle hook."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from agents.kubernetes.reading import text
from agents.kubernetes.triage.history import back
from agents.kubernetes.triage.making import logs_of, of_pod
from agents.kubernetes.triage.phrases import Phrases
from agents.kubernetes.triage.pods import Container, containers, crashing, live, recent
from agents.kubernetes.triage.remedies import manual
from agents.kubernetes.triage.snapshot import Snapshot
from agents.triage.findings import Evidence, Finding, Remedy

_REASONS: Final = frozenset(
    {
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
        "PostStartHookError",
        "StartError",
        "ContainerCannotRun",
    }
)
_SAID: Final = Phrases.of(
    (
        "missing-key",
        r"couldn't find key|references non-existent config key|non-existent secret key",
    ),
    ("missing-configmap", r"configmaps? \"[^\"]*\" not found"),
    ("missing-secret", r"secrets? \"[^\"]*\" not found"),
    ("run-as-non-root", r"runAsNonRoot|run as root|non-numeric user"),
    ("hook-failed", r"PostStartHook"),
    ("exec-format", r"exec format error"),
    ("permission-denied", r"permission denied"),
    (
        "command-not-found",
        r"executable file not found|no such file or directory|no command specified",
        r"not found in \$PATH|stat \S+: no such",
    ),
)
# What the program loader and the shell write themselves, where the runtime could start something.
_LOADER: Final = Phrases.of(
    ("exec-format", r"exec format error|cannot execute binary file"),
    (
        "command-not-found",
        r"^(?:/bin/)?(?:ba|da)?sh: (?:line )?(?:\d+: )?\S+: (?:not found|command not found)",
        r"exec \S+: no such file or directory|can't open '?\S+'?: No such file",
        r"Cannot find module '/|executable file not found",
    ),
    (
        "permission-denied",
        r"exec \S+: permission denied|^(?:/bin/)?(?:ba)?sh: \S+ \S*: Permission denied",
    ),
)
_NAMED: Final = re.compile(r"(?:configmaps?|secrets?) \"(?P<name>[^\"]+)\" not found")
_KEY: Final = re.compile(r"key (?P<key>\S+) in (?P<kind>ConfigMap|Secret) (?P<name>\S+)")
_INIT_S: Final = 120.0  # an init container that takes longer waits for something
_TAIL: Final = 20  # lines of a log in which the loader may have spoken
_SHELL: Final = {126: "permission-denied", 127: "command-not-found"}
_SUMMARY: Final = {
    "missing-key": "Container {container} needs a key that its ConfigMap or Secret lacks: {what}.",
    "missing-configmap": "ConfigMap {what} is not there; container {container} needs it.",
    "missing-secret": "Secret {what} is not there; container {container} needs it.",
    "run-as-non-root": "Container {container} would run as root, which runAsNonRoot forbids.",
    "hook-failed": "The postStart hook of container {container} fails.",
    "exec-format": "The program of container {container} is for another architecture.",
    "permission-denied": "The program of container {container} may not be executed.",
    "command-not-found": "The image of container {container} has no such command.",
    "create-failed": "Container {container} cannot be created or started.",
}
_MANUAL: Final = {
    "missing-key": "Add the key to the ConfigMap or Secret, or correct the reference.",
    "missing-configmap": "Add the ConfigMap to the manifests, or correct the reference.",
    "missing-secret": "Create the Secret (sealed, in Git), or correct the reference.",
    "run-as-non-root": "Set runAsUser to another number than 0, or such a USER in the image.",
    "hook-failed": "Correct the postStart hook.",
    "exec-format": "Build the image for the nodes' architecture; a script needs its #! line.",
    "permission-denied": "Make the program executable in the image.",
    "command-not-found": "Correct command and args, or the image.",
    "create-failed": "Read the message of the kubelet.",
}


def refused(snapshot: Snapshot) -> Iterator[Finding]:
    """A container cannot be created: the kubelet says what of its configuration is missing."""
    for pod in live(snapshot):
        for container in containers(pod):
            ended = container.end[1]
            reason = text(ended, "reason")
            if container.waiting in _REASONS:
                yield _refused(snapshot, container)
            elif reason in _REASONS and crashing(snapshot, container):
                which = (*container.path, container.end[0], "terminated")
                told = snapshot.facts(pod, (*which, "reason"), (*which, "message"))
                cause = _SAID.read(text(ended, "message")) or "create-failed"
                yield _found(snapshot, container, cause, text(ended, "message"), told)


def _refused(snapshot: Snapshot, container: Container) -> Finding:
    events = snapshot.events_of(container.pod, "Failed", "FailedPostStartHook")
    told = f"{container.waiting} {container.message}"
    cause = _SAID.read(told) or _SAID.first(it.message for it in reversed(events))[0]
    evidence = snapshot.facts(
        container.pod,
        (*container.path, "state", "waiting", "reason"),
        (*container.path, "state", "waiting", "message"),
    )
    saying = tuple(it for it in events if not cause or _SAID.read(it.message) == cause)
    said = container.message or next((it.message for it in saying), "")
    return _found(
        snapshot,
        container,
        cause or "create-failed",
        said,
        evidence + snapshot.happened(*saying[-1:]),
    )


def loaded(snapshot: Snapshot) -> Iterator[Finding]:
    """A container ends at once: the loader or the shell found no program they could run."""
    for pod in live(snapshot):
        for container in containers(pod):
            if crashing(snapshot, container) and container.exit_code != 0:
                yield from _loaded(snapshot, container)


def _loaded(snapshot: Snapshot, container: Container) -> Iterator[Finding]:
    if text(container.end[1], "reason") in _REASONS:
        return
    logs = {
        previous: snapshot.log(container.pod, container.name, previous=previous)
        for previous in (True, False)
    }
    for previous, lines in logs.items():
        cause, line = _LOADER.first(lines[-_TAIL:])
        if cause:
            proof = snapshot.written(container.pod, container.name, line, previous=previous)
            yield _found(snapshot, container, cause, line, proof + _exit(snapshot, container))
            return
    if container.exit_code in _SHELL and not any(logs.values()):
        cause = _SHELL[container.exit_code]
        yield _found(snapshot, container, cause, "", _exit(snapshot, container), confidence=0.8)


def starts_badly(snapshot: Snapshot, container: Container) -> bool:
    """Whether a crash is told by these rules, and not by the program's own log."""
    return text(container.end[1], "reason") in _REASONS or any(_loaded(snapshot, container))


def _exit(snapshot: Snapshot, container: Container) -> tuple[Evidence, ...]:
    which = (*container.path, container.end[0], "terminated")
    return snapshot.facts(container.pod, (*which, "reason"), (*which, "exitCode"))


def _found(
    snapshot: Snapshot,
    container: Container,
    cause: str,
    said: str,
    evidence: tuple[Evidence, ...],
    *,
    confidence: float = 1.0,
) -> Finding:
    named = _NAMED.search(said)
    key = _KEY.search(said)
    what = named["name"] if named else ""
    if key:
        what = f"key {key['key']} of {key['kind']} {key['name']}"
    summary = _SUMMARY[cause].format(container=container.name, what=what or "see the proof")
    return of_pod(
        snapshot,
        container.pod,
        f"start/{cause}",
        summary,
        evidence,
        confidence=0.7 if cause == "create-failed" else confidence,
        next_checks=(logs_of(snapshot, container),),
        remedy=_remedy(snapshot, container, cause),
    )


def _remedy(snapshot: Snapshot, container: Container, cause: str) -> Remedy:
    of_image = cause in ("command-not-found", "exec-format", "permission-denied")
    before = back(snapshot, container.pod, container.name) if of_image else None
    return before or manual(_MANUAL[cause])


def sandbox(snapshot: Snapshot) -> Iterator[Finding]:
    """A pod stays ContainerCreating: its sandbox or network cannot be made."""
    for pod in live(snapshot):
        waits = text(pod, "status", "phase") == "Pending"
        events = recent(snapshot, snapshot.events_of(pod, "FailedCreatePodSandBox"))
        if waits and events:
            yield of_pod(
                snapshot,
                pod,
                "start/pod-sandbox",
                "The node cannot make the sandbox or the network of the pod.",
                snapshot.happened(*events[-2:]),
                confidence=0.9,
                remedy=manual("Look at the CNI plug-in and the container runtime of the node."),
            )


def init_waits(snapshot: Snapshot) -> Iterator[Finding]:
    """An init container runs on and on, so the pod's programs never begin."""
    for pod in live(snapshot):
        for container in containers(pod):
            begun = text(container.status, "state", "running", "startedAt")
            lasting = text(container.spec, "restartPolicy") == "Always"
            if not container.init or lasting or not begun or snapshot.since(begun) < _INIT_S:
                continue
            lines = [it for it in snapshot.log(pod, container.name) if it.strip()][-2:]
            said = f": {lines[-1].strip()}" if lines else "."
            yield of_pod(
                snapshot,
                pod,
                "start/init-container",
                f"Init container {container.name} has not ended for"
                f" {snapshot.since(begun):.0f} s{said}",
                snapshot.written(pod, container.name, *lines)
                + snapshot.fact(pod, *container.path, "state", "running", "startedAt"),
                confidence=0.7,
                next_checks=(logs_of(snapshot, container),),
                remedy=manual("Bring up what the init container waits for."),
            )


def turned_away(snapshot: Snapshot) -> Iterator[Finding]:
    """The kubelet of a node refused the pod that was put there."""
    reasons = ("UnexpectedAdmissionError", "NodeAffinity", "OutOfcpu", "OutOfmemory", "OutOfpods")
    for pod in live(snapshot):
        reason = text(pod, "status", "reason")
        if text(pod, "status", "phase") == "Failed" and reason in reasons:
            yield of_pod(
                snapshot,
                pod,
                "start/node-refused",
                f"The node refused the pod: {reason}.",
                snapshot.facts(pod, ("status", "reason"), ("status", "message")),
                confidence=0.8,
                remedy=manual("Look at what the node has left; delete the failed pod."),
            )


RULES: Final = (refused, loaded, sandbox, init_waits, turned_away)
