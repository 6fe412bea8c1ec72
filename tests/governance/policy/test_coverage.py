"""The built-in default, together with what a plan covers: what a ticket's agent may do."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from governance.policy import current
from governance.policy.coverage import under_plan
from governance.policy.engine import CompiledPolicy
from governance.policy.loader import load
from governance.policy.types import Coverage, Decision, Effect, PolicyRequest
from governance.types import ActionClass, ActorKind, Principal, Resource, Role
from tests.governance.policy.requests import ask

READ, WRITE, DESTRUCTIVE, UNKNOWN = ActionClass
NO_PLAN, OUTSIDE, INSIDE = Coverage
ALLOW, ASK, DENY = Effect

# (class, coverage) -> effect, where destructive calls need an approval of their own / do not
TABLE = {
    (READ, NO_PLAN): (ALLOW, ALLOW),
    (READ, OUTSIDE): (ALLOW, ALLOW),
    (READ, INSIDE): (ALLOW, ALLOW),
    (WRITE, NO_PLAN): (DENY, DENY),
    (WRITE, OUTSIDE): (ASK, ASK),
    (WRITE, INSIDE): (ALLOW, ALLOW),
    (DESTRUCTIVE, NO_PLAN): (DENY, DENY),
    (DESTRUCTIVE, OUTSIDE): (ASK, ASK),
    (DESTRUCTIVE, INSIDE): (ASK, ALLOW),
    (UNKNOWN, NO_PLAN): (DENY, DENY),
    (UNKNOWN, OUTSIDE): (DENY, DENY),
    (UNKNOWN, INSIDE): (DENY, DENY),
}
BUILT_IN = CompiledPolicy(load(current.built_in_text(), "built-in"))


def request(action_class, coverage, *, kind="file", name="aura", tool="a_tool"):
    return PolicyRequest(
        principal=Principal(kind=ActorKind.AGENT, name=name),
        tool=tool,
        action_class=action_class,
        resource=Resource(type=kind, name="apps/a.yaml"),
        coverage=coverage,
    )


def judged(asked, **more):
    return under_plan(BUILT_IN.decide(asked), asked, **more)


def test_the_table_is_complete():
    assert set(TABLE) == set(product(ActionClass, Coverage))


@pytest.mark.parametrize("case", list(TABLE), ids="-".join)
@pytest.mark.parametrize("destructive_approval", [True, False])
@pytest.mark.parametrize("kind", ["file", "repository", "ticket"])
def test_the_decision_follows_the_table(case, destructive_approval, kind):
    decision = judged(request(*case, kind=kind), destructive_approval=destructive_approval)
    assert decision.effect is TABLE[case][0 if destructive_approval else 1]
    assert decision.policy
    assert decision.version == BUILT_IN.version


@pytest.mark.parametrize("case", list(TABLE), ids="-".join)
def test_whoever_asks_and_whatever_the_tool_calls_itself_changes_nothing(case):
    plain = judged(request(*case)).effect
    assert judged(request(*case, name="root", tool="read_only")).effect is plain


@pytest.mark.parametrize("case", [c for c, (effect, _) in TABLE.items() if effect is not ALLOW])
def test_a_no_or_a_question_says_why(case):
    message = judged(request(*case)).message
    assert any(words in message for words in ("a_tool", "submit_plan", "approval of its own"))


@pytest.mark.parametrize(("action", "coverage"), list(product(ActionClass, Coverage)))
def test_what_the_policy_denies_no_plan_allows(action, coverage):
    denied = Decision(effect=DENY, policy="one")
    assert under_plan(denied, request(action, coverage)).effect is DENY


@pytest.mark.parametrize(
    "more", [{"quorum": 2}, {"approver_role": Role.ADMIN}, {"reason_required": True}]
)
def test_a_plan_does_not_stand_for_an_approval_that_takes_more(more):
    strict = Decision(effect=ASK, policy="one", **more)
    assert under_plan(strict, request(WRITE, INSIDE)) == strict
    plain = Decision(effect=ASK, policy="one")
    assert under_plan(plain, request(WRITE, INSIDE)).effect is ALLOW


@pytest.mark.parametrize("action", [WRITE, DESTRUCTIVE])
def test_what_a_policy_allows_outside_of_the_plan_is_asked_for_all_the_same(action):
    allowed = Decision(effect=ALLOW, policy="one")
    assert under_plan(allowed, request(action, OUTSIDE)).effect is ASK
    assert under_plan(allowed, request(action, INSIDE)) == allowed


def test_without_plans_the_policy_decides_alone():
    asked = replace(request(WRITE, INSIDE), coverage=None)
    assert judged(asked).effect is ASK


# --- the rest of the built-in default ---


@pytest.mark.parametrize("kind", ["database", "kubernetes", "host"])
def test_what_is_not_in_the_inventory_is_denied(kind):
    for action in ("read", "write", "destructive"):
        assert BUILT_IN.decide(ask(action, kind)).effect is DENY


@pytest.mark.parametrize("kind", ["database", "kubernetes", "host"])
def test_what_is_in_the_inventory_is_looked_at_and_changed_by_approval(kind):
    read, write, destructive = (
        BUILT_IN.decide(ask(action, kind, tags="inventory"))
        for action in ("read", "write", "destructive")
    )
    assert (read.effect, write.effect, destructive.effect) == (ALLOW, ASK, ASK)
    assert destructive.four_eyes
    assert destructive.reason_required
