"""GitOps: what Argo CD says of the applications that deploy into the namespace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agents.kubernetes.kinds import Object
from agents.kubernetes.reading import at, part, parts, text
from agents.kubernetes.triage.happened import place
from agents.kubernetes.triage.phrases import Phrases
from agents.kubernetes.triage.remedies import manual
from agents.kubernetes.triage.snapshot import Snapshot
from agents.triage.findings import Evidence, Finding, Severity

_FAILED: Final = frozenset({"Failed", "Error"})
_SAID: Final = Phrases.of(
    (
        "revision-not-found",
        r"unable to resolve .* to a commit|app path does not exist|unknown revision",
        r"couldn't find remote ref|revision \S+ (?:not found|must be resolved)|reference not found",
        r"path does not exist",
    ),
    (
        "repository-unreachable",
        r"repository not (?:found|accessible)|failed to (?:list refs|fetch|clone)",
        r"authentication required",
        r"unable to (?:connect|access)|dial tcp|could not read (?:from|User)",
    ),
    (
        "invalid-manifests",
        r"manifest generation|failed to (?:generate|render)|kustomize build|helm template",
        r"error converting YAML|is invalid|strict decoding|no matches for kind",
        r"could not find the requested resource|unable to decode",
    ),
)
_HELP: Final = {
    "hook-failed": "Read the log of the hook's pod, correct it in Git, and sync again.",
    "revision-not-found": "Correct targetRevision or path of the application.",
    "repository-unreachable": "Correct the repository's URL or credentials in Argo CD.",
    "invalid-manifests": "Correct the manifests in Git.",
    "sync-failed": "Correct in Git what the message names, and sync again.",
    "out-of-sync": "Sync the application, or bring the change into Git.",
    "degraded": "Look at the part of the application that is ill.",
}


def applications(snapshot: Snapshot) -> Iterator[Finding]:
    """An application cannot be compared or synced, differs from Git, or is ill."""
    for application in snapshot.all("Application"):
        broken = list(_broken(snapshot, application))
        yield from broken
        if not broken and text(application, "status", "sync", "status") == "OutOfSync":
            yield _drift(snapshot, application)
        if text(application, "status", "health", "status") in ("Degraded", "Missing"):
            yield _degraded(snapshot, application)


def _broken(snapshot: Snapshot, application: Object) -> Iterator[Finding]:
    conditions = [
        it
        for it in parts(application, "status", "conditions")
        if text(it, "type").endswith("Error")
    ]
    operation = part(application, "status", "operationState")
    failed = text(operation, "phase") in _FAILED
    said = [text(it, "message") for it in conditions]
    if failed:
        said.append(text(operation, "message"))
    if not said:
        return
    hooks = _failed_hooks(operation) if failed else []
    cause = "hook-failed" if hooks else _SAID.first(said)[0] or "sync-failed"
    where = ("status", "operationState")
    proof = snapshot.facts(
        application,
        *(("status", "conditions", text(it, "type"), "message") for it in conditions),
        *((*where, it) for it in ("phase", "message") if failed),
    )
    proof += _results(snapshot, application)
    yield _of(snapshot, application, cause, _what(hooks, said), proof, 0.95)


def _what(hooks: list[str], said: list[str]) -> str:
    return f"Hook {', '.join(hooks)} failed: {said[-1]}" if hooks else said[0]


def _failed_hooks(operation: Object) -> list[str]:
    return [
        text(it, "name")
        for it in parts(operation, "syncResult", "resources")
        if it.get("hookType") and text(it, "hookPhase") in _FAILED
    ]


def _results(snapshot: Snapshot, application: Object) -> tuple[Evidence, ...]:
    """What the sync says of the objects it could not apply."""
    where = ("status", "operationState", "syncResult", "resources")
    proof: tuple[Evidence, ...] = ()
    for place_, row in enumerate(at(application, *where) or ()):
        if text(row, "status") == "SyncFailed" or text(row, "hookPhase") in _FAILED:
            label = text(row, "name") or str(place_)
            proof += snapshot.fact(application, *where, label, "message")
    return proof[:3]


def _drift(snapshot: Snapshot, application: Object) -> Finding:
    parted = [
        (str(place_), it)
        for place_, it in enumerate(parts(application, "status", "resources"))
        if text(it, "status") == "OutOfSync"
    ]
    names = ", ".join(f"{text(it, 'kind')} {text(it, 'name')}" for _, it in parted[:5])
    where = ("status", "resources")
    proof = snapshot.fact(application, "status", "sync", "status")
    for place_, it in parted[:3]:
        label = text(it, "name") or place_
        proof += snapshot.fact(application, *where, label, "status")
    healing = at(application, "spec", "syncPolicy", "automated", "selfHeal") is True
    return _of(
        snapshot,
        application,
        "out-of-sync",
        f"The cluster differs from Git in {names or 'the application'}.",
        proof,
        0.9,
        severity=Severity.INFO if healing else Severity.WARNING,
    )


def _degraded(snapshot: Snapshot, application: Object) -> Finding:
    where = ("status", "health")
    ill = [
        it
        for it in parts(application, "status", "resources")
        if text(it, "health", "status") in ("Degraded", "Missing")
    ]
    names = ", ".join(f"{text(it, 'kind')} {text(it, 'name')}" for it in ill[:5])
    return _of(
        snapshot,
        application,
        "degraded",
        f"Argo CD finds the application {text(application, *where, 'status')}"
        + (f": {names}." if names else "."),
        snapshot.facts(application, (*where, "status"), (*where, "message")),
        0.5,
    )


def _of(
    snapshot: Snapshot,
    application: Object,
    cause: str,
    said: str,
    evidence: tuple[Evidence, ...],
    confidence: float,
    severity: Severity = Severity.WARNING,
) -> Finding:
    return Finding(
        cause=f"gitops/{cause}",
        object=snapshot.place(application),
        severity=severity,
        confidence=confidence,
        summary=said,
        evidence=evidence,
        remedy=manual(_HELP[cause]),
    )


def members(snapshot: Snapshot, application: Object) -> set[str]:
    """The places of what an application is made of."""
    return {
        place(text(it, "kind"), text(it, "namespace") or snapshot.namespace, text(it, "name"))
        for it in parts(application, "status", "resources")
    }


RULES: Final = (applications,)
