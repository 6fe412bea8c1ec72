"""Linking is one call: lock, read, hash and write without a way to the client in between.

It hashes as `governance.audit.chain` does, which verifies it.
"""

from django.db import migrations

LINK = """
CREATE FUNCTION governance_link(key bigint, batch integer, OUT first bigint, OUT leaves bytea[])
LANGUAGE plpgsql AS $$
DECLARE
    previous bytea;
    seq bigint;
    waiting record;
    events bigint[];
    hashes bytea[];
BEGIN
    IF NOT pg_try_advisory_xact_lock(key) THEN
        RETURN;
    END IF;
    -- Each statement sees what was committed before it, so the lock comes first.
    SELECT l.seq, l.hash INTO seq, previous FROM governance_auditlink l ORDER BY l.seq DESC LIMIT 1;
    IF NOT FOUND THEN
        seq := 0;
        previous := decode(repeat('00', 32), 'hex');
    END IF;
    hashes := ARRAY[previous];
    FOR waiting IN
        SELECT e.id, e.body FROM governance_auditevent e
        WHERE e.id IN (SELECT p.event_id FROM governance_auditpending p ORDER BY p.event_id LIMIT batch)
        ORDER BY e.id
    LOOP
        previous := sha256(previous || waiting.body);
        events := array_append(events, waiting.id);
        hashes := array_append(hashes, previous);
        leaves := array_append(leaves, sha256('\\x00'::bytea || waiting.body));
    END LOOP;
    IF events IS NULL THEN
        RETURN;
    END IF;
    first := seq + 1;
    DELETE FROM governance_auditpending p WHERE p.event_id = ANY(events);
    INSERT INTO governance_auditlink (seq, event_id, prev_hash, hash, leaf)
    SELECT first + n - 1, event, before, own, leaf
    FROM unnest(events, hashes[:cardinality(events)], hashes[2:], leaves)
        WITH ORDINALITY AS linked(event, before, own, leaf, n);
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("governance", "0009_log_indexes")]
    operations = [
        migrations.RunSQL(LINK, "DROP FUNCTION governance_link(bigint, integer)"),
    ]
