"""The room of what people were told, and its button."""

from __future__ import annotations

import json

import pytest

from governance.types import Role
from tests.admin.conftest import browser_of
from tests.admin.pages import forms_in, messages, text
from tests.admin.settings_rooms import told
from tests.people import person
from tests.stubs.receiver import answer, receiving

pytestmark = pytest.mark.django_db

NOTICES = "/admin/governance/notice/"
TEST = f"{NOTICES}test/"


def test_it_says_who_is_told_what_and_what_became_of_it(settings):
    settings.AURA = settings.AURA.model_copy(
        update={"slack_webhook_url": "https://hooks.slack.com/services/T0/B0/verysecret"}
    )
    told()
    page = text(browser_of(person("alan", Role.ADMIN)).get(NOTICES))
    assert "not configured: AURA_NOTIFY_PROVIDER, AURA_NTFY_TOPIC" in page
    assert "action, plan, denied" in page
    assert "not told" in page
    assert "smtp.example.com:587: refused" in page
    assert "⟨U+202E⟩&lt;b&gt;" in page
    assert "verysecret" not in page


def test_the_button_tries_every_channel_and_says_what_came_of_it(settings):
    with receiving() as ntfy, receiving(answer(404, b"no_service")) as slack:
        settings.AURA = settings.AURA.model_copy(
            update={
                "slack_webhook_url": slack.url(),
                "notify_provider": "ntfy",
                "ntfy_server": ntfy.url(""),
                "ntfy_topic": "t",
            }
        )
        browser = browser_of(person("alan", Role.ADMIN))
        form = forms_in(browser.get(NOTICES))[TEST]
        assert ntfy.got == []
        said = messages(browser, browser.post(TEST, form))
        assert json.loads(ntfy.got[0].body)["message"].startswith("alan tried the channels out")
    assert "Ntfy: sent" in said
    assert "Slack: status 404: no_service" in said


def test_nobody_else_sees_it_or_sends_anything(settings):
    with receiving() as ntfy:
        settings.AURA = settings.AURA.model_copy(
            update={"notify_provider": "ntfy", "ntfy_server": ntfy.url(""), "ntfy_topic": "t"}
        )
        browser = browser_of(person("otto", Role.APPROVER))
        assert browser.get(NOTICES).status_code == 403
        assert browser.post(TEST).status_code == 403
        assert browser_of(person("alan", Role.ADMIN)).get(TEST).status_code == 405
        assert ntfy.got == []
