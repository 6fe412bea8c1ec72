"""Logging in to the console: sessions, guessing, roles, people."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import call_command

from governance import identity
from governance.access import role_of
from governance.audit.record import data_of
from governance.models import ApiToken, AuditEvent
from governance.refusals import Kind
from governance.types import Role
from tests.admin.conftest import HOST, browser_of
from tests.admin.pages import APPROVALS, INBOX, INDEX, LOG, TICKETS, TOKENS, submit, text
from tests.conftest import Browser
from tests.people import person

pytestmark = pytest.mark.django_db

LOGIN = "/admin/login/"
PEOPLE = "/admin/auth/user/"
GOOD = "correct horse battery"
LIMIT = settings.AXES_FAILURE_LIMIT


@pytest.fixture(autouse=True)
def quick_passwords(settings):
    """What makes guessing slow makes these tests slow too."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def ada():
    return person("ada", Role.OPERATOR, password=GOOD)


def log_in(name, password, **more):
    browser = Browser(HTTP_HOST=HOST, **more)
    return browser, browser.post(LOGIN, {"username": name, "password": password, "next": INDEX})


def guess(name, times, **more):
    return [log_in(name, f"guess {n}", **more)[1].status_code for n in range(times)]


def told(kind):
    return [data_of(e.body) for e in AuditEvent.objects.filter(type=kind).order_by("pk")]


# --- logging in ---


def test_a_login_and_a_failed_one_are_told_without_the_password(ada):
    log_in("ada", "hunter2-is-wrong")
    log_in("ada", GOOD)
    (failed,), (done,) = told(Kind.LOGIN_FAILED), told(Kind.LOGIN)
    assert failed["data"]["payload"]["reason"] == "as ada"
    assert done["actor"] == {"kind": "user", "name": "ada"}
    assert "hunter2" not in str(failed)
    assert GOOD not in str(done)


def test_a_name_that_nobody_has_is_not_kept_for_it_may_be_a_password(db):
    log_in("hunter2-typed-too-early", "x")
    (failed,) = told(Kind.LOGIN_FAILED)
    assert "hunter2" not in str(failed)


def test_a_session_from_before_the_login_is_not_the_one_after_it(ada):
    browser = Browser(HTTP_HOST=HOST)
    browser.session.save()
    planted = str(browser.session.session_key)
    browser.cookies["sessionid"] = planted
    browser.post(LOGIN, {"username": "ada", "password": GOOD, "next": INDEX})
    assert browser.cookies["sessionid"].value != planted
    assert not Session.objects.filter(session_key=planted).exists()


def test_a_session_ends_with_the_password_it_was_made_with(ada):
    browser, _ = log_in("ada", GOOD)
    assert browser.get(TICKETS).status_code == 200
    ada.set_password("another one altogether")
    ada.save()
    assert browser.get(TICKETS).status_code == 302


def test_the_login_form_wants_its_csrf_token(ada):
    browser, answer = log_in("ada", GOOD, enforce_csrf_checks=True)
    assert answer.status_code == 403
    assert browser.get(INDEX).status_code == 302


