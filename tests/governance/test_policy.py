"""The built-in policy."""

from __future__ import annotations

from itertools import product

import pytest

from governance.policy.engine import decide
from governance.policy.types import Coverage, Effect, PolicyRequest
from governance.types import ActionClass, ActorKind, Principal, Resource

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


def request(action_class, coverage, *, name="aura", tool="a_tool"):
    return PolicyRequest(
        principal=Principal(kind=ActorKind.AGENT, name=name),
        tool=tool,
        action_class=action_class,
        resource=Resource(type="file", name="apps/a.yaml"),
        coverage=coverage,
    )


def test_the_table_is_complete():
    assert set(TABLE) == set(product(ActionClass, Coverage))


@pytest.mark.parametrize("case", list(TABLE), ids="-".join)
@pytest.mark.parametrize("destructive_approval", [True, False])
def test_the_decision_follows_the_table(case, destructive_approval):
    decision = decide(request(*case), destructive_approval=destructive_approval)
    assert decision.effect is TABLE[case][0 if destructive_approval else 1]
    assert decision.policy


@pytest.mark.parametrize("case", list(TABLE), ids="-".join)
def test_whoever_asks_and_whatever_the_tool_calls_itself_changes_nothing(case):
    plain = decide(request(*case)).effect
    assert decide(request(*case, name="root", tool="read_only")).effect is plain


@pytest.mark.parametrize("case", [c for c, (effect, _) in TABLE.items() if effect is not ALLOW])
def test_a_no_or_a_question_says_why_and_names_the_tool_or_the_way_out(case):
    message = decide(request(*case)).message
    assert "a_tool" in message or "submit_plan" in message


def test_destructive_calls_need_their_own_approval_unless_told_otherwise():
    assert decide(request(DESTRUCTIVE, INSIDE)).policy == "destructive-needs-approval"
