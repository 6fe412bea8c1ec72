"""The judgement: every rule over a snapshot, ranked."""

from __future__ import annotations

from dataclasses import replace

from agents.database.triage.making import thing
from agents.database.triage.rules import ALL
from agents.database.triage.snapshot import Snapshot
from agents.triage.findings import Finding, Report
from agents.triage.rank import rank


def triage(snapshot: Snapshot, about: str = "") -> Report:
    """What is wrong with a database. `about`: a relation, pid or slot whose causes come first."""
    found = [_over_log(snapshot, finding) for rule in ALL for finding in rule(snapshot)]
    name = snapshot.target
    return rank(
        f"{about} in {name}" if about else name,
        found,
        snapshot.missing,
        {what: count for what, count in snapshot.looked_at.items() if count},
        focus=about,
    )


def _over_log(snapshot: Snapshot, finding: Finding) -> Finding:
    """What names its object explains the lines of the log that say the same of the server."""
    said = f"{thing(snapshot)}#{finding.cause}"
    return finding if finding.key == said else replace(finding, explains=finding.explains | {said})
