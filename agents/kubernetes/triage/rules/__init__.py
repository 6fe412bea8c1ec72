"""Every rule, a family a file. A rule takes a snapshot and says what it shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from agents.kubernetes.triage.rules import (
    admission,
    application,
    certificates,
    cluster,
    gitops,
    image,
    ingress,
    jobs,
    network,
    nodes,
    probes,
    rollouts,
    run,
    scheduling,
    settings,
    start,
    storage,
    usage,
)
from agents.kubernetes.triage.snapshot import Snapshot
from agents.triage.findings import Finding

Rule = Callable[[Snapshot], Iterator[Finding]]
FAMILIES: Final = (
    scheduling,
    admission,
    image,
    start,
    run,
    probes,
    network,
    ingress,
    certificates,
    storage,
    nodes,
    cluster,
    rollouts,
    jobs,
    gitops,
    application,
    settings,
    usage,
)
ALL: Final[tuple[Rule, ...]] = tuple(rule for family in FAMILIES for rule in family.RULES)
