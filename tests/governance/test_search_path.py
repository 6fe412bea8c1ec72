"""Who has our database role may say where its names are looked for; the log is not fooled."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import connection, connections

from aura.doctor import database as doctor
from aura.doctor.findings import Level
from governance.audit.protection import FUNCTIONS
from governance.audit.record import record
from governance.audit.sequence import LOCK
from governance.audit.verify import verify
from governance.models import AuditLink, AuditPending
from governance.types import SYSTEM

NAMES = ("governance_auditevent", "governance_auditlink", "governance_auditpending")


def sql(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def elsewhere(transactional_db) -> Iterator[None]:
    """The role's sessions look into another schema first, from their next connection on."""
    database = connection.settings_dict["NAME"]
    sql("CREATE SCHEMA elsewhere")
    for name in NAMES:
        sql(f"CREATE TABLE elsewhere.{name} (LIKE public.{name} INCLUDING ALL)")
    whose = f'ALTER ROLE CURRENT_USER IN DATABASE "{database}"'
    sql(f"{whose} SET search_path = elsewhere, public")
    connection.close()
    try:
        yield
    finally:
        connection.close()
        sql(f"{whose} RESET search_path")
        sql("DROP SCHEMA elsewhere CASCADE")
        connection.close()


def test_a_search_path_of_the_role_changes_nothing_of_ours(elsewhere):
    assert sql("SHOW search_path") == [("public, pg_temp",)]
    record("something_happened", actor=SYSTEM, action="a")
    assert sql("SELECT count(*) FROM public.governance_auditlink") == [(1,)]
    assert sql("SELECT count(*) FROM elsewhere.governance_auditevent") == [(0,)]
    verdict = verify(full=True)
    assert (verdict.valid, verdict.events) == (True, 1)


def test_doctor_says_that_somebody_set_one(elsewhere):
    (finding,) = doctor.search_path(settings.AURA)
    assert finding.level is Level.WARN
    assert "elsewhere" in finding.text


@pytest.mark.django_db
def test_doctor_has_nothing_to_say_otherwise():
    (finding,) = doctor.search_path(settings.AURA)
    assert finding.level is Level.OK


@pytest.mark.django_db
def test_one_that_the_operator_chose_in_the_address_stays():
    other = connections["default"].copy()
    other.settings_dict = {
        **other.settings_dict,
        "OPTIONS": {**other.settings_dict["OPTIONS"], "options": "-c search_path=mine,public"},
    }
    try:
        with other.cursor() as cursor:
            cursor.execute("SHOW search_path")
            assert cursor.fetchone() == ("mine,public",)
    finally:
        other.close()


@pytest.mark.django_db
def test_temporary_tables_of_a_session_do_not_stand_for_those_of_the_log():
    for name in NAMES:
        sql(f"CREATE TEMPORARY TABLE {name} (LIKE public.{name}) ON COMMIT DROP")
    sql("SET LOCAL search_path = pg_temp, public")
    sql(
        "INSERT INTO public.governance_auditevent (uid, recorded_at, type, trace_id, actor,"
        " actor_name, action, body) VALUES (gen_random_uuid(), now(), 't', '', 'system', '', 'a',"
        " '{}')"
    )
    sql(f"SELECT public.governance_link({LOCK}, 100)")
    assert sql("SELECT count(*) FROM public.governance_auditpending") == [(0,)]
    assert sql("SELECT count(*) FROM public.governance_auditlink") == [(1,)]
    assert (AuditLink.objects.count(), AuditPending.objects.count()) == (0, 0)  # the temporary ones


@pytest.mark.django_db
def test_every_function_of_the_log_says_where_it_looks():
    found = sql(
        "SELECT proname, proconfig::text, prosrc FROM pg_proc WHERE proname LIKE 'governance%'"
    )
    assert {name for name, _, _ in found} == set(FUNCTIONS)
    for name, config, source in found:
        if name == "governance_event_pending":  # one statement, without an operator or a function
            assert source.split()[1:4] == ["INSERT", "INTO", "public.governance_auditpending"]
        else:
            assert "search_path=pg_catalog, public, pg_temp" in config, name
