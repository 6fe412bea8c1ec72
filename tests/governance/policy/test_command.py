"""`manage.py policy …`: what it says, and its exit codes."""

from __future__ import annotations

import json
from importlib import resources
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from governance.audit.record import record
from governance.models import PolicyVersion
from governance.policy import current
from governance.policy.loader import load
from governance.types import ActorKind, Principal, Role
from tests.people import person

pytestmark = pytest.mark.django_db

EXAMPLE = Path(str(resources.files("governance.policy"))) / "examples" / "production.yaml"
AGENT = Principal(kind=ActorKind.AGENT, name="aura")


def run(*arguments):
    """(exit code, what was printed, what was complained of)."""
    out, err = StringIO(), StringIO()
    try:
        call_command("policy", *map(str, arguments), stdout=out, stderr=err)
    except SystemExit as end:
        return end.code, out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


@pytest.fixture
def looser(tmp_path):
    file = tmp_path / "looser.yaml"
    text = current.built_in_text().replace("require_approval", "allow", 1)
    file.write_text(text.replace("        conditions:\n          four_eyes: false\n", "", 1))
    return file


def test_lint_of_our_example_finds_nothing():
    code, said, _ = run("lint", EXAMPLE)
    assert (code, said) == (0, "17 policies, 30 rules, 0 findings\n")


def test_lint_names_line_and_column_of_a_dead_rule_and_who_decides_instead():
    file = Path(__file__).with_name("surprising.yaml")
    code, said, _ = run("lint", file)
    assert code == 1
    last = len(file.read_text().splitlines())
    assert f"{file}:{last}:9: ends-of-sessions rule 0 never decides destructive: " in said
    waived = [f"--waive={name}#0" for name in ("freeze", "sre-staging", "ends-of-sessions")]
    code, said, _ = run("lint", file, *waived)
    assert "ends-of-sessions" not in said
    assert "emergency-oncall" in said


def test_a_file_that_cannot_be_read_as_a_policy_exits_with_3(tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text("policies:\n  - nme: x\n")
    code, _, complaint = run("lint", file)
    assert code == 3
    assert f"{file}:2:5: a policy has no key 'nme'; did you mean name?" in complaint
    with pytest.raises(CommandError, match="there is no file"):
        run("lint", tmp_path / "missing.yaml")


def test_names_are_checked_against_the_inventory(tmp_path, settings):
    inventory = tmp_path / "infra.json"
    inventory.write_text('{"db_servers": {"orders": {"tags": ["production"]}}}')
    config = settings.AURA.model_copy(update={"infra_config": inventory})
    with override_settings(AURA=config):
        code, _, complaint = run("lint", EXAMPLE)
    assert code == 3
    assert "there is no database in the inventory named ledger; there is orders" in complaint


def test_test_runs_the_cases_beside_the_file(tmp_path):
    code, said, _ = run("test", EXAMPLE)
    assert (code, said) == (0, "39 cases, 0 wrong, 0 rules without a case\n")
    file = tmp_path / "p.yaml"
    file.write_text(EXAMPLE.read_text())
    text = EXAMPLE.with_name("production.tests.yaml").read_text()
    beside = tmp_path / "p.tests.yaml"
    beside.write_text(text.replace("effect: allow, policy: break-glass", "effect: deny", 1))
    code, said, _ = run("test", file)
    assert code == 1
    assert f"{beside}:4: (surprise 1) in an emergency" in said
    assert "effect is allow and not deny" in said
    beside.write_text(text[: text.index("  - name: even in the freeze")])
    code, said, _ = run("test", file)
    assert code == 1
    assert "no case is decided by release-freeze rule 0" in said
    assert run("test", file, "--partial")[0] == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("action: write", "actoin: write"), "did you mean action?"),
        (('at: "2026-03-04T10:00:00+01:00"', "at: 2026-03-04"), "at must be a moment"),
        (("effect: allow", "effekt: allow"), "did you mean effect?"),
        (("roles: [incident-commander]", "roles: x"), "roles must be a list"),
        (("user: ada", "user: ada, service: bot"), "a user or a service"),
    ],
)
def test_cases_are_read_as_strictly_as_policies(tmp_path, change, words):
    file = tmp_path / "p.yaml"
    file.write_text(EXAMPLE.read_text())
    text = EXAMPLE.with_name("production.tests.yaml").read_text().replace(*change)
    (tmp_path / "p.tests.yaml").write_text(text)
    code, _, complaint = run("test", file)
    assert code == 3
    assert words in complaint


def test_diff_says_what_changes_with_an_example_and_whether_it_loosens(looser):
    code, said, _ = run("diff", looser)
    assert code == 2
    assert "LOOSENS   write: require_approval (also who asked) -> allow" in said
    assert "e.g. user somebody, any tool on " in said
    assert "tickets rule 1 -> tickets rule 1" in said
    code, said, _ = run("diff", "current", "--against", looser)
    assert code == 1
    assert "LOOSENS" not in said
    assert run("diff", "built-in") == (0, "Nothing would be decided otherwise.\n", "")


def test_lint_says_that_tickets_can_do_nothing(tmp_path):
    file = tmp_path / "p.yaml"
    only = "  - name: infrastructure"
    head, _, rest = current.built_in_text().partition("  - name: tickets")
    file.write_text(head + only + rest.partition(only)[2])
    code, said, _ = run("lint", file)
    assert code == 1
    assert (
        f"{file}:1:1: no rule decides read of a ticket: agents may not plan, ask or give up" in said
    )
    assert "no rule decides write of a repository" in said
    assert "manage.py policy show built-in --text" not in said
    assert "policy show --text" in said
    assert run("lint", file, "--waive=tickets")[0] == 0


