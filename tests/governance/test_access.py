"""Roles, the table of routes, and what a token may do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver
from django.utils.timezone import now

from aura.config import Settings
from aura.kernel.errors import RateLimited, Unauthenticated, ValidationFailed
from aura.surfaces import access
from aura.surfaces.table import EMPTY, tables
from governance import identity
from governance.access import give_role, role_of
from governance.identity import credentials, issue_token, revoke_token, user_of
from governance.models import ApiToken, AuditEvent
from governance.types import SYSTEM, Role
from tests.people import headers_of, person

pytestmark = pytest.mark.django_db

TABLES = sorted({*tables(Settings()).values(), EMPTY})


def routes(table: str) -> Iterator[tuple[str, Any]]:
    """(route, view) of a port; an included table counts as one route."""
    for entry in import_module(table).urlpatterns:
        assert isinstance(entry, URLPattern | URLResolver)
        yield str(entry.pattern), getattr(entry, "callback", None)


def methods(view: Any) -> set[str]:
    """The methods a view answers, as far as a view can tell; HEAD counts as GET."""
    actions = getattr(view, "actions", None)
    if actions:
        return {name.upper() for name in actions} - {"HEAD", "OPTIONS"}
    kind = getattr(view, "view_class", None) or getattr(view, "cls", None)
    if kind is None:
        return {"GET"}  # a plain function: `plain.health`, `home`
    named = (name for name in kind.http_method_names if hasattr(kind, name))
    return {name.upper() for name in named} - {"HEAD", "OPTIONS"}


# --- the table of routes ---


@pytest.mark.parametrize("table", TABLES)
def test_every_route_and_method_of_every_port_has_a_row_and_no_row_is_left_over(table):
    served = {(route, method) for route, view in routes(table) if view for method in methods(view)}
    included = {route for route, view in routes(table) if view is None}
    rows = {
        (route, method)
        for route, by_method in access.ROUTES[table].items()
        for method in by_method
        if route not in included
    }
    assert rows == served
    assert included <= set(access.ROUTES[table])


@pytest.mark.parametrize("table", TABLES)
def test_only_a_view_that_asks_for_a_login_has_a_row_that_needs_one(table):
    for route, view in routes(table):
        closed = {p for p in access.ROUTES[table][route].values() if p not in {"", access.CONSOLE}}
        if closed:
            kind = getattr(view, "cls", None) or view.view_class
            assert kind.permission_classes == [access.MayUseApi], route


def test_every_permission_of_the_table_is_held_by_a_role():
    held = set(Permission.objects.filter(group__name=Role.ADMIN).values_list("codename", flat=True))
    wanted = {p for rows in access.ROUTES.values() for row in rows.values() for p in row.values()}
    for permission in wanted - {access.OPEN, access.CONSOLE}:
        assert permission.partition(".")[2] in held


def test_a_route_without_a_row_is_answered_to_nobody(api, login_required, monkeypatch):
    rows = {**access.ROUTES["aura.surfaces.api"], "api/stats": {}}
    monkeypatch.setitem(access.ROUTES, "aura.surfaces.api", rows)
    root = User.objects.create_superuser("root")
    assert api.get("/api/stats", **headers_of(root)).status_code == 403


@pytest.fixture
def login_required(settings: Any) -> None:
    settings.AURA = settings.AURA.model_copy(update={"auth": "on"})


def test_a_method_that_a_route_has_not_is_405_for_those_who_are_known(api, login_required):
    assert api.put("/api/tickets").status_code == 401
    answer = api.put("/api/tickets", **headers_of(person("vera", Role.VIEWER)))
    assert answer.status_code == 405


# --- roles ---

HOLDS = {
    Role.VIEWER: {access.SEE, access.READ_LOG},
    Role.OPERATOR: {access.SEE, access.READ_LOG, access.ADD, access.CHANGE},
    Role.APPROVER: {access.SEE, access.READ_LOG, access.ADD, access.CHANGE, access.DECIDE},
    Role.ADMIN: {access.SEE, access.READ_LOG, access.ADD, access.CHANGE, access.DECIDE},
}


@pytest.mark.parametrize("role", list(Role))
def test_a_role_is_a_group_that_holds_what_it_should(role):
    user = person("somebody", role)
    assert role_of(user) == role
    of_api = {access.SEE, access.READ_LOG, access.ADD, access.CHANGE, access.DECIDE}
    assert user.get_all_permissions() & of_api == HOLDS[role]
    assert user.is_staff


def test_rights_that_somebody_put_into_a_role_by_hand_do_not_stay():
    group = Group.objects.get(name=Role.VIEWER)
    group.permissions.add(Permission.objects.get(codename="decide_approval"))
    access.put_roles_in_place()
    assert not group.permissions.filter(codename="decide_approval").exists()


def test_only_an_admin_manages_people_and_tokens_of_others():
    for role in (Role.VIEWER, Role.OPERATOR, Role.APPROVER):
        held = person(f"a-{role}", role).get_all_permissions()
        assert not {p for p in held if p.startswith("auth.")}
        assert "governance.manage_tokens" not in held
    admin = person("an-admin", Role.ADMIN).get_all_permissions()
    assert {"auth.change_user", "governance.manage_tokens"} <= admin


# --- tokens ---


def allowed(token: str) -> frozenset[str]:
    return user_of(token)[1].permissions


def test_a_token_may_do_what_its_role_may_and_no_more():
    token = issue_token(person("ada", Role.APPROVER), name="ci", role=Role.VIEWER)
    assert access.SEE in allowed(token)
    assert not {access.ADD, access.CHANGE, access.DECIDE} & allowed(token)


@pytest.mark.parametrize(("own", "wanted"), [(Role.VIEWER, Role.OPERATOR), (None, Role.OPERATOR)])
def test_no_token_is_made_above_its_owner(own, wanted):
    with pytest.raises(ValidationFailed, match="cannot be operator"):
        issue_token(person("ada", own), name="ci", role=wanted)
    assert not ApiToken.objects.exists()


def test_who_is_demoted_demotes_their_tokens_at_once():
    ada = person("ada", Role.APPROVER)
    token = issue_token(ada, name="ci")
    assert access.DECIDE in allowed(token)
    give_role(ada, Role.VIEWER)
    assert access.SEE in allowed(token)
    assert access.DECIDE not in allowed(token)


def test_a_superusers_token_is_bound_by_its_role_too():
    token = issue_token(User.objects.create_superuser("root"), name="ci", role=Role.OPERATOR)
    assert access.CHANGE in allowed(token)
    assert access.DECIDE not in allowed(token)


def test_rights_outside_of_the_four_roles_do_not_widen_a_token():
    ada = person("ada", Role.VIEWER)
    ada.user_permissions.add(Permission.objects.get(codename="decide_approval"))
    assert access.DECIDE not in allowed(issue_token(ada, name="ci"))


def test_a_revoked_token_is_refused_and_stays_listed():
    token = issue_token(person("ada", Role.VIEWER), name="ci")
    user_of(token)
    row = ApiToken.objects.get()
    assert revoke_token(row, by=SYSTEM)
    with pytest.raises(Unauthenticated):
        user_of(token)
    assert not revoke_token(row, by=SYSTEM)
    assert ApiToken.objects.exists()


def test_a_token_ends_after_ninety_days_unless_told_otherwise():
    issue_token(person("ada", Role.VIEWER), name="ci")
    left = ApiToken.objects.get().expires_at - now()
    assert timedelta(days=89) < left <= timedelta(days=90)


def test_making_revoking_and_deleting_a_token_is_in_the_log_without_the_token():
    token = issue_token(person("ada", Role.VIEWER), name="ci")
    row = ApiToken.objects.get()
    revoke_token(row, by=SYSTEM)
    identity.delete_token(row, by=SYSTEM)
    events = AuditEvent.objects.filter(type__startswith="token_").order_by("pk")
    assert [event.type for event in events] == ["token_issued", "token_revoked", "token_deleted"]
    assert not any(token[10:].encode() in bytes(event.body) for event in events)


# --- what a token costs ---


def test_a_token_costs_one_query_and_then_none_for_a_second(api, login_required):
    headers = headers_of(person("ada", Role.VIEWER))
    api.get("/api/info", **headers)
    ApiToken.objects.update(last_used_at=now())
    identity.forget()
    assert [asked_of_login(api, headers) for _ in range(2)] == [1, 0]


def asked_of_login(api, headers):
    """Queries about who asks: tokens, people, groups, sessions."""
    with CaptureQueriesContext(connection) as asked:
        assert api.get("/api/info", **headers).status_code == 200
    return sum(
        any(name in query["sql"] for name in ("apitoken", "auth_", "django_session"))
        for query in asked
    )


def test_what_another_process_revoked_is_good_for_a_second_at_most(monkeypatch):
    token = issue_token(person("ada", Role.VIEWER), name="ci")
    user_of(token)
    ApiToken.objects.update(revoked_at=now())  # no signal, as from another process
    user_of(token)
    assert credentials.TRUSTED_S <= 2
    monkeypatch.setattr(credentials, "TRUSTED_S", 0)
    with pytest.raises(Unauthenticated):
        user_of(token)


def test_the_last_use_is_written_once_a_minute():
    token = issue_token(person("ada", Role.VIEWER), name="ci")
    assert ApiToken.objects.get().last_used_at is None
    user_of(token)
    used = ApiToken.objects.get().last_used_at
    assert used is not None
    identity.forget()
    user_of(token)
    assert ApiToken.objects.get().last_used_at == used
    ApiToken.objects.update(last_used_at=now() - timedelta(minutes=2))
    identity.forget()
    user_of(token)
    again = ApiToken.objects.get().last_used_at
    assert again is not None
    assert again >= used


def test_who_guesses_tokens_is_locked_out_and_nobody_else():
    good = issue_token(person("ada", Role.VIEWER), name="ci")
    user_of(good, address="203.0.113.7")
    for number in range(credentials.GUESSES.amount):
        with pytest.raises(Unauthenticated):
            user_of(f"aura_{number}", address="203.0.113.7")
    with pytest.raises(RateLimited):
        user_of("aura_another", address="203.0.113.7")
    user_of(good, address="203.0.113.7")
    with pytest.raises(Unauthenticated):
        user_of("aura_another", address="203.0.113.8")


def test_who_has_an_ipv6_network_guesses_no_more_tokens_than_others():
    for number in range(credentials.GUESSES.amount):
        with pytest.raises(Unauthenticated):
            user_of(f"aura_{number}", address=f"2001:db8::{number:x}")
    with pytest.raises(RateLimited):
        user_of("aura_another", address="2001:db8::ffff")


# --- the commands ---


def test_the_command_makes_a_token_with_a_role_and_an_end(capsys):
    person("ada", Role.APPROVER)
    call_command("create_token", "ada", "--role", "viewer", "--days", "3", "--name", "ci")
    token = capsys.readouterr().out.strip()
    assert access.DECIDE not in allowed(token)
    row = ApiToken.objects.get()
    assert (row.name, row.role) == ("ci", "viewer")
    assert timedelta(days=2) < row.expires_at - now() <= timedelta(days=3)


@pytest.mark.parametrize(
    "arguments", [["nobody"], ["ada", "--days", "0"], ["ada", "--role", "approver"]]
)
def test_the_command_refuses_in_words(arguments):
    person("ada", Role.VIEWER)
    with pytest.raises(CommandError):
        call_command("create_token", *arguments)


def test_for_somebody_unknown_the_command_says_where_people_are_made():
    with pytest.raises(CommandError, match=r"no active user 'ada'.* console .*createsuperuser"):
        call_command("create_token", "ada")


def test_what_knows_of_no_roles_makes_a_token_of_the_least():
    ada = person("ada", Role.ADMIN)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO governance_apitoken (user_id, name, digest, created_at, expires_at)"
            " VALUES (%s, 'old', 'x', now(), now())",
            [ada.pk],
        )
    assert ApiToken.objects.get().role == "viewer"


def test_tokens_are_listed_and_revoked_by_command(capsys):
    token = issue_token(person("ada", Role.VIEWER), name="ci")
    call_command("revoke_token")
    listed = capsys.readouterr().out
    assert "ci of ada" in listed
    assert "last used never" in listed
    call_command("revoke_token", listed.split()[0])
    with pytest.raises(Unauthenticated):
        user_of(token)
    with pytest.raises(CommandError):
        call_command("revoke_token", "--user", "grace")
