-- The role that Aura looks with. Run it once on every server, as a superuser:
--
--     psql --no-psqlrc -v ON_ERROR_STOP=1 -f aura_readonly.sql "host=db.example.com dbname=postgres"
--     psql "host=db.example.com dbname=postgres" -c '\password aura_readonly'
--
-- It may see every statistic and every setting (pg_monitor), and the rows of no table. It can end
-- no session and change nothing. Running it again changes nothing.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'aura_readonly') THEN
        CREATE ROLE aura_readonly LOGIN;
    END IF;
END
$$;

ALTER ROLE aura_readonly NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT
    CONNECTION LIMIT 40;
ALTER ROLE aura_readonly SET default_transaction_read_only = on;
ALTER ROLE aura_readonly SET statement_timeout = '30s';
ALTER ROLE aura_readonly SET lock_timeout = '5s';
ALTER ROLE aura_readonly SET idle_in_transaction_session_timeout = '60s';
GRANT pg_monitor TO aura_readonly;

-- What run_query may read is yours to say, schema by schema, in each database. Do not grant
-- pg_read_all_data: with it the role reads the password hashes of pg_shadow.
--
--     GRANT USAGE ON SCHEMA public TO aura_readonly;
--     GRANT SELECT ON ALL TABLES IN SCHEMA public TO aura_readonly;
--     ALTER DEFAULT PRIVILEGES FOR ROLE app_owner IN SCHEMA public
--         GRANT SELECT ON TABLES TO aura_readonly;
--
-- Sequences near their end are seen (triage_database) where the role may read them:
--
--     GRANT USAGE ON SCHEMA public TO aura_readonly;
--     GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO aura_readonly;
--
-- What get_slow_queries tells needs pg_stat_statements in shared_preload_libraries, and in the
-- database that is registered:
--
--     CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
--
-- What read_pg_log tells needs logging_collector = on, and this function in the database that is
-- registered. It reads the end of the current log and no other file.
--
--     CREATE SCHEMA IF NOT EXISTS aura;
--     GRANT USAGE ON SCHEMA aura TO aura_readonly;
--     CREATE OR REPLACE FUNCTION aura.log_tail(most integer) RETURNS text
--     LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
--         SELECT convert_from(
--             pg_read_binary_file(file, greatest((pg_stat_file(file)).size - kept, 0), kept),
--             'SQL_ASCII')
--         FROM (SELECT pg_current_logfile() AS file, least(greatest(most, 0), 4194304) AS kept) log
--         WHERE file IS NOT NULL
--     $function$;
--     REVOKE ALL ON FUNCTION aura.log_tail(integer) FROM PUBLIC;
--     GRANT EXECUTE ON FUNCTION aura.log_tail(integer) TO aura_readonly;
