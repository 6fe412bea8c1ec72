"""The judgement: every rule over a snapshot, related and ranked."""

from __future__ import annotations

from agents.kubernetes.triage.pods import workload_of
from agents.kubernetes.triage.relations import related
from agents.kubernetes.triage.rules import ALL
from agents.kubernetes.triage.snapshot import Snapshot
from agents.triage.findings import Report
from agents.triage.rank import rank

_COUNTED = ("Pod", "Deployment", "StatefulSet", "Service", "Node")


def triage(snapshot: Snapshot, about: str = "") -> Report:
    """What is wrong in the namespace of a snapshot. `about`: a workload whose causes come first."""
    found = [finding for rule in ALL for finding in rule(snapshot)]
    counts = {f"{kind.lower()}s": len(list(snapshot.all(kind))) for kind in _COUNTED}
    return rank(
        f"{about} in {snapshot.namespace}" if about else snapshot.namespace,
        related(snapshot, found),
        snapshot.missing,
        {**counts, "events": len(snapshot.events), "logs": len(snapshot.logs)},
        focus=_focus(snapshot, about),
    )


def _focus(snapshot: Snapshot, about: str) -> str:
    """The name under which findings have what was asked about: of a pod, that of its workload."""
    pod = snapshot.find("Pod", about) if about else None
    return workload_of(snapshot, pod).rpartition("/")[2] if pod else about
