"""A document comes into force: kept, compared, confirmed by a second person, told to the log."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from aura.kernel.errors import Forbidden
from aura.surfaces.access import put_roles_in_place
from governance.audit import record as audit_record
from governance.audit.record import data_of
from governance.fingerprint import fingerprint
from governance.models import AuditEvent, PolicyVersion
from governance.policy import activation, current
from governance.policy.activation import PolicyNotActivated
from governance.policy.nodes import PolicyRefused
from governance.policy.types import Effect
from governance.types import SYSTEM, Action, ActionClass, Resource, Role
from tests.governance.policy.requests import ask
from tests.governance.policy.versions import LOOSE, STRICT, kept
from tests.people import person

pytestmark = pytest.mark.django_db

ALLOW, ASK, DENY = Effect
STRICTER = STRICT.replace(
    "reason_required: true", "approval_quorum: 2\n          reason_required: true"
)


@pytest.fixture
def ada():
    return person("ada", Role.ADMIN)


@pytest.fixture
def bob():
    return person("bob", Role.APPROVER)


def events(kind):
    rows = AuditEvent.objects.filter(type=kind).order_by("id")
    return [data_of(row.body) for row in rows]


def test_until_something_is_activated_the_built_in_default_counts():
    assert current.policy().source == "built-in"
    assert current.judge(ask("read", "file")).effect is ALLOW
    assert current.version() == current.policy().document.digest()


def test_what_tightens_is_in_force_at_once_and_told_to_the_log(ada):
    done = activation.propose(kept(STRICT), by=ada)
    assert done.active
    assert current.judge(ask("read", "file")).effect is DENY
    assert current.version() == done.version.digest
    (event,) = events("policy_activated")
    assert event["actor"] == {"kind": "user", "name": "ada"}
    payload = event["data"]["payload"]
    assert payload["digest"] == done.version.digest
    assert payload["loosens"] is False
    assert "read: allow -> deny" in payload["changes"]


def test_what_loosens_waits_until_another_person_confirms_it(ada, bob):
    before = current.version()
    done = activation.propose(kept(LOOSE), by=ada)
    assert not done.active
    assert any(change.loosens for change in done.changes)
    assert current.version() == before
    assert len(events("policy_proposed")) == 1
    with pytest.raises(Forbidden, match="another person confirms it"):
        activation.confirm(done.version, by=ada)
    assert activation.confirm(done.version, by=bob).active
    assert current.version() == done.version.digest
    (event,) = events("policy_activated")
    payload = event["data"]["payload"]
    assert (payload["proposedBy"], payload["confirmedBy"]) == ("user:ada", "user:bob")
    assert payload["loosens"] is True


def test_the_last_activation_counts_where_the_clock_of_an_earlier_one_was_ahead(ada, monkeypatch):
    with monkeypatch.context() as ahead:
        ahead.setattr(audit_record, "now", lambda: timezone.now() + timedelta(minutes=30))
        activation.propose(kept(STRICT), by=ada)
    stricter = activation.propose(kept(STRICTER), by=ada)
    assert stricter.active
    assert current.promised() == current.version() == stricter.version.digest
    assert current.policy().source == "p.yaml"


@pytest.mark.parametrize("alias", ["Ada", "ADA", "oidc:ada"])
def test_who_proposed_does_not_confirm_under_another_spelling(ada, bob, alias):
    done = activation.propose(kept(LOOSE), by=ada)
    with pytest.raises(Forbidden, match="another person confirms it"):
        activation.confirm(done.version, by=person(alias, Role.ADMIN))
    assert activation.confirm(done.version, by=bob).active


@pytest.mark.parametrize("role", [None, Role.VIEWER, Role.OPERATOR])
def test_who_may_not_approve_may_neither_propose_nor_confirm(role, ada):
    eve = person("eve", role)
    with pytest.raises(Forbidden, match="approver or admin"):
        activation.propose(kept(STRICT), by=eve)
    done = activation.propose(kept(LOOSE), by=ada)
    with pytest.raises(Forbidden, match="approver or admin"):
        activation.confirm(done.version, by=eve)


def test_what_does_not_wait_cannot_be_confirmed(ada, bob):
    with pytest.raises(PolicyNotActivated, match="does not wait"):
        activation.confirm(kept(LOOSE), by=bob)
    activation.propose(kept(STRICT), by=ada)
    with pytest.raises(PolicyNotActivated, match="in force already"):
        activation.propose(kept(STRICT), by=ada)


def test_a_proposal_does_not_outlive_the_policy_it_was_compared_with(ada, bob):
    waiting = activation.propose(kept(LOOSE), by=ada).version
    activation.propose(kept(STRICT), by=ada)
    with pytest.raises(PolicyNotActivated):
        activation.confirm(waiting, by=bob)


def test_a_refusal_ends_the_wait_and_is_told_to_the_log(ada, bob):
    version = activation.propose(kept(LOOSE), by=ada).version
    activation.refuse(version, by=bob, reason="not now")
    with pytest.raises(PolicyNotActivated, match="does not wait"):
        activation.confirm(version, by=bob)
    with pytest.raises(PolicyNotActivated, match="does not wait"):
        activation.refuse(version, by=bob, reason="again")
    (event,) = events("policy_refused")
    payload = event["data"]["payload"]
    assert (payload["digest"], payload["reason"]) == (version.digest, "not now")
    assert (payload["proposedBy"], payload["refusedBy"]) == ("user:ada", "user:bob")


def test_what_was_refused_waits_again_only_when_somebody_proposes_it(ada, bob):
    version = activation.propose(kept(LOOSE), by=ada).version
    activation.refuse(version, by=bob, reason="not now")
    PolicyVersion.objects.filter(pk=version.pk).update(waiting=True)  # behind the product's back
    with pytest.raises(PolicyNotActivated, match="nobody is known to have proposed"):
        activation.confirm(version, by=bob)
    activation.propose(version, by=ada)
    assert activation.confirm(version, by=bob).active


@pytest.mark.parametrize("role", [None, Role.VIEWER, Role.OPERATOR])
def test_who_may_not_approve_may_not_refuse(role, ada):
    version = activation.propose(kept(LOOSE), by=ada).version
    with pytest.raises(Forbidden, match="approver or admin"):
        activation.refuse(version, by=person("eve", role), reason="no")
    version.refresh_from_db()
    assert version.waiting


def test_what_was_read_over_another_policy_is_not_decided(ada, bob):
    over = activation.in_force()
    assert over == "built-in"
    activation.propose(kept(STRICT), by=ada)
    waiting = activation.propose(kept(LOOSE), by=ada).version
    for decide in (activation.confirm, activation.propose):
        with pytest.raises(PolicyNotActivated, match="nothing was decided"):
            decide(waiting, by=bob, over=over)
    with pytest.raises(PolicyNotActivated, match="nothing was decided"):
        activation.refuse(waiting, by=bob, reason="no", over=over)
    assert activation.confirm(waiting, by=bob, over=activation.in_force()).active


def test_a_document_is_kept_once_however_often_it_is_loaded(ada):
    assert kept(STRICT).pk == kept(f"# again\n{STRICT}", "other.yaml").pk
    with pytest.raises(PolicyRefused):
        kept("policies: []")


def test_an_earlier_version_comes_back_the_same_way(ada, bob):
    first = activation.propose(kept(STRICT), by=ada).version
    built_in = activation.propose(kept(current.built_in_text()), by=ada)
    assert not built_in.active  # back to the default is looser
    activation.confirm(built_in.version, by=bob)
    assert activation.propose(first, by=ada).active
    assert PolicyVersion.objects.filter(active=True).count() == 1


def test_an_approval_does_not_outlive_the_policy(ada):
    action = Action(
        tool="git_delete_file",
        arguments={},
        action_class=ActionClass.DESTRUCTIVE,
        resource=Resource(type="file", name="a"),
        principal=SYSTEM,
        trace_id="t",
    )
    before = fingerprint(action)
    activation.propose(kept(STRICT), by=ada)
    assert fingerprint(action) != before


# --- the file of the settings ---


def test_the_first_file_is_in_force_at_once(tmp_path):
    file = tmp_path / "policy.yaml"
    file.write_text(LOOSE)
    assert activation.at_start(file, inventory=None) == ""
    assert current.policy().source == str(file)
    assert activation.at_start(file, inventory=None) == ""
    assert len(events("policy_activated")) == 1


def test_a_later_file_that_loosens_waits_and_says_how_it_is_confirmed(tmp_path, bob):
    file = tmp_path / "policy.yaml"
    file.write_text(STRICT)
    activation.at_start(file, inventory=None)
    file.write_text(LOOSE)
    note = activation.at_start(file, inventory=None)
    waiting = PolicyVersion.objects.get(waiting=True)
    assert f"policy activate {waiting.digest[:12]} --confirm NAME" in note
    assert current.judge(ask("read", "file")).effect is DENY
    activation.confirm(waiting, by=bob)
    assert current.judge(ask("read", "file")).effect is ALLOW


def test_a_file_that_was_refused_is_not_asked_for_at_every_start(tmp_path, bob):
    file = tmp_path / "policy.yaml"
    file.write_text(STRICT)
    activation.at_start(file, inventory=None)
    file.write_text(LOOSE)
    activation.at_start(file, inventory=None)
    activation.refuse(PolicyVersion.objects.get(waiting=True), by=bob, reason="no")
    assert f"{file} was refused by user:bob" in activation.at_start(file, inventory=None)
    assert not PolicyVersion.objects.filter(waiting=True).exists()
    assert len(events("policy_proposed")) == 1


def test_a_bad_file_is_refused_with_its_place(tmp_path):
    file = tmp_path / "policy.yaml"
    file.write_text("policies: 1")
    with pytest.raises(PolicyRefused, match=f"{file}:1:11: policies must be a list"):
        activation.at_start(file, inventory=None)


# --- behind the product's back ---


def test_a_changed_text_denies_everything(ada):
    version = activation.propose(kept(STRICT), by=ada).version
    PolicyVersion.objects.filter(pk=version.pk).update(text=LOOSE)
    current.forget()
    assert current.judge(ask("read", "database", tags="inventory")).effect is DENY
    assert current.judge(ask("read", "file")).effect is DENY


def test_a_row_that_nobody_activated_denies_everything(ada):
    other = kept(LOOSE)
    activation.propose(kept(STRICT), by=ada)
    PolicyVersion.objects.filter(active=True).update(active=False)
    PolicyVersion.objects.filter(pk=other.pk).update(active=True)
    current.forget()
    assert current.judge(ask("read", "database", name="any")).effect is DENY
    assert current.policy().source == "not what was activated"


def test_a_deleted_row_denies_everything_until_a_person_mends_it(ada, bob):
    activation.propose(kept(STRICT), by=ada)
    PolicyVersion.objects.all().delete()
    current.forget()
    assert current.judge(ask("read", "file")).effect is DENY
    mended = activation.propose(kept(current.built_in_text()), by=ada)
    assert not mended.active
    activation.confirm(mended.version, by=bob)
    assert current.judge(ask("read", "file")).effect is ALLOW


def test_deleting_the_versions_does_not_make_the_next_file_the_first(ada, tmp_path):
    activation.propose(kept(STRICT), by=ada)
    PolicyVersion.objects.all().delete()
    file = tmp_path / "policy.yaml"
    file.write_text(LOOSE)
    assert "--confirm NAME" in activation.at_start(file, inventory=None)
    assert current.judge(ask("read", "file")).effect is DENY


# --- reload ---


@pytest.mark.django_db(transaction=True)
def test_a_change_is_seen_by_others_without_a_restart(monkeypatch):
    put_roles_in_place()
    ada = person("ada", Role.ADMIN)
    assert current.judge(ask("read", "file")).effect is ALLOW
    loaded = current._loaded

    def elsewhere():
        activation.propose(kept(STRICT), by=ada)
        connection.close()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    current._loaded = loaded  # as another process remembers it
    assert current.judge(ask("read", "file")).effect is ALLOW
    monkeypatch.setattr(current, "CHECKED_EVERY_S", 0.0)
    assert current.judge(ask("read", "file")).effect is DENY


def test_the_database_is_asked_once_a_second_at_most(django_assert_num_queries):
    current.policy()
    with django_assert_num_queries(0):
        for _ in range(100):
            current.judge(ask("read", "file"))


# --- shadow ---


def test_a_candidate_is_judged_next_to_the_policy_in_force_and_decides_nothing(ada, bob):
    from aura.kernel.telemetry.metrics import POLICY_DIVERGENCES

    counted = POLICY_DIVERGENCES.labels("allow", "deny")
    before = counted._value.get()
    activation.shadow(kept(STRICT), by=ada)
    assert current.judge(ask("read", "file")).effect is ALLOW
    assert counted._value.get() == before + 1
    assert current.judge(ask("write", "nothing")).effect is DENY
    assert counted._value.get() == before + 1
    activation.shadow(None, by=bob)
    assert current.shadow() is None
    assert len(events("policy_shadowed")) == 2
