"""A new secret key with the old one beside it: nobody is logged out, nothing signed is lost."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.core import signing

from governance.identity import issue_token
from tests.conftest import ApiClient, Browser

OLD, NEW = "the key before " * 4, "the key that follows " * 4

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(settings):
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = OLD, []
    return User.objects.create_superuser("ada", password="correct horse battery")


@pytest.fixture
def browser(ada):
    browser = Browser(HTTP_HOST="localhost:3000")
    browser.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")
    return browser


def is_in(browser: Browser) -> bool:
    return browser.get("/admin/").status_code == 200


def test_a_session_outlives_the_rotation_and_then_the_old_key(browser, settings):
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    assert is_in(browser)
    settings.SECRET_KEY_FALLBACKS = []
    assert is_in(browser), "a session that was used meanwhile is signed anew"


def test_without_the_old_key_everybody_logs_in_again(browser, settings):
    assert is_in(browser)
    settings.SECRET_KEY = NEW
    assert not is_in(browser)


def test_what_was_signed_before_is_read_and_what_is_signed_now_needs_the_new_key(ada, settings):
    del ada
    before = signing.dumps({"a": 1})
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    assert signing.loads(before) == {"a": 1}
    after = signing.dumps({"a": 2})
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = OLD, []
    with pytest.raises(signing.BadSignature):
        signing.loads(after)


def test_api_tokens_do_not_depend_on_the_key(ada, settings):
    token = issue_token(ada, name="t")
    settings.SECRET_KEY = NEW
    client = ApiClient(HTTP_HOST="localhost:3000", HTTP_AUTHORIZATION=f"Bearer {token}")
    assert client.get("/api/tickets").status_code == 200


def test_the_fallbacks_come_from_a_setting(monkeypatch, tmp_path):
    from aura import config

    (tmp_path / "AURA_SECRET_KEY").write_text("now\n")
    (tmp_path / "AURA_SECRET_KEY_FALLBACKS").write_text("before, long before\n")
    monkeypatch.setenv("AURA_SECRETS_DIR", str(tmp_path))
    loaded = config.load()
    assert (loaded.secret_key, loaded.secret_key_fallbacks) == ("now", ("before", "long before"))
