"""The log takes inserts and nothing else, and every new event waits for its place in the chain.

ENABLE ALWAYS keeps the triggers firing under session_replication_role = replica as well.
"""

from django.db import migrations

APPEND_ONLY = """
CREATE FUNCTION governance_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only: % on % refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON governance_auditevent
    FOR EACH ROW EXECUTE FUNCTION governance_append_only();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON governance_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION governance_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON governance_auditlink
    FOR EACH ROW EXECUTE FUNCTION governance_append_only();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON governance_auditlink
    FOR EACH STATEMENT EXECUTE FUNCTION governance_append_only();
ALTER TABLE governance_auditevent ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE governance_auditevent ENABLE ALWAYS TRIGGER append_only_truncate;
ALTER TABLE governance_auditlink ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE governance_auditlink ENABLE ALWAYS TRIGGER append_only_truncate;
"""

PENDING = """
CREATE FUNCTION governance_event_pending() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO governance_auditpending (event_id) VALUES (NEW.id);
    RETURN NULL;
END $$;

CREATE TRIGGER event_pending AFTER INSERT ON governance_auditevent
    FOR EACH ROW EXECUTE FUNCTION governance_event_pending();
ALTER TABLE governance_auditevent ENABLE ALWAYS TRIGGER event_pending;
"""

UNDO = """
DROP TRIGGER event_pending ON governance_auditevent;
DROP FUNCTION governance_event_pending();
DROP TRIGGER append_only ON governance_auditevent;
DROP TRIGGER append_only_truncate ON governance_auditevent;
DROP TRIGGER append_only ON governance_auditlink;
DROP TRIGGER append_only_truncate ON governance_auditlink;
DROP FUNCTION governance_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("governance", "0001_initial")]
    operations = [migrations.RunSQL(APPEND_ONLY + PENDING, UNDO)]
