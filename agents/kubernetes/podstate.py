"""The state of a pod in one word and in numbers, as `kubectl get pods` tells it."""

from __future__ import annotations

from agents.kubernetes.kinds import Object
from agents.kubernetes.reading import at, number, part, parts, text

HEALTHY = frozenset({"Running", "Completed", "Succeeded"})


def ready(pod: Object) -> tuple[int, int]:
    """Containers that are ready, and all of them; sidecars among the init containers count."""
    statuses = _by_name(pod, "containerStatuses") | _by_name(pod, "initContainerStatuses")
    names = [text(it, "name") for it in parts(pod, "spec", "containers")] + _sidecars(pod)
    return sum(bool(statuses.get(name, {}).get("ready")) for name in names), len(names)


def restarts(pod: Object) -> int:
    """Of the containers that are to run on."""
    sidecars = _sidecars(pod)
    lasting = parts(pod, "status", "containerStatuses") + [
        it for it in parts(pod, "status", "initContainerStatuses") if text(it, "name") in sidecars
    ]
    return sum(number(it, "restartCount") for it in lasting)


def status(pod: Object) -> str:
    """`Running`, `Pending`, `CrashLoopBackOff`, `Init:0/1`, `OOMKilled`, `Terminating`…"""
    if at(pod, "metadata", "deletionTimestamp"):
        return "Unknown" if text(pod, "status", "reason") == "NodeLost" else "Terminating"
    return _initialising(pod) or _running(pod)


def in_trouble(pod: Object) -> bool:
    """Whether somebody should look at it."""
    have, want = ready(pod)
    word = status(pod)
    return word not in HEALTHY or (word == "Running" and have < want)


def state_words(state: object) -> str:
    """`running since …`, `waiting: CrashLoopBackOff: back-off …`, `terminated: Error, exit 1`."""
    if running := part(state, "running"):
        return f"running since {text(running, 'startedAt')}"
    if waiting := part(state, "waiting"):
        return "waiting: " + _joined(text(waiting, "reason"), text(waiting, "message"))
    if ended := part(state, "terminated"):
        signal = number(ended, "signal")
        how = f"exit {number(ended, 'exitCode')}" + (f", signal {signal}" if signal else "")
        when = text(ended, "finishedAt")
        why = _joined(text(ended, "reason"), text(ended, "message"))
        return f"terminated: {why or 'ended'}, {how}" + (f", at {when}" if when else "")
    return "not started"


def _joined(reason: str, message: str) -> str:
    return ": ".join(filter(None, (reason, message)))


def _initialising(pod: Object) -> str:
    """The state while init containers run; empty when they are through."""
    statuses = _by_name(pod, "initContainerStatuses")
    sidecars = _sidecars(pod)
    wanted = parts(pod, "spec", "initContainers")
    for done, container in enumerate(wanted):
        name = text(container, "name")
        said = statuses.get(name, {})
        state = part(said, "state")
        if "terminated" in state and number(state, "terminated", "exitCode") == 0:
            continue
        if name in sidecars and said.get("started"):
            continue
        word = text(state, "terminated", "reason") or text(state, "waiting", "reason")
        if word and word not in ("PodInitializing", "Completed"):
            return f"Init:{word}"
        if text(pod, "status", "phase") in ("Pending", "") and statuses:
            return f"Init:{done}/{len(wanted)}"
        return ""
    return ""


def _running(pod: Object) -> str:
    word = text(pod, "status", "reason") or text(pod, "status", "phase") or "Unknown"
    running = False
    for said in reversed(parts(pod, "status", "containerStatuses")):
        state = part(said, "state")
        why = text(state, "waiting", "reason") or text(state, "terminated", "reason")
        if why:
            word = why
        elif "terminated" in state:
            ended = part(state, "terminated")
            signal = number(ended, "signal")
            word = f"Signal:{signal}" if signal else f"ExitCode:{number(ended, 'exitCode')}"
        elif "running" in state and said.get("ready"):
            running = True
    return "Running" if word == "Completed" and running else word


def _by_name(pod: Object, statuses: str) -> dict[str, Object]:
    return {text(it, "name"): it for it in parts(pod, "status", statuses)}


def _sidecars(pod: Object) -> list[str]:
    """Init containers that run as long as the pod."""
    return [
        text(it, "name")
        for it in parts(pod, "spec", "initContainers")
        if it.get("restartPolicy") == "Always"
    ]
