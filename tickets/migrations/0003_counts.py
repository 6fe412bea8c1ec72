"""How many tickets there are of each status and priority, kept by the database itself.

Counting rows takes as long as there are rows. A change of a count takes any row of its status and
priority that no other transaction holds, or makes one: writers never wait for each other, and the
sum over the rows is exact in every snapshot.
"""

from django.db import migrations, models

COUNT = """
ALTER TABLE tickets_ticketcount SET (fillfactor = 50);

CREATE FUNCTION tickets_count(of_status text, of_priority text, change bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tickets_ticketcount SET tickets = tickets + change
        WHERE id = (SELECT id FROM tickets_ticketcount
                    WHERE status = of_status AND priority = of_priority
                    LIMIT 1 FOR UPDATE SKIP LOCKED);
    IF NOT FOUND THEN
        INSERT INTO tickets_ticketcount (status, priority, tickets)
            VALUES (of_status, of_priority, change);
    END IF;
END $$;

CREATE FUNCTION tickets_counted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM tickets_count(status, priority, count(*)) FROM changed GROUP BY status, priority;
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM tickets_count(status, priority, -count(*)) FROM changed GROUP BY status, priority;
    ELSIF TG_OP = 'UPDATE' THEN
        PERFORM tickets_count(OLD.status, OLD.priority, -1);
        PERFORM tickets_count(NEW.status, NEW.priority, 1);
    ELSE
        DELETE FROM tickets_ticketcount;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER counted_in AFTER INSERT ON tickets_ticket REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION tickets_counted();
CREATE TRIGGER counted_out AFTER DELETE ON tickets_ticket REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION tickets_counted();
-- A turn of an agent changes its ticket, and rarely these: by rows, what does not is not looked at.
CREATE TRIGGER counted_again AFTER UPDATE OF status, priority ON tickets_ticket
    FOR EACH ROW WHEN ((OLD.status, OLD.priority) IS DISTINCT FROM (NEW.status, NEW.priority))
    EXECUTE FUNCTION tickets_counted();
CREATE TRIGGER counted_none AFTER TRUNCATE ON tickets_ticket
    FOR EACH STATEMENT EXECUTE FUNCTION tickets_counted();

INSERT INTO tickets_ticketcount (status, priority, tickets)
    SELECT status, priority, count(*) FROM tickets_ticket GROUP BY status, priority;
"""

UNDO = """
DROP TRIGGER counted_none ON tickets_ticket;
DROP TRIGGER counted_again ON tickets_ticket;
DROP TRIGGER counted_out ON tickets_ticket;
DROP TRIGGER counted_in ON tickets_ticket;
DROP FUNCTION tickets_counted();
DROP FUNCTION tickets_count(text, text, bigint);
"""


class Migration(migrations.Migration):
    dependencies = [("tickets", "0002_webhooks")]
    operations = [
        migrations.CreateModel(
            name="TicketCount",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("status", models.CharField(max_length=32)),
                ("priority", models.CharField(max_length=16)),
                ("tickets", models.BigIntegerField()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["status", "priority"], name="count_of_tickets"),
                ],
            },
        ),
        migrations.RunSQL(COUNT, UNDO),
    ]
