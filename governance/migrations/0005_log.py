"""Events get a public key and what they are about; signed checkpoints; stricter triggers.

The trigger functions run as their owner, so that the log's tables can belong to a role of their own
(`governance.audit.protection`). An event cannot be dated back, nor ahead, by more than an hour.
"""

from django.db import migrations, models

GUARDS = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON governance_checkpoint
    FOR EACH ROW EXECUTE FUNCTION governance_append_only();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON governance_checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION governance_append_only();
ALTER TABLE governance_checkpoint ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE governance_checkpoint ENABLE ALWAYS TRIGGER append_only_truncate;

CREATE OR REPLACE FUNCTION governance_event_pending() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.recorded_at NOT BETWEEN clock_timestamp() - interval '1 hour'
                           AND clock_timestamp() + interval '1 hour' THEN
        RAISE EXCEPTION 'the audit log is append-only: an event of % is not written now',
            NEW.recorded_at USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO governance_auditpending (event_id) VALUES (NEW.id);
    RETURN NULL;
END $$;
"""

# After a way back and forth again: what the columns say is in the bytes.
DERIVE = """
ALTER TABLE governance_auditevent DISABLE TRIGGER append_only;
UPDATE governance_auditevent AS event
SET key = told.said ->> 'key',
    session_id = coalesce(told.said ->> 'sessionId', ''),
    agent = left(coalesce(told.said ->> 'agent', ''), 100),
    action_class = coalesce(told.said ->> 'actionClass', '')
FROM (
    SELECT id, convert_from(body, 'UTF8')::jsonb AS said FROM governance_auditevent
    WHERE position('"key":"'::bytea IN body) > 0
) AS told
WHERE told.id = event.id AND told.said ->> 'key' IS NOT NULL;
ALTER TABLE governance_auditevent ENABLE ALWAYS TRIGGER append_only;
"""

UNDO = """
CREATE OR REPLACE FUNCTION governance_event_pending() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO governance_auditpending (event_id) VALUES (NEW.id);
    RETURN NULL;
END $$;
"""


def about(name, length):
    field = models.CharField(max_length=length, blank=True, default="", db_default="")
    return migrations.AddField(model_name="auditevent", name=name, field=field)


def index(**options):
    return migrations.AddIndex(model_name="auditevent", index=models.Index(**options))


def index_of(column):
    return index(
        name=f"audit_by_{column}",
        fields=[column, "-recorded_at", "-id"],
        condition=~models.Q((column, "")),
    )


class Migration(migrations.Migration):
    dependencies = [("governance", "0004_policy")]

    operations = [
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("origin", models.CharField(max_length=200)),
                ("size", models.BigIntegerField()),
                ("root", models.BinaryField(max_length=32)),
                ("frontier", models.BinaryField()),
                ("note", models.TextField()),
                ("signed_at", models.DateTimeField()),
            ],
            options={"ordering": ["-size"]},
        ),
        migrations.AddConstraint(
            model_name="checkpoint",
            constraint=models.UniqueConstraint(
                fields=("size", "origin"), name="one_checkpoint_a_size"
            ),
        ),
        migrations.AddField(
            model_name="auditevent", name="key", field=models.CharField(max_length=64, null=True)
        ),
        about("session_id", 64),
        about("agent", 100),
        about("action_class", 16),
        migrations.RunSQL(DERIVE, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="auditevent",
            constraint=models.UniqueConstraint(fields=("key",), name="one_event_a_key"),
        ),
        index(name="audit_by_actor", fields=["actor", "-recorded_at", "-id"]),
        index(
            name="audit_by_trace_prefix", fields=["trace_id"], opclasses=["varchar_pattern_ops"]
        ),
        index_of("session_id"),
        index_of("agent"),
        index_of("action_class"),
        migrations.AlterField(
            model_name="auditlink",
            name="event",
            field=models.OneToOneField(
                db_constraint=False,
                on_delete=models.deletion.PROTECT,
                related_name="link",
                to="governance.auditevent",
            ),
        ),
        migrations.RunSQL(GUARDS, UNDO),
    ]
