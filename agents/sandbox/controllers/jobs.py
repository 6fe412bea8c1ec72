"""Jobs and cron jobs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from agents.sandbox import clock, kinds
from agents.sandbox.cluster import Cluster
from agents.sandbox.controllers.base import Controller
from agents.sandbox.controllers.workload import is_active, pod_of, remove
from agents.sandbox.deletion import delete
from agents.sandbox.errors import ApiError
from agents.sandbox.objects import (
    Object,
    copy_of,
    is_deleting,
    name_of,
    namespace_of,
    owner_reference,
    set_condition,
    spec_of,
    status_of,
    uid_of,
)

_COMPONENT = "job-controller"
_SECONDS_A_DAY = 86400


class Jobs(Controller):
    kind = kinds.JOB
    owns = (kinds.POD,)

    def look(self, obj: Object) -> None:
        if is_deleting(obj):
            return
        obj = self._labelled(obj)
        if _finished(obj):
            self._expire(obj)
            return
        status = copy_of(status_of(obj))
        if spec_of(obj).get("suspend"):
            set_condition(
                status,
                clock.stamp(),
                type="Suspended",
                status="True",
                reason="JobSuspended",
                message="Job suspended",
            )
            self.set_status(obj, status)
            return
        status.setdefault("startTime", clock.stamp())
        self._count(obj, status)
        self._judge(obj, status)
        self.set_status(obj, status)

    def _labelled(self, obj: Object) -> Object:
        """The selector and labels by which a job knows its pods."""
        if spec_of(obj).get("selector"):
            return obj
        changed = copy_of(obj)
        labels = {
            "batch.kubernetes.io/controller-uid": uid_of(obj),
            "batch.kubernetes.io/job-name": name_of(obj),
            "controller-uid": uid_of(obj),
            "job-name": name_of(obj),
        }
        only = {"batch.kubernetes.io/controller-uid": uid_of(obj)}
        changed["spec"]["selector"] = {"matchLabels": only}
        template = changed["spec"]["template"].setdefault("metadata", {})
        template.setdefault("labels", {}).update(labels)
        return self.store.update(kinds.JOB, changed)

    def _count(self, obj: Object, status: Object) -> None:
        pods = self.owned(kinds.POD, obj)
        phases = [status_of(pod).get("phase") for pod in pods]
        active = [pod for pod in pods if is_active(pod)]
        counted = {
            "active": len(active),
            "succeeded": phases.count("Succeeded"),
            "failed": phases.count("Failed") + self._restarts(active),
            "ready": sum(bool(_ready(pod)) for pod in active),
        }
        for key, value in counted.items():
            status[key] = value
            if not value and key != "ready":
                del status[key]
        status["terminating"] = 0

    def _restarts(self, pods: list[Object]) -> int:
        statuses = (s for pod in pods for s in status_of(pod).get("containerStatuses") or ())
        return sum(each.get("restartCount", 0) for each in statuses)

    def _judge(self, obj: Object, status: Object) -> None:
        spec = spec_of(obj)
        wanted, done = int(spec.get("completions", 1)), status.get("succeeded", 0)
        limit = spec.get("activeDeadlineSeconds")
        late = limit is not None and _age(status) >= float(limit)
        if done >= wanted:
            self._end(
                obj,
                status,
                "Complete",
                "CompletionsReached",
                "Reached expected number of succeeded pods",
            )
        elif status.get("failed", 0) > int(spec.get("backoffLimit", 6)):
            words = "Job has reached the specified backoff limit"
            self._end(obj, status, "Failed", "BackoffLimitExceeded", words)
        elif late:
            words = "Job was active longer than specified deadline"
            self._end(obj, status, "Failed", "DeadlineExceeded", words)
        else:
            self._fill(obj, status, wanted - done)
            if limit is not None:
                self.again(obj, float(limit) - _age(status) + 0.01)

    def _fill(self, obj: Object, status: Object, left: int) -> None:
        room = min(int(spec_of(obj).get("parallelism", 1)), left) - status.get("active", 0)
        for _ in range(room):
            template = spec_of(obj)["template"]
            try:
                pod = self.cluster.registry.create(
                    kinds.POD, pod_of(obj, template, prefix=f"{name_of(obj)}-")
                )
            except ApiError as error:
                text = f"Error creating: {error.message}"
                self.events.warning(obj, _COMPONENT, "FailedCreate", text)
                self.again(obj, 5 * self.pace_s)
                return
            status["active"] = status.get("active", 0) + 1
            text = f"Created pod: {name_of(pod)}"
            self.events.normal(obj, _COMPONENT, "SuccessfulCreate", text)

    def _end(self, obj: Object, status: Object, kind: str, reason: str, words: str) -> None:
        now = clock.stamp()
        kinds_set = ("SuccessCriteriaMet", kind) if kind == "Complete" else ("FailureTarget", kind)
        for each in kinds_set:
            set_condition(status, now, type=each, status="True", reason=reason, message=words)
        status.pop("active", None)
        if kind == "Complete":
            status["completionTime"] = now
            self.events.normal(obj, _COMPONENT, "Completed", "Job completed")
        else:
            self.events.warning(obj, _COMPONENT, reason, words)
            for pod in self.owned(kinds.POD, obj):
                if is_active(pod):
                    remove(self.cluster, pod)
        self._expire(obj)

    def _expire(self, obj: Object) -> None:
        limit = spec_of(obj).get("ttlSecondsAfterFinished")
        ended = next((c for c in _conditions(obj) if c["type"] in ("Complete", "Failed")), None)
        if limit is None or ended is None:
            return
        left = clock.seconds_of(ended["lastTransitionTime"]) + float(limit) - clock.now()
        if left > 0:
            self.again(obj, left)
        else:
            delete(self.cluster, kinds.JOB, namespace_of(obj), name_of(obj))


def _conditions(obj: Object) -> list[Object]:
    return [c for c in status_of(obj).get("conditions") or [] if c["status"] == "True"]


def _finished(obj: Object) -> bool:
    return any(each["type"] in ("Complete", "Failed") for each in _conditions(obj))


def _ready(pod: Object) -> bool:
    return any(each.get("ready") for each in status_of(pod).get("containerStatuses") or ())


def _age(status: Object) -> float:
    return clock.now() - clock.seconds_of(status["startTime"])


class CronJobs(Controller):
    kind = kinds.CRON_JOB
    owns = (kinds.JOB,)

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._next: dict[tuple[str, str], float] = {}

    def look(self, obj: Object) -> None:
        if is_deleting(obj):
            return
        jobs = self.owned(kinds.JOB, obj)
        active = [job for job in jobs if not _finished(job)]
        status = copy_of(status_of(obj))
        status["active"] = [
            {"kind": "Job", "namespace": namespace_of(j), "name": name_of(j), "uid": uid_of(j)}
            | {"apiVersion": "batch/v1"}
            for j in active
        ]
        if not status["active"]:
            del status["active"]
        if not spec_of(obj).get("suspend"):
            self._schedule(obj, status, active)
        self.set_status(self.store.get(self.kind, namespace_of(obj), name_of(obj)), status)

    def _schedule(self, obj: Object, status: Object, active: list[Object]) -> None:
        key = (uid_of(obj), spec_of(obj)["schedule"])
        due = self._next.setdefault(key, following(spec_of(obj)["schedule"], clock.now()))
        if clock.now() < due:
            self.again(obj, due - clock.now())
            return
        self._next[key] = following(spec_of(obj)["schedule"], clock.now())
        self.again(obj, self._next[key] - clock.now())
        if active and spec_of(obj).get("concurrencyPolicy") == "Forbid":
            return
        status["lastScheduleTime"] = clock.stamp(due)
        self._run(obj, due)

    def _run(self, obj: Object, due: float) -> None:
        template = spec_of(obj)["jobTemplate"]
        metadata = {
            **copy_of(template.get("metadata") or {}),
            "name": f"{name_of(obj)}-{int(due) // 60}",
            "namespace": namespace_of(obj),
            "ownerReferences": [owner_reference(obj)],
        }
        job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata}
        made = self.cluster.registry.create(kinds.JOB, {**job, "spec": copy_of(template["spec"])})
        text = f"Created job {name_of(made)}"
        self.events.normal(obj, "cronjob-controller", "SuccessfulCreate", text)


def following(schedule: str, after: float) -> float:
    """The next time a cron schedule names, in seconds since the epoch; a day later for none."""
    fields = _NAMED.get(schedule, schedule).split()
    wanted = [
        _numbers(text, least, most) for text, (least, most) in zip(fields, _RANGES, strict=False)
    ]
    moment = datetime.fromtimestamp(after, UTC).replace(second=0, microsecond=0)
    for _ in range(_SECONDS_A_DAY // 60 * 366):
        moment += timedelta(minutes=1)
        values = (moment.minute, moment.hour, moment.day, moment.month, moment.isoweekday() % 7)
        if all(value in found for value, found in zip(values, wanted, strict=False)):
            return moment.timestamp()
    return after + _SECONDS_A_DAY


_NAMED = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
}
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))


def _numbers(text: str, least: int, most: int) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        low = least if first == "*" else _number(first, least)
        high = most if first == "*" or (step and not last) else _number(last or first, most)
        found |= set(range(low, high + 1, int(step or 1)))
    return {number % 7 if most == 6 else number for number in found}  # noqa: PLR2004 Sunday is 0 or 7


def _number(text: str, default: int) -> int:
    return int(text) if text.isdigit() else default
