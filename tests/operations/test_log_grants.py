# ruff: noqa: S608 - our own statements
"""Aura's own role can add to the log and nothing else, once it belongs to a role of its own."""

from __future__ import annotations

from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from governance.audit import protection
from governance.audit.checkpoints import signer
from governance.audit.keys import signing_key
from governance.audit.offline import verify_bundle
from governance.audit.record import record
from governance.audit.verify import verify
from governance.types import SYSTEM
from tests.operations.servers import new_database, pg

LOG = "governance_auditevent"
COLUMNS = "uid, recorded_at, type, trace_id, actor, actor_name, action, body"
VALUES = "gen_random_uuid(), now(), 'x', '', 'user', '', 'x', ''"
REFUSED = {
    "update": f"UPDATE {LOG} SET action = 'x'",
    "update of a link": "UPDATE governance_auditlink SET hash = ''",
    "update of a checkpoint": "UPDATE governance_checkpoint SET note = ''",
    "delete": f"DELETE FROM {LOG}",
    "delete of a link": "DELETE FROM governance_auditlink",
    "truncate": f"TRUNCATE {LOG} CASCADE",
    "upsert": f"INSERT INTO {LOG} ({COLUMNS}) VALUES ({VALUES}) ON CONFLICT (uid) DO UPDATE"
    " SET action = 'x'",
    "merge": f"MERGE INTO {LOG} USING (SELECT 1) AS s ON true WHEN MATCHED THEN DELETE",
    "own id": f"INSERT INTO {LOG} (id, {COLUMNS}) VALUES (1, {VALUES})",
    "own id, overriding": f"INSERT INTO {LOG} (id, {COLUMNS}) OVERRIDING SYSTEM VALUE"
    f" VALUES (1, {VALUES})",
    "dated back": f"INSERT INTO {LOG} ({COLUMNS}) VALUES"
    f" ({VALUES.replace('now()', 'now() - interval $$2 days$$')})",
    "replica role": "SET session_replication_role = replica",
    "trigger": f"ALTER TABLE {LOG} DISABLE TRIGGER ALL",
    "column": f"ALTER TABLE {LOG} DROP COLUMN action",
    "rule": f"CREATE RULE nothing AS ON INSERT TO {LOG} DO INSTEAD NOTHING",
    "new trigger": f"CREATE TRIGGER t AFTER INSERT ON {LOG}"
    " EXECUTE FUNCTION governance_append_only()",
    "function": "CREATE OR REPLACE FUNCTION governance_append_only() RETURNS trigger"
    " LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'",
    "drop": f"DROP TABLE {LOG} CASCADE",
    "owner": f"ALTER TABLE {LOG} OWNER TO CURRENT_USER",
    "role": f"SET ROLE {protection.OWNER}",
    "sequence": f"SELECT setval('{LOG}_id_seq', 1)",
    "schema": "DROP SCHEMA public CASCADE",
    "queue": "INSERT INTO governance_auditpending VALUES (99)",
}


@pytest.fixture(scope="module")
def guarded(live, migrated):
    """(URL of the role `app`, URL of a superuser) on a database whose tables `app` made."""
    admin = new_database(live, "guarded", template=migrated)
    parts = urlsplit(admin)
    app = urlunsplit(parts._replace(netloc=f"app:secret@{parts.hostname}:{parts.port}"))
    with psycopg.connect(admin, autocommit=True) as server:
        server.execute("DROP ROLE IF EXISTS app")
        server.execute("CREATE ROLE app LOGIN PASSWORD 'secret'")
        server.execute("ALTER DATABASE guarded OWNER TO app")
        for (table,) in server.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall():
            server.execute(f'ALTER TABLE "{table}" OWNER TO app')
        for function in protection.FUNCTIONS:
            server.execute(f"ALTER FUNCTION {function} OWNER TO app")
    return app, admin


@pytest.fixture
def protected(guarded, using):
    app, admin = guarded
    with using(app):
        call_command("protect_log", "--admin-url", admin)
        yield app, admin


@pytest.mark.parametrize("what", REFUSED)
def test_the_role_of_the_product_may_not(protected, what):
    record("something_happened", actor=SYSTEM, action="x")
    with psycopg.connect(protected[0]) as app, pytest.raises(psycopg.Error):
        app.execute(REFUSED[what])


def test_it_writes_links_signs_and_verifies(protected):
    before = verify(full=True).hashed
    record("something_happened", actor=SYSTEM, action="x")
    signer._signed = None
    assert signer.sign_head()
    verdict = verify(full=True)
    assert verdict.valid, verdict
    assert verdict.hashed == before + 1


def test_migrations_get_the_tables_back_and_dumps_hold_everything(
    protected, using, fresh, tmp_path
):
    app, admin = protected
    call_command("protect_log", "--admin-url", admin, "--release")
    assert protection.owner_of_log(connection) == "app"
    call_command("migrate", "governance", "0003_access", verbosity=0)
    call_command("migrate", verbosity=0)
    call_command("protect_log", "--admin-url", admin)
    assert protection.owner_of_log(connection) == protection.OWNER
    record("something_happened", actor=SYSTEM, action="x")
    assert verify(full=True).valid
    dump = tmp_path / "log.dump"
    pg("pg_dump", app, "--format=custom", f"--file={dump}")
    target = new_database(fresh, "guarded")
    with psycopg.connect(target, autocommit=True) as server:
        server.execute("CREATE ROLE app")
    pg("pg_restore", target, "--exit-on-error", "--no-owner", str(dump))
    with using(target):
        assert verify(full=True).valid


def test_a_superuser_is_told_that_no_grant_binds_it(live, using):
    with using(live.url), pytest.raises(CommandError, match="superuser"):
        call_command("protect_log", "--admin-url", live.url)


def test_what_a_superuser_edits_is_named_by_the_offline_verifier(protected, tmp_path, capsys):
    for number in range(3):
        record("something_happened", actor=SYSTEM, action=f"did {number}")
    signer._signed = None
    signer.sign_head()
    with psycopg.connect(protected[1], autocommit=True) as server, _edited(server) as place:
        call_command("export_log", str(tmp_path / "log"))
        capsys.readouterr()
        key = signing_key()
        assert verify_bundle.main([str(tmp_path / "log"), "--key", key.public.text]) == 1
        said = capsys.readouterr().out
        assert said == f"BROKEN: entry {place} was changed: its hash does not follow\n"
        assert verify(full=True).broken_at == place
    assert verify(full=True).valid


@contextmanager
def _edited(server):
    """The place of an event whose bytes are others within."""
    body = (
        f"UPDATE {LOG} SET body = convert_to(replace(convert_from(body, 'UTF8'), %s, %s), 'UTF8')"
    )
    event, place = server.execute(
        f"SELECT e.id, l.seq FROM {LOG} e JOIN governance_auditlink l ON l.event_id = e.id"
        " WHERE action = 'did 1' ORDER BY e.id DESC LIMIT 1"
    ).fetchone()
    server.execute("SET session_replication_role = replica")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        server.execute(f"{body} WHERE id = %s", ["did 1", "did 9", event])
    server.execute(f"ALTER TABLE {LOG} DISABLE TRIGGER append_only")
    server.execute(f"{body} WHERE id = %s", ["did 1", "did 9", event])
    yield place
    server.execute(f"{body} WHERE id = %s", ["did 9", "did 1", event])
    server.execute(f"ALTER TABLE {LOG} ENABLE ALWAYS TRIGGER append_only")