def test_the_cookie_of_the_session_is_out_of_reach_of_scripts_and_of_other_sites(ada):
    browser, _ = log_in("ada", GOOD)
    cookie = browser.cookies["sessionid"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:x"])
def test_the_login_leads_to_no_other_site(ada, target):
    browser = Browser(HTTP_HOST=HOST)
    answer = browser.post(LOGIN, {"username": "ada", "password": GOOD, "next": target})
    assert answer["Location"] == INDEX


# --- guessing ---


def test_after_some_wrong_passwords_the_right_one_is_refused_too(ada):
    assert guess("ada", LIMIT) == [200] * (LIMIT - 1) + [429]
    browser, answer = log_in("ada", GOOD)
    assert answer.status_code == 429
    assert "15 minutes" in text(answer)
    assert "axes_reset" in text(answer)
    assert answer["Retry-After"] == "900"
    assert browser.get(INDEX).status_code == 302
    assert told(Kind.LOCKED_OUT)


def test_a_lock_is_for_one_name_from_one_address(ada):
    person("grace", Role.VIEWER, password=GOOD)
    guess("ada", LIMIT)
    assert log_in("grace", GOOD)[1].status_code == 302
    assert log_in("ada", GOOD, REMOTE_ADDR="203.0.113.9")[1].status_code == 302


def test_an_address_that_tries_many_names_is_locked_out_for_all_of_them(ada):
    for number in range(LIMIT * 4 - 1):
        assert guess(f"name{number}", 1) == [200]
    assert guess("one more", 1) == [429]
    assert log_in("ada", GOOD)[1].status_code == 429


def test_a_name_too_long_to_be_counted_costs_no_check_of_a_password(ada, monkeypatch):
    checked = []
    monkeypatch.setattr(
        "django.contrib.auth.forms.authenticate", lambda *_, **who: checked.append(who)
    )
    answer = log_in("x" * 300, GOOD)[1]
    assert (answer.status_code, checked) == (200, [])
    assert "correct username" in text(answer)


def test_an_account_of_ones_own_is_no_way_to_guess_on(ada):
    person("mallory", Role.VIEWER, password=GOOD)
    guess("ada", LIMIT - 1)
    assert log_in("mallory", GOOD)[1].status_code == 302
    assert guess("ada", 1) == [429]


def test_another_browser_or_forged_address_is_no_way_around_the_lock(ada):
    guess("ada", LIMIT)
    forged = {"HTTP_USER_AGENT": "another", "HTTP_X_FORWARDED_FOR": "198.51.100.1"}
    assert log_in("ada", GOOD, **forged)[1].status_code == 429


def test_attempts_while_locked_do_not_make_it_longer(ada):
    from axes.models import AccessAttempt

    guess("ada", LIMIT)
    locked = AccessAttempt.objects.get().attempt_time
    guess("ada", 3)
    assert AccessAttempt.objects.get().attempt_time == locked
    AccessAttempt.objects.update(attempt_time=locked - settings.AXES_COOLOFF_TIME)
    assert log_in("ada", GOOD)[1].status_code == 302


def test_the_one_who_runs_the_server_can_unlock(ada, capsys):
    guess("ada", LIMIT)
    call_command("axes_reset")
    capsys.readouterr()
    assert log_in("ada", GOOD)[1].status_code == 302


# --- one's own password ---

OWN = "/admin/password_change/"


def change(browser, old, new="a new one altogether"):
    return browser.post(OWN, {"old_password": old, "new_password1": new, "new_password2": new})


def test_a_person_changes_their_password_and_the_log_tells_of_it_without_it(ada):
    browser, _ = log_in("ada", GOOD)
    assert change(browser, GOOD)["Location"] == f"{OWN}done/"
    assert browser.get(f"{OWN}done/").status_code == 200  # this session goes on
    assert log_in("ada", "a new one altogether")[1].status_code == 302
    assert told("user_changed")[-1]["action"] == "ada: new password"
    assert "altogether" not in str(told("user_changed"))


def test_who_has_a_session_does_not_guess_the_password_by_changing_it(ada):
    browser = browser_of(ada)
    answers = [change(browser, f"guess {n}").status_code for n in range(LIMIT)]
    assert answers == [200] * (LIMIT - 1) + [429]
    assert change(browser, GOOD).status_code == 429
    assert [e["data"]["payload"]["reason"] for e in told(Kind.LOGIN_FAILED)] == ["as ada"] * LIMIT
    ada.refresh_from_db()
    assert ada.check_password(GOOD)


# --- roles ---

READ = (INDEX, TICKETS, INBOX, APPROVALS, LOG, TOKENS)


@pytest.mark.parametrize("role", list(Role))
def test_every_role_reads_the_console_and_only_an_admin_manages_people(role):
    browser = browser_of(person("somebody", role))
    assert [browser.get(url).status_code for url in READ] == [200] * len(READ)
    expected = 200 if role is Role.ADMIN else 403
    assert browser.get(PEOPLE).status_code == expected
    assert browser.get(f"{PEOPLE}add/").status_code == expected


def test_who_has_no_role_does_not_get_in(db):
    person("nobody", None, password=GOOD)
    browser, answer = log_in("nobody", GOOD)
    assert answer.status_code == 200
    assert browser.get(INDEX).status_code == 302


# --- people ---


def test_an_admin_makes_a_person_with_a_role_and_the_log_tells_of_it(db):
    browser = browser_of(person("alan", Role.ADMIN))
    new = {"username": "mia", "password1": GOOD, "password2": GOOD, "role": "operator"}
    assert submit(browser, f"{PEOPLE}add/", "", **new).status_code == 302
    mia = User.objects.get(username="mia")
    assert role_of(mia) is Role.OPERATOR
    assert mia.is_staff
    assert not mia.is_superuser
    (event,) = told("user_changed")
    assert event["actor"]["name"] == "alan"
    assert event["action"] == "mia: no role → operator"
    assert GOOD not in str(event)


def test_an_admin_changes_a_role_and_locks_a_person(ada):
    browser = browser_of(person("alan", Role.ADMIN))
    page = f"{PEOPLE}{ada.pk}/change/"
    assert submit(browser, page, "", username="ada", role="viewer").status_code == 302
    ada.refresh_from_db()
    assert role_of(ada) is Role.VIEWER
    assert not ada.is_active  # the box was not ticked
    assert told("user_changed")[-1]["action"] == "ada: operator → viewer"


def test_an_admin_makes_nobody_a_superuser_and_touches_none(db):
    root = User.objects.create_superuser("root")
    alan = person("alan", Role.ADMIN)
    browser = browser_of(alan)
    assert browser.get(f"{PEOPLE}{root.pk}/change/").status_code == 302
    assert browser.get(f"{PEOPLE}{root.pk}/password/").status_code == 404
    page = f"{PEOPLE}{alan.pk}/change/"
    submit(browser, page, "", username="alan", role="admin", is_active="on", is_superuser="on")
    alan.refresh_from_db()
    assert not alan.is_superuser
    sent = {"user": root.pk, "name": "stolen", "role": "admin", "days": "3"}
    assert browser.post(f"{TOKENS}add/", sent).status_code == 200
    assert not ApiToken.objects.exists()


def test_nobody_is_deleted(ada):
    browser = browser_of(User.objects.create_superuser("root"))
    assert browser.post(f"{PEOPLE}{ada.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_new_password_is_told_and_not_shown(ada):
    browser = browser_of(person("alan", Role.ADMIN))
    page = f"{PEOPLE}{ada.pk}/password/"
    sent = {"password1": "a new one altogether", "password2": "a new one altogether"}
    assert submit(browser, page, "", **sent).status_code == 302
    assert log_in("ada", sent["password1"])[1].status_code == 302
    assert told("user_changed")[-1]["action"] == "ada: new password"
    assert "altogether" not in str(told("user_changed"))


# --- tokens in the console ---


def test_a_person_makes_a_token_for_themself_at_most_as_good_as_they_are(ada):
    browser = browser_of(ada)
    above = submit(browser, f"{TOKENS}add/", "", user=ada.pk, name="ci", role="approver", days="3")
    assert "ada is operator" in text(above)
    assert not ApiToken.objects.exists()
    submit(browser, f"{TOKENS}add/", "", user=ada.pk, name="ci", role="viewer", days="3")
    assert ApiToken.objects.get().role == "viewer"
    issued = AuditEvent.objects.get(type="token_issued")
    assert issued.actor_name == "ada"


def test_a_new_token_is_a_viewers_unless_more_is_chosen(ada):
    form = text(browser_of(person("alan", Role.ADMIN)).get(f"{TOKENS}add/"))
    assert '<option value="viewer" selected>' in form


def test_an_admin_makes_and_revokes_tokens_of_others(ada):
    browser = browser_of(person("alan", Role.ADMIN))
    submit(browser, f"{TOKENS}add/", "", user=ada.pk, name="ci", role="operator", days="3")
    row = ApiToken.objects.get()
    assert row.user == ada
    revoke = f"{TOKENS}{row.pk}/revoke/"
    assert f'href="{revoke}"' in text(browser.get(TOKENS))
    assert submit(browser, revoke, "").status_code == 302
    row.refresh_from_db()
    assert row.revoked_at is not None
    assert AuditEvent.objects.get(type="token_revoked").actor_name == "alan"


def test_nobody_else_revokes_somebodys_token(ada):
    identity.issue_token(ada, name="ci")
    row = ApiToken.objects.get()
    browser = browser_of(person("otto", Role.APPROVER))
    browser.post(f"{TOKENS}{row.pk}/revoke/")
    row.refresh_from_db()
    assert row.revoked_at is None


def test_a_failed_login_is_logged_with_its_address_and_without_what_was_typed(db, caplog):
    browser = Browser(HTTP_HOST="localhost:3000", REMOTE_ADDR="192.0.2.7")
    browser.post("/admin/login/", {"username": "hunter2", "password": "hunter3"})
    said = " ".join(r.getMessage() for r in caplog.records if r.name.startswith("axes"))
    assert 'ip_address: "192.0.2.7"' in said
    assert "hunter" not in said