def test_a_replay_also_shows_what_nobody_has_asked_for_yet(looser):
    called("file:apps/a.yaml", action_class="read", effect="allow", ruleIndex=0)
    code, said, _ = run("diff", looser, "--replay", "1")
    assert code == 2
    assert said.startswith("1 recorded decisions were asked again\nNothing would be decided other")
    assert "At all:\nLOOSENS   write: require_approval (also who asked) -> allow" in said


def called(resource, action_class="write", **decision):
    record(
        "tool_called",
        actor=AGENT,
        action="git_write_file",
        data={
            "call": {
                "actionClass": action_class,
                "resource": resource,
                "policy": "tickets",
                "decision": decision,
            }
        },
    )


def test_diff_replays_what_was_decided(looser):
    for _ in range(3):
        called("file:apps/a.yaml", effect="require_approval", ruleIndex=1)
    called("database:orders", effect="allow", ruleIndex=1, tags=["inventory"])
    record("tool_called", actor=AGENT, action="bad_call", data={"call": {"resource": ""}})
    code, said, _ = run("diff", looser, "--replay", "1")
    assert code == 2
    assert said.startswith("4 recorded decisions were asked again\n")
    assert "(3 times)" in said
    assert "git_write_file on file:apps/a.yaml" in said
    assert "database" not in said.partition("At all:")[0]


def test_activating_what_loosens_takes_two_named_people(looser):
    person("ada", Role.ADMIN)
    person("bob", Role.APPROVER)
    code, said, _ = run("activate", looser, "--by", "ada")
    waiting = PolicyVersion.objects.get(waiting=True)
    assert code == 1
    assert "waits for a second person" in said
    assert waiting.digest[:12] in run("show")[1]
    code, _, complaint = run("activate", waiting.digest[:12], "--confirm", "ada")
    assert code == 3
    assert "another person confirms it" in complaint
    code, said, _ = run("activate", waiting.digest[:12], "--confirm", "bob")
    assert (code, said.endswith("is in force.\n")) == (0, True)
    assert current.version() == waiting.digest
    assert "Waiting:" not in run("show")[1]


def test_both_may_be_named_at_once(looser):
    person("ada", Role.ADMIN)
    person("bob", Role.APPROVER)
    assert run("activate", looser, "--by", "ada", "--confirm", "bob")[0] == 0


def test_who_activates_is_a_person_we_know(looser):
    with pytest.raises(CommandError, match="no active user 'nobody'; nobody has the role"):
        run("activate", looser, "--by", "nobody")
    for name, role in (("ada", Role.ADMIN), ("bob", Role.APPROVER), ("vic", Role.VIEWER)):
        person(name, role)
    with pytest.raises(CommandError, match=r"'nobody'; approver or admin are: ada, bob$"):
        run("activate", looser, "--by", "nobody")
    with pytest.raises(CommandError, match="name who proposes"):
        run("activate", looser)
    person("eve", Role.OPERATOR)
    code, _, complaint = run("activate", looser, "--by", "eve")
    assert code == 3
    assert "approver or admin" in complaint


@pytest.mark.parametrize(
    ("action", "code"), [("read", 0), ("unknown", 1), ("write", 2), ("destructive", 2)]
)
def test_explain_ends_as_the_decision_does(action, code):
    ended, said, _ = run("explain", "--resource", "file:apps/a.yaml", "--action", action)
    assert ended == code
    assert said.startswith(f"Access to file apps/a.yaml for {action}: ")


def test_explain_asks_as_somebody_at_some_moment_and_speaks_json():
    arguments = ["--resource", "database:orders", "--action", "write", "--tags", "production"]
    arguments += ["--policy", str(EXAMPLE), "--role", "dba", "--purpose", "maintenance"]
    arguments += ["--rows", "1001", "--at", "2026-03-05T05:30:00+01:00", "--json"]
    code, said, _ = run("explain", *arguments)
    assert code == 1
    decision = json.loads(said)["decision"]
    assert decision["policy_name"] == "dba-maintenance"
    assert decision["message"] == "Operation affects 1001 rows, limit is 1000"


def test_show_tells_what_is_in_force():
    code, said, _ = run("show")
    assert code == 0
    document = load(current.built_in_text(), "built-in")
    rules = sum(len(policy.rules) for policy in document.policies)
    assert f"In force:  built-in, {len(document.policies)} policies, {rules} rules" in said
    assert f"Version:   {current.version()}" in said
    assert run("show", "--text")[1] == current.built_in_text()


def test_shadow_counts_what_a_candidate_would_have_decided_otherwise(looser):
    person("ada", Role.ADMIN)
    assert run("shadow")[1] == "There is no candidate.\n"
    assert run("shadow", looser, "--by", "ada")[0] == 0
    assert "Candidate:" in run("show")[1]
    called("file:apps/a.yaml", effect="require_approval", ruleIndex=1)
    code, said, _ = run("shadow")
    assert code == 2
    assert "1 decisions" in said
    assert "LOOSENS" in said
    assert run("shadow", "--end", "--by", "ada")[0] == 0
    assert run("shadow")[1] == "There is no candidate.\n"


def test_a_proposal_names_its_page_and_is_refused_with_a_reason(looser):
    person("ada", Role.ADMIN)
    person("bob", Role.APPROVER)
    code, said, _ = run("activate", looser, "--by", "ada")
    version = PolicyVersion.objects.get()
    assert code == 1
    assert f"/admin/governance/policyversion/{version.pk}/change/" in said
    code, said, _ = run("refuse", version.digest[:12], "--by", "bob", "--reason", "not now")
    assert (code, said) == (0, f"{version} waits no more.\n")
    code, _, complaint = run("refuse", version.digest[:12], "--by", "bob", "--reason", "not now")
    assert code == 3
    assert "does not wait" in complaint
