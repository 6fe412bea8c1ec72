"""Whoever may write the tables, and not read the secret key, brings no policy into force."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.utils.timezone import now

from aura.doctor import log as doctor
from aura.doctor.findings import Level
from aura.kernel.errors import Forbidden
from governance.audit.record import data_of, record
from governance.models import AuditEvent, PolicyVersion
from governance.policy import activation, current, seals
from governance.policy.activation import PolicyNotActivated
from governance.policy.types import Effect
from governance.types import SYSTEM, Role
from tests.governance.policy.requests import ask
from tests.governance.policy.versions import LOOSE, STRICT, kept
from tests.people import person

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return person("ada", Role.ADMIN)


@pytest.fixture
def bob():
    return person("bob", Role.APPROVER)


def in_force():
    current.forget()
    return current.policy().source


def forge(version, **more):
    """What an attacker with our database role can do: the event first, then the row."""
    payload = {"digest": version.digest, "previous": "", **more}
    record("policy_activated", actor=SYSTEM, action="policy", data={"payload": payload})
    make_active(version)


def make_active(version):
    PolicyVersion.objects.filter(active=True).update(active=False)
    PolicyVersion.objects.filter(pk=version.pk).update(active=True, activated_at=now())


def any_read():
    return current.judge(ask("read", "database", name="any")).effect


@pytest.mark.parametrize("seal", [None, "", "0" * 64, 7, ["x"]])
def test_an_activation_that_nobody_sealed_brings_nothing_into_force(ada, seal):
    activation.propose(kept(STRICT), by=ada)
    forge(kept(LOOSE), number=2, **({} if seal is None else {"seal": seal}))
    assert in_force() == "not what was activated"
    assert any_read() is Effect.DENY


def test_doctor_says_that_everything_is_denied(ada, settings):
    activation.propose(kept(STRICT), by=ada)
    (finding,) = doctor.policy(settings.AURA)
    assert (finding.level, finding.text.partition(",")[0]) == (Level.OK, "p.yaml")
    forge(kept(LOOSE))
    current.forget()
    (finding,) = doctor.policy(settings.AURA)
    assert (finding.level, "everything is denied" in finding.text) == (Level.FAIL, True)


def test_on_a_fresh_installation_too(ada):
    activation.put_seal_in_place()
    forge(kept(LOOSE))
    assert in_force() == "not what was activated"
    activation.put_seal_in_place()  # the next start believes it no more
    assert in_force() == "not what was activated"


def test_a_forged_event_alone_changes_nothing(ada):
    strict = activation.propose(kept(STRICT), by=ada).version
    forge(kept(LOOSE), seal="1" * 64, number=9)
    make_active(strict)
    assert in_force() == "p.yaml"
    assert current.version() == strict.digest


def test_an_earlier_activation_written_again_does_not_bring_its_policy_back(ada, bob):
    loose = activation.propose(kept(LOOSE), by=ada).version
    activation.confirm(loose, by=bob)
    earlier = data_of(AuditEvent.objects.get(type="policy_activated").body)["data"]["payload"]
    strict = activation.propose(kept(STRICT), by=ada).version
    activation.confirm(strict, by=bob)
    record("policy_activated", actor=SYSTEM, action="policy", data={"payload": earlier})
    make_active(loose)
    assert in_force() == "not what was activated"


def test_the_seal_is_of_one_version_and_one_place_in_the_order(ada):
    strict = activation.propose(kept(STRICT), by=ada).version
    said = data_of(AuditEvent.objects.get(type="policy_activated").body)["data"]["payload"]
    assert seals.newest().digest == strict.digest
    for change in ({"digest": kept(LOOSE).digest}, {"number": said["number"] + 1}):
        forged = {"payload": said | change}
        record("policy_activated", actor=SYSTEM, action="policy", data=forged)
        assert seals.newest().digest == strict.digest


def test_an_event_that_is_none_is_passed_over(ada):
    strict = activation.propose(kept(STRICT), by=ada).version
    wrong: list[dict[str, Any]] = [
        {},
        {"payload": None},
        {"payload": []},
        {"payload": {"number": "x"}},
    ]
    for data in wrong:
        record("policy_activated", actor=SYSTEM, action="policy", data=data)
    current.forget()
    assert current.version() == strict.digest


def test_a_forged_proposal_is_not_confirmed_by_who_made_it(ada):
    version = kept(LOOSE)
    PolicyVersion.objects.filter(pk=version.pk).update(waiting=True, proposed_by="user:eve")
    with pytest.raises(PolicyNotActivated, match="propose it again"):
        activation.confirm(version, by=ada)


def test_who_proposed_cannot_become_somebody_else(ada):
    version = activation.propose(kept(LOOSE), by=ada).version
    PolicyVersion.objects.filter(pk=version.pk).update(proposed_by="user:eve")
    with pytest.raises(PolicyNotActivated, match="propose it again"):
        activation.confirm(version, by=ada)


def test_after_a_forgery_two_people_bring_a_version_back(ada, bob):
    strict = activation.propose(kept(STRICT), by=ada).version
    forge(kept(LOOSE))
    assert not activation.propose(strict, by=ada).active  # more than nothing is looser
    with pytest.raises(Forbidden):
        activation.confirm(strict, by=ada)
    assert activation.confirm(strict, by=bob).active
    assert in_force() == "p.yaml"


def test_a_forged_row_of_the_very_version_can_be_activated_again(ada, bob):
    loose = kept(LOOSE)
    forge(loose)
    assert in_force() == "not what was activated"
    activation.propose(loose, by=ada)
    assert activation.confirm(loose, by=bob).active
    assert in_force() == "p.yaml"


# --- an installation of before ---


def activated_by_an_older_version(version):
    record(
        "policy_activated",
        actor=SYSTEM,
        action="policy",
        data={"payload": {"digest": version.digest}},
    )
    make_active(version)


def test_what_an_older_version_activated_is_sealed_at_the_first_start(ada):
    strict = kept(STRICT)
    activated_by_an_older_version(strict)
    activation.put_seal_in_place()
    assert in_force() == "p.yaml"
    activation.put_seal_in_place()
    assert AuditEvent.objects.filter(type="policy_sealed").count() == 1


def test_what_was_forged_before_the_first_start_is_not_sealed():
    activated_by_an_older_version(kept(STRICT))
    make_active(kept(LOOSE))
    activation.put_seal_in_place()
    assert in_force() == "not what was activated"


def test_a_start_without_any_policy_is_sealed_as_such():
    activation.put_seal_in_place()
    (event,) = AuditEvent.objects.filter(type="policy_sealed")
    assert data_of(event.body)["data"]["payload"]["digest"] == ""
    assert in_force() == "built-in"


# --- the key ---


def test_a_rotated_key_seals_anew_at_the_next_start(ada, settings):
    strict = activation.propose(kept(STRICT), by=ada).version
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another" * 9
    assert in_force() == "p.yaml"
    activation.put_seal_in_place()
    settings.SECRET_KEY_FALLBACKS = []
    assert in_force() == "p.yaml"
    assert current.version() == strict.digest


def test_a_lost_key_denies_everything_until_two_people_say_so(ada, bob, settings, caplog):
    strict = activation.propose(kept(STRICT), by=ada).version
    settings.SECRET_KEY = "another" * 9
    assert in_force() == "not what was activated"
    assert "AURA_SECRET_KEY" in caplog.text
    assert "AURA_SECRET_KEY" in activation.put_seal_in_place()
    assert in_force() == "not what was activated"
    with pytest.raises(PolicyNotActivated, match="--lost-key"):
        activation.propose(strict, by=ada)
    assert not activation.propose(strict, by=ada, lost_key=True).active
    activation.confirm(strict, by=bob)
    assert in_force() == "p.yaml"


def test_the_command_of_a_shell_with_another_key_is_refused(ada, bob, settings, tmp_path, capsys):
    activation.propose(kept(STRICT), by=ada)
    settings.SECRET_KEY = "another" * 9
    file = tmp_path / "policy.yaml"
    file.write_text(STRICT)
    with pytest.raises(SystemExit):
        call_command("policy", "activate", str(file), "--by", "ada")
    assert "run this with the settings of the server" in capsys.readouterr().err
    with pytest.raises(SystemExit):  # it waits
        call_command("policy", "activate", str(file), "--by", "ada", "--lost-key")
    call_command("policy", "activate", str(file), "--confirm", "bob")
    assert in_force() == "p.yaml"


def test_a_file_of_the_settings_does_not_become_the_first_again(ada, settings, tmp_path):
    activation.propose(kept(STRICT), by=ada)
    settings.SECRET_KEY = "another" * 9
    file = tmp_path / "policy.yaml"
    file.write_text(LOOSE)
    assert "AURA_SECRET_KEY" in activation.at_start(file, inventory=None)
    assert any_read() is Effect.DENY
