"""The example in docs/incidents.md does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from governance.policy.engine import CompiledPolicy
from governance.policy.loader import load
from governance.policy.types import PolicyRequest
from governance.types import ActionClass, ActorKind, Principal, Resource

DOCUMENT = Path(__file__).parents[3] / "docs" / "incidents.md"


@pytest.mark.parametrize(("name", "effect"), [("ada", "allow"), ("bob", "deny")])
def test_bundles_of_a_cluster_can_be_kept_to_one_person(name, effect):
    (rules,) = re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    policy = CompiledPolicy(load(f'version: "1"\npolicies:\n{rules}', "docs"))
    decision = policy.decide(
        PolicyRequest(
            principal=Principal(kind=ActorKind.USER, name=name),
            tool="create_incident_bundle",
            action_class=ActionClass.READ,
            resource=Resource(type="incident", name="demo"),
        )
    )
    assert decision.effect == effect
