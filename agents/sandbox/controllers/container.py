"""One container's life on a node: pulled, started, ready; or whatever goes wrong with it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from agents.sandbox import clock
from agents.sandbox.cluster import Cluster
from agents.sandbox.faults.faults import Behaviour
from agents.sandbox.faults.stories import reference
from agents.sandbox.objects import Object, annotations_of, name_of, namespace_of, spec_of, uid_of

RUN_SECONDS = "sandbox.aura.dev/run-seconds"  # in paces, for what ends by itself
EXIT_CODE = "sandbox.aura.dev/exit-code"
LOG = "sandbox.aura.dev/log"  # lines it writes when it starts

PULL = 0.3  # everything here is in paces
READY = 0.7
PROBE = 3.0
RETRY = 2.0
FIRST_BACKOFF = 10.0
LONGEST_BACKOFF = 300.0
_RESTART = 0.2
_KILLED = 137


@dataclass(slots=True)
class Run:
    """Where a container is. `state` is one of new, waits, pulling, unpulled, pull-backoff, running,
    ended, backoff; `since` when it came there.
    """

    state: str = "new"
    since: float = 0.0
    restarts: int = 0
    pulls: int = 0
    words: str = ""
    ended: Object | None = None
    last: Object | None = None
    ready: bool = False
    probed: float = 0.0
    started: float = 0.0
    ids: int = 0
    told: set[str] = field(default_factory=set)


class Life:
    """Moves one container on. `step` gives the seconds until it wants to be looked at again."""

    def __init__(self, cluster: Cluster, pod: Object, container: Object, run: Run) -> None:
        self.cluster = cluster
        self.pod = pod
        self.container = container
        self.run = run
        self.name = str(container["name"])
        self.now = clock.now()
        self.pace = cluster.options.pace_s

    def step(  # noqa: PLR0911 - one row a state
        self, how: Behaviour, *, ends: bool, fresh: bool
    ) -> float | None:
        """`ends`: it finishes by itself. `fresh`: nothing was pulled on this node before."""
        match self.run.state:
            case "new" | "waits":
                return self._begin(how, fresh=fresh)
            case "pulling":
                return self._pulled(how)
            case "unpulled":
                return self._back_off_pulling(how)
            case "pull-backoff":
                return self._pull_again(how)
            case "running":
                return self._running(how, ends=ends)
            case "ended":
                return self._restart(how)
            case _:
                return self._backed_off(how)

    # --- before it runs ---

    def _begin(self, how: Behaviour, *, fresh: bool) -> float | None:
        if how.config:
            self.run.words = how.config
            self._to("waits")
            self.warn("Failed", f"Error: {how.config}")
            return RETRY * self.pace
        if not fresh and self.container.get("imagePullPolicy") != "Always" and not how.pull:
            return self._start(present=True)
        self.tell("Pulling", f'Pulling image "{self.image}"')
        self._to("pulling")
        return PULL * self.pace

    def _pulled(self, how: Behaviour) -> float | None:
        if wait := self._wait(PULL):
            return wait
        if not how.pull:
            return self._start(present=False)
        self.run.pulls += 1
        self.run.words = how.pull
        self._to("unpulled")
        self.warn("Failed", f'Failed to pull image "{self.image}": {how.pull}')
        self.warn("Failed", "Error: ErrImagePull")
        return self.pace

    def _back_off_pulling(self, how: Behaviour) -> float | None:
        if wait := self._wait(1.0):
            return wait
        self._to("pull-backoff")
        self.tell("BackOff", f'Back-off pulling image "{self.image}"')
        self.warn("Failed", "Error: ImagePullBackOff")
        del how
        return self._delay(self.run.pulls) * self.pace

    def _pull_again(self, how: Behaviour) -> float | None:
        wait = self._wait(self._delay(self.run.pulls))
        if wait and how.pull:
            return wait
        self.tell("Pulling", f'Pulling image "{self.image}"')
        self._to("pulling")
        return PULL * self.pace

    def _start(self, *, present: bool) -> float | None:
        if present:
            self.tell("Pulled", f'Container image "{self.image}" already present on machine')
        else:
            took = f"{round(PULL * self.pace * 1000)}ms"
            self.tell(
                "Pulled",
                f'Successfully pulled image "{self.image}" in {took} ({took} including waiting).'
                " Image size: 31456789 bytes.",
            )
        self.run.ids += 1
        self.tell("Created", f"Created container: {self.name}")
        self.tell("Started", f"Started container {self.name}")
        self._to("running")
        self.run.started = self.now
        self.run.ready = False
        return 0.0

    # --- while it runs ---

    def _running(self, how: Behaviour, *, ends: bool) -> float | None:
        if how.crash is not None:
            if wait := self._wait(how.crash.after):
                return wait
            self.log(*how.crash.lines)
            return self._end(how.crash.code, how.crash.reason)
        if "started" not in self.run.told:
            self.run.told.add("started")
            self.log(*self._greeting())
        if ends:
            if wait := self._wait(float(annotations_of(self.pod).get(RUN_SECONDS, "1"))):
                return wait
            code = int(annotations_of(self.pod).get(EXIT_CODE, "0"))
            return self._end(code, "Error" if code else "Completed")
        if how.liveness:
            return self._liveness(how.liveness)
        return self._readiness(how)

    def _liveness(self, words: str) -> float | None:
        if wait := self._wait(PROBE):
            self.run.ready = self._wait(READY) == 0.0
            return wait
        self.warn("Unhealthy", f"Liveness probe failed: {self._filled(words)}")
        self.tell("Killing", f"Container {self.name} failed liveness probe, will be restarted")
        return self._end(_KILLED, "Error")

    def _readiness(self, how: Behaviour) -> float | None:
        if wait := self._wait(READY):
            return wait
        if not how.readiness:
            self.run.ready = True
            return None
        self.run.ready = False
        if self.now - self.run.probed >= PROBE * self.pace:
            self.run.probed = self.now
            self.warn("Unhealthy", f"Readiness probe failed: {self._filled(how.readiness)}")
            self.log(*how.lines)
        return PROBE * self.pace

    def _end(self, code: int, reason: str) -> float | None:
        self.run.ended = {
            "exitCode": code,
            "reason": reason,
            "startedAt": clock.stamp(self.run.started),
            "finishedAt": clock.stamp(self.now),
            "containerID": self.container_id,
        }
        self.run.ready = False
        self._to("ended")
        return _RESTART * self.pace

    # --- after it ran ---

    @property
    def restarts(self) -> bool:
        """Whether its policy starts it again after this end."""
        policy = spec_of(self.pod).get("restartPolicy", "Always")
        code = (self.run.ended or {}).get("exitCode", 0)
        return bool(policy == "Always" or (policy == "OnFailure" and code != 0))

    def _restart(self, how: Behaviour) -> float | None:
        if not self.restarts:
            return None
        if wait := self._wait(_RESTART):
            return wait
        healed = not (how.crash or how.liveness)
        if healed or self.run.restarts == 0:
            return self._again()
        self._to("backoff")
        self.warn(
            "BackOff",
            f"Back-off restarting failed container {self.name} in pod"
            f" {name_of(self.pod)}_{namespace_of(self.pod)}({uid_of(self.pod)})",
        )
        return self._delay(self.run.restarts) * self.pace

    def _backed_off(self, how: Behaviour) -> float | None:
        wait = self._wait(self._delay(self.run.restarts))
        if wait and (how.crash or how.liveness):
            return wait
        return self._again()

    def _again(self) -> float | None:
        self.run.restarts += 1
        self.run.last, self.run.ended = self.run.ended, None
        self.run.told.clear()
        self.cluster.logs.restart(uid_of(self.pod), self.name)
        return self._start(present=True)

    # --- words ---

    @property
    def image(self) -> str:
        return str(self.container["image"])

    @property
    def container_id(self) -> str:
        seed = f"{uid_of(self.pod)}/{self.name}/{self.run.ids}"
        return f"containerd://{hashlib.sha256(seed.encode()).hexdigest()}"

    def _greeting(self) -> list[str]:
        said = annotations_of(self.pod).get(LOG)
        if said:
            return said.splitlines()
        lines = [f'level=info msg="starting {self.name}" image={self.image}']
        ports = self.container.get("ports") or ()
        lines += [f'level=info msg="listening" port={port["containerPort"]}' for port in ports]
        return lines

    def _filled(self, words: str) -> str:
        return words.replace("{ip}", str((self.pod.get("status") or {}).get("podIP", "")))

    def tell(self, reason: str, message: str) -> None:
        self.cluster.events.normal(self.pod, "kubelet", reason, message, **self._where())

    def warn(self, reason: str, message: str) -> None:
        self.cluster.events.warning(self.pod, "kubelet", reason, message, **self._where())

    def log(self, *lines: str) -> None:
        self.cluster.logs.write(uid_of(self.pod), self.name, *lines)

    def _where(self) -> dict[str, str]:
        field = f"spec.containers{{{self.name}}}"
        return {"host": str(spec_of(self.pod).get("nodeName", "")), "field": field}

    def _to(self, state: str) -> None:
        self.run.state, self.run.since = state, self.now

    def _wait(self, paces: float) -> float:
        """Seconds until it has been in its state for that long; 0.0 when it has."""
        left = self.run.since + paces * self.pace - self.now
        return left if left > 0.0005 else 0.0  # noqa: PLR2004 - timers fire a little early

    @staticmethod
    def _delay(times: int) -> float:
        """Paces of the back-off after so many failures."""
        return float(min(FIRST_BACKOFF * 2 ** (max(times, 1) - 1), LONGEST_BACKOFF))

    # --- status ---

    def status(self) -> Object:
        """The ContainerStatus."""
        run = self.run
        body: Object = {
            "name": self.name,
            "image": self.image,
            "imageID": "",
            "ready": run.ready,
            "started": run.state == "running",
            "restartCount": run.restarts,
            "state": self._state(),
            "lastState": self._last(),
        }
        if run.ids:
            digest = hashlib.sha256(reference(self.image).encode()).hexdigest()
            body["containerID"] = self.container_id
            body["imageID"] = f"{reference(self.image).rpartition(':')[0]}@sha256:{digest}"
        return body

    def _last(self) -> Object:
        """How it ended before; while it backs off that is how it has just ended."""
        ended = self.run.ended if self.run.state == "backoff" else self.run.last
        return {"terminated": ended} if ended else {}

    def _state(self) -> Object:  # noqa: PLR0911 - one row a state
        run = self.run
        match run.state:
            case "running":
                return {"running": {"startedAt": clock.stamp(run.started)}}
            case "ended":
                return {"terminated": run.ended}
            case "backoff":
                seconds = int(self._delay(run.restarts))
                shown = f"{seconds}s" if seconds < 60 else f"{seconds // 60}m{seconds % 60}s"  # noqa: PLR2004
                words = (
                    f"back-off {shown} restarting failed container={self.name}"
                    f" pod={name_of(self.pod)}_{namespace_of(self.pod)}({uid_of(self.pod)})"
                )
                return {"waiting": {"reason": "CrashLoopBackOff", "message": words}}
            case "unpulled":
                return {"waiting": {"reason": "ErrImagePull", "message": run.words}}
            case "pull-backoff":
                words = f'Back-off pulling image "{self.image}": ErrImagePull: {run.words}'
                return {"waiting": {"reason": "ImagePullBackOff", "message": words}}
            case "waits":
                return {"waiting": {"reason": "CreateContainerConfigError", "message": run.words}}
            case _:
                return {"waiting": {"reason": "ContainerCreating"}}
