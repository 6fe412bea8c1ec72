"""The kubelets: pods on nodes, from ContainerCreating to their end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from agents.sandbox import clock, kinds
from agents.sandbox.cluster import Cluster
from agents.sandbox.computed import is_ready
from agents.sandbox.controllers.base import Controller, key_of, left_alone
from agents.sandbox.controllers.container import RETRY, Life, Run
from agents.sandbox.controllers.needs import missing_environment, missing_volume
from agents.sandbox.faults import faults
from agents.sandbox.faults.faults import Behaviour
from agents.sandbox.objects import (
    Object,
    at,
    copy_of,
    is_deleting,
    meta,
    name_of,
    namespace_of,
    owner_of,
    set_condition,
    spec_of,
    status_of,
    uid_of,
)
from agents.sandbox.store import Change, Key

_TERMINATES = 0.5  # paces from the deletion of a pod to its end
_UNREADY = "containers with unready status: [{}]"


@dataclass(slots=True)
class _Pod:
    """What the node knows of a pod."""

    runs: dict[str, Run] = field(default_factory=dict)
    ip: str = ""
    seen: float = 0.0
    killed: float = 0.0
    warned: float = 0.0


class Kubelet(Controller):
    kind = kinds.POD

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._pods: dict[str, _Pod] = {}
        self._addresses: dict[str, int] = {}
        self._images: set[tuple[str, str]] = set()

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind is kinds.POD:
            if change.verb == "DELETED":
                self._forget(change.obj)
                return ()
            return (key_of(change.obj),)
        if change.kind in (kinds.CONFIG_MAP, kinds.SECRET):
            namespace = namespace_of(change.obj)
            return [key_of(p) for p in self.store.all(kinds.POD, namespace) if not is_ready(p)]
        if change.kind is kinds.NODE and _turned(change):
            return [key_of(p) for p in self._on(name_of(change.obj))]
        if faults.may_have_changed(change):
            obj = change.obj
            where = name_of(obj) if change.kind is kinds.NAMESPACE else namespace_of(obj)
            return [key_of(p) for p in self.store.all(kinds.POD, where)]
        return ()

    def _on(self, node: str) -> list[Object]:
        return [p for p in self.store.all(kinds.POD) if spec_of(p).get("nodeName") == node]

    def _forget(self, pod: Object) -> None:
        self._pods.pop(uid_of(pod), None)
        self.cluster.logs.forget(uid_of(pod))

    def look(self, obj: Object) -> None:
        name = spec_of(obj).get("nodeName")
        if not name or left_alone(obj):
            return
        node = self.store.find(kinds.NODE, "", name)
        if node is None or not is_ready(node):
            self._lost(obj)
            return
        known = self._pods.setdefault(uid_of(obj), _Pod(seen=clock.now()))
        if is_deleting(obj):
            self._terminate(obj, known)
        elif status_of(obj).get("phase") not in ("Succeeded", "Failed"):
            self._run(obj, known)

    # --- a node that does not answer ---

    def _lost(self, pod: Object) -> None:
        """The node controller marks the pods of a node that is gone; nothing ends them."""
        if status_of(pod).get("phase") != "Running" or not is_ready(pod):
            return
        status = copy_of(status_of(pod))
        set_condition(status, clock.stamp(), type="Ready", status="False")
        self.set_status(pod, status)
        self.events.warning(pod, "node-controller", "NodeNotReady", "Node is not ready")

    # --- the end ---

    def _terminate(self, pod: Object, known: _Pod) -> None:
        if not known.killed:
            known.killed = clock.now()
            for container in spec_of(pod)["containers"]:
                if known.runs.get(container["name"], Run()).state == "running":
                    Life(self.cluster, pod, container, Run()).tell(
                        "Killing", f"Stopping container {container['name']}"
                    )
        grace = float(meta(pod).get("deletionGracePeriodSeconds", 0))
        left = known.killed + min(grace, _TERMINATES * self.pace_s) - clock.now()
        if left > 0:
            self.again(pod, left)
            return
        if meta(pod).get("finalizers"):
            return
        self.store.delete(kinds.POD, namespace_of(pod), name_of(pod))

    # --- the way up ---

    def _run(self, pod: Object, known: _Pod) -> None:
        volume = missing_volume(self.store, pod) or self._behaviour(pod, _first(pod)).mount
        delays: list[float]
        if volume and not any(run.ids for run in known.runs.values()):
            delays = [self._unmounted(pod, known, volume)]
        else:
            known.ip = known.ip or self._address(spec_of(pod)["nodeName"])
            delays = self._step(pod, known)
        self._report(pod, known)
        if delays:
            self.again(pod, min(delays))

    def _unmounted(self, pod: Object, known: _Pod, words: str) -> float:
        if clock.now() - known.warned >= RETRY * self.pace_s:
            known.warned = clock.now()
            host = spec_of(pod)["nodeName"]
            self.events.warning(pod, "kubelet", "FailedMount", words, host=host)
        return RETRY * self.pace_s

    def _step(self, pod: Object, known: _Pod) -> list[float]:
        """Move the containers on: the init containers one by one, then the others side by side."""
        for container in spec_of(pod).get("initContainers") or ():
            run = known.runs.setdefault(container["name"], Run())
            delay = self._step_one(pod, container, run, ends=True)
            if not _succeeded(run):
                return [] if delay is None else [delay]
        found = []
        for container in spec_of(pod)["containers"]:
            run = known.runs.setdefault(container["name"], Run())
            found.append(self._step_one(pod, container, run, ends=_ends(pod)))
        return [each for each in found if each is not None]

    def _step_one(self, pod: Object, container: Object, run: Run, *, ends: bool) -> float | None:
        delay: float | None = 0.0
        how = self._behaviour(pod, container)
        key = (spec_of(pod)["nodeName"], str(container["image"]))
        for _ in range(8):  # more than it has states to pass in one go
            fresh = key not in self._images
            delay = Life(self.cluster, pod, container, run).step(how, ends=ends, fresh=fresh)
            if run.state == "running":
                self._images.add(key)
            if delay != 0.0:
                break
        return delay

    def _behaviour(self, pod: Object, container: Object) -> Behaviour:
        missing = self.cluster.options.missing_images
        how = faults.behaviour(self.store, pod, container, missing)
        config = missing_environment(self.store, pod, container)
        return replace(how, config=config) if config and not how.config else how

    def _address(self, node: str) -> str:
        number = self._addresses[node] = self._addresses.get(node, 1) + 1
        found = self.store.get(kinds.NODE, "", node)
        first, second, third = str(spec_of(found).get("podCIDR", "10.244.0.0")).split(".")[:3]
        return f"{first}.{second}.{int(third) + number // 250}.{number % 250 + 1}"

    # --- status ---

    def _report(self, pod: Object, known: _Pod) -> None:
        status = copy_of(status_of(pod))
        spec, node = spec_of(pod), self.store.get(kinds.NODE, "", spec_of(pod)["nodeName"])
        status["startTime"] = status.get("startTime") or clock.stamp(known.seen)
        status["hostIP"] = _address_of(node)
        status["hostIPs"] = [{"ip": status["hostIP"]}]
        if known.ip:
            status["podIP"] = known.ip
            status["podIPs"] = [{"ip": known.ip}]
        inits = self._statuses(pod, known, "initContainers")
        if inits:
            status["initContainerStatuses"] = inits
        status["containerStatuses"] = self._statuses(pod, known, "containers")
        status["phase"] = _phase(spec, known)
        self._conditions(pod, status, known)
        status.pop("reason", None)
        self.set_status(self.store.get(kinds.POD, *key_of(pod)), status)

    def _statuses(self, pod: Object, known: _Pod, group: str) -> list[Object]:
        found = []
        for container in spec_of(pod).get(group) or ():
            run = known.runs.get(container["name"], Run())
            body = Life(self.cluster, pod, container, run).status()
            if group == "initContainers" and run.ended and _succeeded(run):
                body["ready"] = True
            blocked = (
                group == "containers" and run.state == "new" and spec_of(pod).get("initContainers")
            )
            if blocked:
                body["state"] = {"waiting": {"reason": "PodInitializing"}}
            found.append(body)
        return found

    def _conditions(self, pod: Object, status: Object, known: _Pod) -> None:
        now = clock.stamp()
        unready = [each["name"] for each in status["containerStatuses"] if not each["ready"]]
        inits = [c["name"] for c in spec_of(pod).get("initContainers") or ()]
        waiting = [name for name in inits if not _succeeded(known.runs.get(name, Run()))]
        done = status["phase"] == "Succeeded"
        begun = bool(known.ip)
        set_condition(status, now, type="PodReadyToStartContainers", status=_truth(begun))
        if waiting:
            words = f"containers with incomplete status: [{' '.join(waiting)}]"
            set_condition(
                status,
                now,
                type="Initialized",
                status="False",
                reason="ContainersNotInitialized",
                message=words,
            )
        else:
            set_condition(status, now, type="Initialized", status="True")
        for kind in ("Ready", "ContainersReady"):
            if not unready:
                set_condition(status, now, type=kind, status="True")
            elif done:
                set_condition(status, now, type=kind, status="False", reason="PodCompleted")
            else:
                set_condition(
                    status,
                    now,
                    type=kind,
                    status="False",
                    reason="ContainersNotReady",
                    message=_UNREADY.format(" ".join(unready)),
                )
        set_condition(status, now, type="PodScheduled", status="True")


def _turned(change: Change) -> bool:
    return change.before is None or is_ready(change.before) != is_ready(change.obj)


def _truth(value: bool) -> str:  # noqa: FBT001 - a condition's status
    return "True" if value else "False"


def _first(pod: Object) -> Object:
    found: Object = spec_of(pod)["containers"][0]
    return found


def _ends(pod: Object) -> bool:
    """Whether its containers finish by themselves: those of jobs, and of pods that run once."""
    owner = owner_of(pod)
    once = spec_of(pod).get("restartPolicy") in ("Never", "OnFailure")
    return once or (owner is not None and owner.get("kind") == "Job")


def _succeeded(run: Run) -> bool:
    return run.state == "ended" and (run.ended or {}).get("exitCode") == 0


def _address_of(node: Object) -> str:
    addresses = at(node, "status", "addresses", default=[])
    return next((each["address"] for each in addresses if each["type"] == "InternalIP"), "")


def _phase(spec: Object, known: _Pod) -> str:
    names = [each["name"] for each in spec["containers"]]
    runs = [known.runs.get(name, Run()) for name in names]
    for each in spec.get("initContainers") or ():
        run = known.runs.get(each["name"], Run())
        if run.state == "ended" and not _succeeded(run) and spec.get("restartPolicy") == "Never":
            return "Failed"
    policy = spec.get("restartPolicy", "Always")
    ended = [run for run in runs if run.state == "ended"]
    if len(ended) == len(runs) and policy != "Always":
        if all(_succeeded(run) for run in ended):
            return "Succeeded"
        if policy == "Never":
            return "Failed"
    return "Running" if all(run.ids for run in runs) else "Pending"
