"""The settings of notices, and trying them out."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from aura.config import ConfigError, NoticeChannel, load
from aura.doctor import outside
from governance import approvals, notices
from governance.models import Notice
from governance.notices import Kind, sending
from tests.governance.asking import ADA
from tests.governance.notices.wires import ask, message
from tests.stubs.receiver import answer

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("pigeon=all", "pigeon is none of email, ntfy, slack"),
        ("email=weather", "email is told of weather: none of action, plan"),
        ("slack=plan", "slack is not configured .AURA_SLACK_WEBHOOK_URL"),
    ],
)
def test_a_setting_that_cannot_be_meant_stops_the_start(monkeypatch, value, complaint):
    monkeypatch.setenv("AURA_NOTIFY", value)
    with pytest.raises(ConfigError, match=complaint):
        load()


def test_the_setting_names_kinds_all_or_none(monkeypatch):
    monkeypatch.setenv("AURA_NOTIFY", "ntfy=action,incident email=none slack=all")
    monkeypatch.setenv("AURA_NOTIFY_PROVIDER", "ntfy")
    monkeypatch.setenv("AURA_NTFY_TOPIC", "t")
    monkeypatch.setenv("AURA_SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/x")
    told = dict(load().notify)
    assert told[NoticeChannel.NTFY] == {Kind.ACTION, Kind.INCIDENT}
    assert told[NoticeChannel.EMAIL] == frozenset()
    assert told[NoticeChannel.SLACK] == set(Kind)


def test_the_address_of_slack_is_in_no_complaint(monkeypatch):
    monkeypatch.setenv("AURA_SLACK_WEBHOOK_URL", "hooks.slack.com/services/T0/B0/verysecret")
    with pytest.raises(ConfigError) as refused:
        load()
    assert "verysecret" not in str(refused.value)


def test_the_command_says_who_is_told_what_and_tries_it(world):
    world.set(notify=((NoticeChannel.SLACK, frozenset({Kind.PLAN})),), email_to=())
    out = StringIO()
    call_command("notify", stdout=out)
    assert "slack  is told of plan\n" in out.getvalue()
    assert "email  is not configured: HELPDESK_EMAIL_TO" in out.getvalue()
    call_command("notify", "--test", stdout=out)
    assert world.pushed[0]["title"] == "AURA TEST: messages arrive here"
    assert len(world.posted) == 1
    world.ntfy.answers = [answer(401, b"unauthorized")]
    with pytest.raises(CommandError, match="not every message"):
        call_command("notify", "--test", stdout=out)
    assert "ntfy   status 401: unauthorized" in out.getvalue()


def test_the_doctor_says_what_is_missing_and_what_could_not_be_told(world):
    def said() -> tuple[str, str]:
        (finding,) = outside.notices(world.settings.AURA)
        return finding.level, finding.text

    assert said() == ("ok", "told by email, ntfy, slack")
    approvals.approve(ask().pk, by=ADA)
    assert said()[0] == "ok", "what was over before is nobody's fault"
    world.slack.answers = [answer(404, b"no_service")]
    notices.tell(message())
    sending.pump()
    assert said() == ("warn", "slack: status 404: no_service")
    world.set(email_from="")
    assert said() == ("warn", "email lacks HELPDESK_EMAIL_FROM")
    world.set(
        email_to=(), smtp_host="", notify_provider="none", ntfy_topic="", slack_webhook_url=""
    )
    Notice.objects.all().delete()
    assert said() == ("ok", "nobody is told of anything")
