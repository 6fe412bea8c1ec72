"""Jobs and cron jobs: failed, too slow, suspended, not started."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agents.kubernetes.kinds import Object
from agents.kubernetes.reading import name_of, owner_of, part, text
from agents.kubernetes.triage.conditions import condition, holds
from agents.kubernetes.triage.pods import recent, succeeded, workload_of
from agents.kubernetes.triage.remedies import manual
from agents.kubernetes.triage.snapshot import Snapshot
from agents.triage.findings import Finding, Severity

_DAY_S: Final = 86_400.0
_MISSED: Final = (
    "FailedNeedsStart",
    "TooManyMissedTimes",
    "MissSchedule",
    "UnparseableCronJobSchedule",
    "FailedCreate",
    "InvalidSchedule",
    "UnknownTimeZone",
)


def failed(snapshot: Snapshot) -> Iterator[Finding]:
    """A job has failed for good, and no later run of its cron job has made it well."""
    for job in snapshot.all("Job"):
        if not holds(job, "Failed"):
            continue
        told = condition(job, "Failed")
        late = text(told, "reason") == "DeadlineExceeded"
        old = snapshot.since(told.get("lastTransitionTime")) > _DAY_S
        mended = _mended(snapshot, job)
        where = ("status", "conditions", "Failed")
        yield Finding(
            cause="job/deadline-exceeded" if late else "job/backoff-limit",
            object=workload_of(snapshot, job),
            severity=Severity.INFO if old or mended else Severity.WARNING,
            confidence=0.8,
            summary=f"Job {name_of(job)} failed: {text(told, 'message') or text(told, 'reason')}",
            evidence=snapshot.facts(
                job,
                (*where, "reason"),
                (*where, "message"),
                ("status", "failed"),
                ("spec", "backoffLimit"),
                ("spec", "activeDeadlineSeconds"),
            ),
            next_checks=(f'get_jobs(namespace="{snapshot.namespace}")',),
            remedy=manual(
                "Give the job a longer activeDeadlineSeconds, or find what makes it slow."
                if late
                else "Correct what its pods fail of, then run the job anew."
            ),
        )


def _mended(snapshot: Snapshot, job: Object) -> bool:
    """Whether a later job of the same cron job was complete."""
    owner = owner_of(job)
    begun = text(job, "metadata", "creationTimestamp")
    return owner is not None and any(
        succeeded(it)
        and owner_of(it) == owner
        and text(it, "metadata", "creationTimestamp") > begun
        for it in snapshot.all("Job")
    )


def suspended(snapshot: Snapshot) -> Iterator[Finding]:
    """A job or cron job is suspended."""
    for kind in ("Job", "CronJob"):
        for job in snapshot.all(kind):
            if part(job, "spec").get("suspend") is True:
                yield Finding(
                    cause="job/suspended",
                    object=snapshot.place(job),
                    severity=Severity.INFO,
                    confidence=0.9,
                    summary=f"{kind} {name_of(job)} is suspended and starts nothing.",
                    evidence=snapshot.fact(job, "spec", "suspend"),
                    remedy=manual("Set suspend to false in Git when it shall run again."),
                )


def missed(snapshot: Snapshot) -> Iterator[Finding]:
    """A cron job could not be started when it should."""
    for job in snapshot.all("CronJob"):
        events = recent(snapshot, snapshot.events_of(job, *_MISSED))
        if events:
            yield Finding(
                cause="job/missed-schedule",
                object=snapshot.place(job),
                severity=Severity.WARNING,
                confidence=0.85,
                summary=f"Cron job {name_of(job)} was not started: {events[-1].message}",
                evidence=snapshot.happened(*events[-2:])
                + snapshot.facts(job, ("spec", "schedule"), ("spec", "startingDeadlineSeconds")),
                remedy=manual("Correct the schedule, or set startingDeadlineSeconds."),
            )


RULES: Final = (failed, suspended, missed)
