"""Nine things a plausible document does that nobody meant, and that lint or a diff shows.

The last test says that our own example has none of them.
"""

from __future__ import annotations

from datetime import datetime
from importlib import resources
from pathlib import Path

import pytest

from governance.policy import cases
from governance.policy.engine import CompiledPolicy
from governance.policy.lint import dead_rules, lint
from governance.policy.loader import load
from governance.policy.types import Effect
from governance.types import Impact
from tests.governance.policy.requests import ask

ALLOW, ASK, DENY = Effect
NEW_YORK_10 = datetime.fromisoformat("2026-03-04T10:00:00-05:00")  # a Wednesday
SUNDAY = datetime.fromisoformat("2026-03-08T10:00:00-05:00")


@pytest.fixture(scope="module")
def surprising():
    file = Path(__file__).with_name("surprising.yaml")
    return CompiledPolicy(load(file.read_text(), file.name))


@pytest.fixture(scope="module")
def dead(surprising):
    return {(f.policy, f.rule, str(f.action)): f.before for f in dead_rules(surprising.document)}


def test_1_in_an_emergency_on_call_still_waits_for_an_approval(surprising, dead):
    decision = surprising.decide(ask("destructive", roles="oncall", purpose="emergency", at=SUNDAY))
    assert (decision.effect, decision.policy) == (ASK, "changes-by-people")
    assert "changes-by-people rule 0" in dead["emergency-oncall", 0, "destructive"]


def test_2_the_freeze_never_applies(surprising, dead):
    decision = surprising.decide(ask("write", tags="production", at=NEW_YORK_10))
    assert (decision.effect, decision.policy) == (ALLOW, "not-while-investigating")
    assert ("freeze", 0, "write") in dead
    assert ("freeze", 0, "destructive") in dead


@pytest.mark.parametrize("kind", ["kubernetes", "machine"])
def test_3_anybody_may_destroy_in_production_during_the_day(surprising, kind):
    request = ask("destructive", kind, tags="production", user="anonymous", at=NEW_YORK_10)
    assert surprising.decide(request).effect is ALLOW


def test_4_and_any_database_without_tags(surprising):
    assert surprising.decide(ask("destructive", user="anonymous", at=NEW_YORK_10)).effect is ALLOW


def test_5_a_service_may_do_what_its_own_policy_forbids_on_most_days(surprising):
    request = ask("destructive", "machine", service="helper", at=NEW_YORK_10)
    assert surprising.decide(request).policy == "not-while-investigating"


def test_6_a_million_rows_are_written_past_a_limit_of_a_thousand(surprising):
    request = ask(
        "write", tags="production", roles="dba", purpose="maintenance", impact=Impact(rows=10**6)
    )
    assert surprising.decide(request).effect is ALLOW


def test_7_two_people_are_never_asked(surprising, dead):
    request = ask("destructive", tags="production", roles="dba", at=SUNDAY)
    assert surprising.decide(request).quorum == 1
    assert "changes-by-people rule 0" in dead["dba-two-people", 0, "destructive"]


def test_8_full_access_to_staging_ends_with_one_word(surprising):
    request = ask("destructive", "kubernetes", tags="staging", roles="sre", purpose="investigation")
    assert surprising.decide(request).effect is DENY


def test_9_the_rule_about_ending_sessions_is_never_read(surprising, dead):
    request = ask("destructive", tags="production", tool="terminate_session", at=SUNDAY)
    assert surprising.decide(request).policy == "production"
    assert "production rule 2" in dead["ends-of-sessions", 0, "destructive"]


def test_lint_finds_exactly_the_rules_that_never_decide(dead):
    assert set(dead) == {
        ("emergency-oncall", 0, "write"),
        ("emergency-oncall", 0, "destructive"),
        ("freeze", 0, "write"),
        ("freeze", 0, "destructive"),
        ("dba-two-people", 0, "destructive"),
        ("sre-staging", 0, "write"),
        ("sre-staging", 0, "destructive"),
        ("ends-of-sessions", 0, "destructive"),
    }


@pytest.mark.parametrize("name", ["default.yaml", "examples/production.yaml"])
def test_lint_finds_nothing_in_what_we_ship(name):
    text = resources.files("governance.policy").joinpath(name).read_text()
    assert lint(load(text, name)) == []


def test_every_rule_of_our_example_has_a_case_and_every_case_holds():
    folder = Path(str(resources.files("governance.policy"))) / "examples"
    file = folder / "production.yaml"
    policy = CompiledPolicy(load(file.read_text(), file.name))
    beside = cases.beside(file)
    results = list(cases.run(policy, cases.load_cases(beside.read_text(), beside.name)))
    assert [f"{r.case.name}: {r.wrong}" for r in results if r.wrong] == []
    assert cases.uncovered(policy, results) == []
