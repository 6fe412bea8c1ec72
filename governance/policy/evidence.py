"""What is recorded of a decision, in the event of what it was about. Pure."""

from __future__ import annotations

from typing import Any

from governance.policy.types import Decision
from governance.types import Resource


def evidence(decision: Decision, resource: Resource) -> dict[str, Any]:
    """JSON: the effect, the rule, the version of the document, and what of the resource matters.

    The policy's name, the tool, its class and the resource's type and name stand beside it.
    """
    said: dict[str, Any] = {"effect": decision.effect, "ruleIndex": decision.rule_index}
    more = {
        "version": decision.version,
        "dryRun": decision.dry_run,
        "conditions": list(decision.conditions),
        "tags": sorted(resource.tags),
        "namespace": resource.namespace,
        "sensitivity": sorted(resource.sensitivity),
    }
    return said | {key: value for key, value in more.items() if value}
