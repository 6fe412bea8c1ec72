-- The role that Aura makes approved repairs with: it may cancel statements and end sessions of roles
-- that are no superusers. Needed where `operator_user` is set in the inventory, and only there.
-- Run it once on every such server, as a superuser, and give it a password of its own:
--
--     psql --no-psqlrc -v ON_ERROR_STOP=1 -f aura_operator.sql "host=db.example.com dbname=postgres"
--     psql "host=db.example.com dbname=postgres" -c '\password aura_operator'
--
-- It reads no table. Running it again changes nothing.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'aura_operator') THEN
        CREATE ROLE aura_operator LOGIN;
    END IF;
END
$$;

ALTER ROLE aura_operator NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT
    CONNECTION LIMIT 10;
ALTER ROLE aura_operator SET idle_in_transaction_session_timeout = '60s';
GRANT pg_monitor, pg_signal_backend TO aura_operator;

-- Each of these lets one more tool work; grant what you want to be done from here.
--
-- run_vacuum, from PostgreSQL 17 on (before, only a table's owner can vacuum it):
--     GRANT pg_maintain TO aura_operator;
-- resume_wal_replay:
--     GRANT EXECUTE ON FUNCTION pg_wal_replay_resume() TO aura_operator;
-- reset_cache_stats:
--     GRANT EXECUTE ON FUNCTION pg_stat_reset() TO aura_operator;
-- reset_pg_setting, for one setting, from PostgreSQL 15 on:
--     GRANT ALTER SYSTEM ON PARAMETER work_mem TO aura_operator;
--     GRANT EXECUTE ON FUNCTION pg_reload_conf() TO aura_operator;
-- drop_replication_slot needs the right of replication, which also lets a role copy everything:
--     ALTER ROLE aura_operator REPLICATION;
