"""What an append costs beside its row: one plain insert into the queue.

An event that is not dated now is refused by a condition of its trigger, for which no function is
called. The function that fills the queue names its table in full, as there is nothing else in it
that a search path could turn into something else: to set one takes as long as the insert.
"""

from django.db import migrations

APPEND = """
CREATE FUNCTION governance_event_dated() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only: an event of % is not written now',
        NEW.recorded_at USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER event_dated AFTER INSERT ON governance_auditevent
    FOR EACH ROW WHEN (NEW.recorded_at NOT BETWEEN clock_timestamp() - interval '1 hour'
                                               AND clock_timestamp() + interval '1 hour')
    EXECUTE FUNCTION governance_event_dated();
ALTER TABLE governance_auditevent ENABLE ALWAYS TRIGGER event_dated;

CREATE OR REPLACE FUNCTION governance_event_pending() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER AS $$
BEGIN
    INSERT INTO public.governance_auditpending (event_id) VALUES (NEW.id);
    RETURN NULL;
END $$;
"""

UNDO = """
CREATE OR REPLACE FUNCTION governance_event_pending() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW.recorded_at NOT BETWEEN clock_timestamp() - interval '1 hour'
                           AND clock_timestamp() + interval '1 hour' THEN
        RAISE EXCEPTION 'the audit log is append-only: an event of % is not written now',
            NEW.recorded_at USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO governance_auditpending (event_id) VALUES (NEW.id);
    RETURN NULL;
END $$;
DROP TRIGGER event_dated ON governance_auditevent;
DROP FUNCTION governance_event_dated();
"""


class Migration(migrations.Migration):
    dependencies = [("governance", "0014_notices")]
    operations = [migrations.RunSQL(APPEND, UNDO)]
